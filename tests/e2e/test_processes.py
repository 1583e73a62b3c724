"""The real program in processes of its own: killed, stopped, watched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workshop import sha256_of
from tlsync.sandbox.server import SandboxServer

MakeClip = Callable[..., Path]
CANARY_KEY = "canary-key-0123456789"
CHUNK_BYTES = 64 * 1024


def wait_until(is_true: Callable[[], Any], what: str, limit_s: float = 30.0) -> None:
    """Look again and again until something is so."""
    deadline = time.monotonic() + limit_s
    pause = threading.Event()
    while not is_true():
        assert time.monotonic() < deadline, f"waited in vain for: {what}"
        pause.wait(0.02)


def make_large(clip: Path, extra_bytes: int) -> Path:
    """Lengthen an MP4 with a `free` box, which is whole and costs no encoding."""
    with clip.open("ab") as stream:
        stream.write(struct.pack(">I4s", extra_bytes, b"free") + os.urandom(extra_bytes - 8))
    return clip


class Desk:
    """A person's machine: a config, a footage folder, and the command."""

    def __init__(self, folder: Path, server: SandboxServer) -> None:
        self.folder = folder
        self.server = server
        self.footage = folder / "footage"
        self.footage.mkdir()
        self.state_dir = folder / "state"
        self.output = folder / "output"
        self.output.mkdir()
        self.configure()

    def configure(self, extra: str = "") -> None:
        (self.folder / "config.toml").write_text(
            f'state_dir = "{self.state_dir}"\n[[root]]\npath = "{self.footage}"\nindex = "clips"\n'
            f'[sync]\nsettle = "0.2 s"\npoll = "0.1 s"\n{extra}'
        )

    def start(self, *arguments: str, key: str = CANARY_KEY) -> subprocess.Popen[str]:
        name = str(len(list(self.output.iterdir())))
        environment = {key_: value for key_, value in os.environ.items() if "TWELVE" not in key_}
        environment |= {"TWELVE_LABS_API_KEY": key, "TWELVELABS_BASE_URL": self.server.base_url}
        with (self.output / f"{name}.out").open("w") as out, (self.output / f"{name}.err").open("w") as err:
            return subprocess.Popen(
                [sys.executable, "-m", "tlsync", "--config", str(self.folder / "config.toml"), *arguments],
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                env=environment,
                cwd=Path(__file__).parent.parent.parent,
                text=True,
            )

    def run(self, *arguments: str, key: str = CANARY_KEY) -> tuple[int, str, str]:
        """Run a command to its end: exit code, stdout, stderr."""
        before = len(list(self.output.iterdir()))
        code = self.start(*arguments, key=key).wait(60)
        return code, *((self.output / f"{before}.{kind}").read_text() for kind in ("out", "err"))  # type: ignore[return-value]

    def json(self, *arguments: str) -> Any:
        code, out, err = self.run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    def recorded_chunks(self) -> set[tuple[str, int]]:
        connection = sqlite3.connect(f"file:{self.state_dir}/catalog.db?mode=ro", uri=True)
        rows = connection.execute(
            "SELECT upload_id, number FROM chunks JOIN sessions ON sessions.id = session_id"
        ).fetchall()
        connection.close()
        return set(rows)

    def puts(self) -> dict[tuple[str, int], int]:
        return {(put.upload_id, put.chunk): put.puts for put in self.server.ledger.puts()}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
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


def test_killed_in_the_middle_of_an_upload_nothing_recorded_is_sent_again(
    desk: Desk, make_clip: MakeClip, processes: list[subprocess.Popen[str]]
) -> None:
    clip = make_large(make_clip(desk.footage / "clip.mp4"), 2_000_000)
    desk.configure('[upload]\nbandwidth = "1 MB/s"\n')
    processes.append(desk.start("sync"))
    wait_until(lambda: len(desk.puts()) >= 8, "eight chunks")
    processes[0].kill()
    processes[0].wait(10)
    recorded = desk.recorded_chunks()
    assert recorded
    puts_before = desk.puts()
    desk.configure()
    outcome = desk.json("sync")
    assert outcome["enriched"] == 1
    assert all(desk.puts()[chunk] == puts_before[chunk] for chunk in recorded)
    assert list(desk.server.ledger.assets_by_sha256()) == [sha256_of(clip)]
    assert desk.server.ledger.count("multipart_upload.create") == 1
    connection = sqlite3.connect(desk.state_dir / "catalog.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_end_run_within_a_chunk_and_keep_the_state(
    desk: Desk, make_clip: MakeClip, processes: list[subprocess.Popen[str]], number: signal.Signals, code: int
) -> None:
    clip = make_large(make_clip(desk.footage / "clip.mp4"), 2_000_000)
    desk.configure('[upload]\nbandwidth = "500 kB/s"\n')
    processes.append(desk.start("run"))
    wait_until(lambda: len(desk.puts()) >= 2, "two chunks")
    processes[0].send_signal(number)
    assert processes[0].wait(5) == code
    recorded, puts_before = desk.recorded_chunks(), desk.puts()
    desk.configure()
    assert desk.json("sync")["enriched"] == 1
    assert all(desk.puts()[chunk] == puts_before[chunk] for chunk in recorded)
    assert list(desk.server.ledger.assets_by_sha256()) == [sha256_of(clip)]


