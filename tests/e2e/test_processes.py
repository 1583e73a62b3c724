"""The real program in processes of its own: killed, stopped, watched."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk import CANARY_KEY, Desk, make_large, wait_until
from tests.workshop import sha256_of

MakeClip = Callable[..., Path]

MakeClip = Callable[..., Path]


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
