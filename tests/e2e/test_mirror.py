"""The mirrored folder kept true by a process of its own."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_processes import CANARY_KEY, Desk, wait_until
from tests.mirror.shelves import Entry, fill
from tlsync.sandbox.server import SandboxServer


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with SandboxServer(api_key=CANARY_KEY) as server:
        yield Desk(tmp_path, server)


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait(10)


def test_a_watched_mirror_follows_the_catalog_until_it_is_stopped(
    desk: Desk, processes: list[subprocess.Popen[str]]
) -> None:
    fill(desk.state_dir, desk.footage, [Entry("lake.mp4", kind="audio")])
    here = desk.folder / "index" / "clips" / "by-folder" / "footage"
    processes.append(desk.start("mirror", "--watch", str(desk.folder / "index")))
    wait_until((here / "lake.mp4" / "info.json").exists, "the first clip")
    fill(desk.state_dir, desk.footage, [Entry("sea.mp4", kind="audio")])
    wait_until((here / "sea.mp4" / "info.json").exists, "the second clip")
    processes[0].send_signal(signal.SIGINT)
    assert processes[0].wait(20) == 0
    assert desk.run("mirror", str(desk.folder / "index"))[0] == 0
