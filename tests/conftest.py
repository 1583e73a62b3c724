"""What tests of all layers share: a clock that obeys, a clean environment, real clips."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.desk import CANARY_KEY, CHUNK_BYTES, Desk
from tests.workshop import Workshop
from tlsync.media import samples
from tlsync.media.probe import Prober
from tlsync.sandbox.server import SandboxServer

# A landing must not depend on luck: there the examples are the same each time, elsewhere they explore.
# No deadline for one example: a busy machine is no fault.
settings.register_profile("same_each_time", derandomize=True, deadline=None)
settings.register_profile("exploring", deadline=None)
settings.load_profile("same_each_time" if os.environ.get("CI") else "exploring")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the fault tests; here, since pytest wants them at the top."""
    parser.addoption("--fault-seed", type=int, default=None, help="Replay a fault test from this seed.")
    parser.addoption(
        "--tier",
        choices=["every", "merge", "long"],
        default="",
        help="How often fault tests repeat (default: as -m says).",
    )


class FakeClock:
    """Time stands still until somebody waits or `advance` is called. May be used from many threads."""

    def __init__(self, start: datetime = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)) -> None:
        self._start = start
        self._passed_s = 0.0
        self._guard = threading.Lock()
        self.waits: list[float] = []
        """Every span that was waited for, in order."""

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed_s)

    def monotonic_s(self) -> float:
        return 1000.0 + self._passed_s

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Let the span pass at once, unless `stop` is set."""
        if stop.is_set():
            return True
        with self._guard:
            self.waits.append(seconds)
            self._passed_s += max(0.0, seconds)
        return stop.is_set()

    def advance(self, seconds: float) -> None:
        with self._guard:
            self._passed_s += seconds


@pytest.fixture
def fake_clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No key, no settings and no home of the person who runs the tests. Gives the empty home."""
    for name in list(os.environ):
        if name.startswith(("TWELVE", "TLSYNC_", "XDG_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture(scope="session")
def _clip_cache(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Path]]:
    return tmp_path_factory.mktemp("clips"), {}


MakeClip = Callable[..., Path]


@pytest.fixture
def make_clip(_clip_cache: tuple[Path, dict[str, Path]]) -> MakeClip:
    """`samples.make_clip` with 5 s as default; equal arguments are encoded once per worker and copied."""
    folder, made = _clip_cache

    def make(path: Path, *, duration_s: float = 5.0, **arguments: Any) -> Path:
        key = repr((duration_s, sorted(arguments.items())))
        if key not in made:
            made[key] = samples.make_clip(folder / f"{len(made)}.mp4", duration_s=duration_s, **arguments)
        shutil.copyfile(made[key], path)
        return path

    return make


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A watched folder and a sandbox with small chunks, so that a clip has several."""
    footage = tmp_path / "footage"
    footage.mkdir()
    with SandboxServer(chunk_size_bytes=32 * 1024, first_urls=2) as server, Prober() as prober:
        yield Workshop(server, footage, tmp_path / "state", prober)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A settings file, a folder and a sandbox, for commands in processes of their own."""
    with SandboxServer(api_key=CANARY_KEY, chunk_size_bytes=CHUNK_BYTES, first_urls=4) as server:
        yield Desk(tmp_path, server)


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that must not outlive their test."""
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(10)
