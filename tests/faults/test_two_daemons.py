"""One process writes, whoever else starts, and whatever it leaves behind when it dies."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import oracle
from tests.faults.conftest import Row
from tests.faults.lab import Lab, MakeClip, wait_until
from tlsync.sandbox.server import SandboxServer


@pytest.fixture
def lab(tmp_path: Path, make_clip: MakeClip) -> Iterator[Lab]:
    with SandboxServer(chunk_size_bytes=64 * 1024, first_urls=2) as server:
        lab = Lab(tmp_path, server, make_clip(tmp_path / "sample.mp4"))
        yield lab
        lab.close()


def test_f42_many_start_at_once(row: Row, lab: Lab) -> None:
    """Of several daemons and passes that start at the same time one works; the others say which, and leave."""
    lab.clip("clip.mp4")
    runs = [lab.start("run" if number % 2 else "sync") for number in range(row.times(every=4, long=30))]
    wait_until(lambda: sum(run.wait(0) == 12 for run in runs) >= len(runs) - 1 or _writers(runs) == 1, "one to be left")
    refused = [run for run in runs if run.wait(1) == 12]
    assert all("another tlsync works with" in run.err for run in refused)
    wait_until((lab.footage / "clip.mp4.tlsync.json").exists, "the sidecar")
    for run in runs:
        run.send(signal.SIGTERM)
    codes = [run.end(10) for run in runs]
    assert set(codes) <= {0, 12, -signal.SIGTERM}  # the last: asked to stop before it had begun
    assert codes.count(12) >= 1
    assert lab.server.ledger.count("multipart_upload.create") == 1
    lab.sync()
    lab.assert_all_arrived()
    row.say(f"{len(runs)} started at once: {codes.count(12)} refused with a clear message, 1 upload")


def _writers(runs: list[object]) -> int:
    return sum(run.wait(0) is None for run in runs)  # type: ignore[attr-defined]


def test_f42_commands_beside_the_daemon(row: Row, lab: Lab) -> None:
    """Commands that look work while the daemon writes; one that would write is refused."""
    lab.configure('[upload]\nbandwidth = "300 kB/s"\n')
    clip = lab.clip("clip.mp4", 900_000)
    daemon = lab.start("run")
    wait_until(lambda: lab.server.ledger.count("storage.put") > 1, "the upload to be under way")
    for command in (("status",), ("ls",), ("show", str(clip))):
        run = lab.run(*command, "--json")
        assert run.end() == 0, run.err
        assert json.loads(run.out)["v"] == 1
    assert lab.run("why", str(clip)).end() == 0
    refused = lab.run("sync")
    assert refused.end() == 12
    assert f"process {daemon.pid}" in refused.err
    daemon.send(signal.SIGTERM)
    assert daemon.end(10) == 0
    row.say("4 commands answered beside the daemon, 1 refused")


@pytest.mark.merge
@pytest.mark.long
def test_f42_a_child_outlives_the_daemon(row: Row, lab: Lab) -> None:
    """The process that reads media may hang on a drive when the daemon dies: the next daemon starts all the same."""
    if not Path(f"/proc/self/task/{os.getpid()}/children").exists():
        row.gap("no list of child processes here")
    lab.clip("clip.mp4")
    daemon = lab.start("run", probes_itself=False)
    children: list[int] = []

    def find_children() -> bool:
        children.clear()
        for task in Path(f"/proc/{daemon.pid}/task").iterdir():
            children.extend(int(pid) for pid in (task / "children").read_text().split())
        return any(b"probe_child" in Path(f"/proc/{child}/cmdline").read_bytes() for child in children)

    try:
        wait_until(find_children, "the process that reads media")
        for child in children:
            os.kill(child, signal.SIGSTOP)
        daemon.kill()
        lab.sync()
        lab.assert_all_arrived()
        assert all(Path(f"/proc/{child}").exists() for child in children), "it was to outlive the daemon"
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
    assert oracle.catalog_faults(lab.state_dir) == []
    row.say("a child outlived the daemon, and the lock was free")