def test_run_sees_what_arrives_and_what_moves(
    desk: Desk, make_clip: MakeClip, processes: list[subprocess.Popen[str]], tmp_path: Path
) -> None:
    """New, copied and renamed while the daemon watches: one upload, and sidecars for all."""
    processes.append(desk.start("run"))
    wait_until(
        lambda: (desk.state_dir / "catalog.db").exists() and desk.json("status")["roots"][0]["last_scan_at"], "a scan"
    )
    status = desk.json("status")
    assert status["daemon"] == {"running": True, "pid": processes[0].pid, "paused_until": None}
    assert status["roots"][0]["watching"] == "events"
    source = make_clip(tmp_path / "source.mp4")
    (desk.footage / "day").mkdir()
    arrived = desk.footage / "day" / "clip.mp4"
    with arrived.open("wb") as stream:  # a slow copy: pieces with pauses shorter than the quiet period
        for piece in range(0, source.stat().st_size, 30_000):
            stream.write(source.read_bytes()[piece : piece + 30_000])
            stream.flush()
            threading.Event().wait(0.1)
    wait_until(lambda: Path(f"{arrived}.tlsync.json").exists(), "the sidecar of the new clip")
    shutil.copy(arrived, desk.footage / "copy.mp4")
    wait_until(lambda: (desk.footage / "copy.mp4.tlsync.json").exists(), "the sidecar of the copy")
    arrived.rename(desk.footage / "renamed.mp4")
    wait_until(lambda: (desk.footage / "renamed.mp4.tlsync.json").exists(), "the sidecar under the new name")
    wait_until(lambda: not Path(f"{arrived}.tlsync.json").exists(), "the old sidecar to go")
    assert desk.server.ledger.count("multipart_upload.create") == 1
    assert desk.server.ledger.count("indexes.indexed_assets.create") == 1
    second, out, err = desk.run("sync")
    assert (second, out) == (12, "")
    assert "another tlsync" in err
    processes[0].terminate()
    assert processes[0].wait(5) == 0
    assert desk.json("status")["daemon"]["running"] is False
    assert {file["state"] for file in desk.json("ls")["files"]} == {"enriched"}


def test_retry_reaches_the_running_daemon(
    desk: Desk, make_clip: MakeClip, processes: list[subprocess.Popen[str]]
) -> None:
    clip = make_clip(desk.footage / "clip.mp4")
    desk.server.faults.fail("asset")
    processes.append(desk.start("run"))
    wait_until(lambda: desk.run("why", str(clip))[1].count("failed"), "the failure")
    assert desk.json("retry")["asked_daemon"] is True
    wait_until(lambda: Path(f"{clip}.tlsync.json").exists(), "the sidecar")


def test_a_wrong_key_is_told_at_once_with_its_own_exit_code(desk: Desk, make_clip: MakeClip) -> None:
    make_clip(desk.footage / "clip.mp4")
    for command in ("run", "sync"):
        code, _, err = desk.run(command, key="not-the-key-of-this-place")
        assert code == 6
        assert "TWELVE_LABS_API_KEY" in err


def test_the_key_and_signatures_are_nowhere(desk: Desk, make_clip: MakeClip) -> None:
    """Also not with the most talkative logs, after faults, in the catalog, its journal, sidecars or output."""
    make_large(make_clip(desk.footage / "clip.mp4"), 500_000)
    desk.server.faults.answer("storage.put", 403, times=2)
    desk.server.faults.lose_answer("storage.put", nth=4)
    desk.server.faults.answer("summarize", 500)
    assert desk.run("-vv", "--log-format", "json", "sync")[0] == 0
    desk.run("-vv", "sync")
    desk.run("-vv", "search", "clip")
    artefacts = [path for path in desk.folder.rglob("*") if path.is_file() and path.suffix != ".mp4"]
    assert len(artefacts) > 6
    for path in artefacts:
        data = path.read_bytes()
        assert CANARY_KEY.encode() not in data, path
        assert b"ignature=" not in data, path
