"""Little memory, few open files: neither grows with the size or the number of clips."""

from __future__ import annotations

import os
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import oracle
from tests.faults.conftest import Row
from tests.faults.lab import Lab, MakeClip, wait_until
from tlsync.sandbox.server import SandboxServer

MIB = 1 << 20


@pytest.fixture
def lab(tmp_path: Path, make_clip: MakeClip) -> Iterator[Lab]:
    with SandboxServer(chunk_size_bytes=8 * MIB) as server:
        lab = Lab(tmp_path, server, make_clip(tmp_path / "sample.mp4"))
        yield lab
        lab.close()


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_f05_memory_does_not_grow_with_the_file(row: Row, lab: Lab) -> None:
    """A clip of gigabytes takes no more memory than one of megabytes."""
    peaks = []
    sizes_bytes = [row.times(merge=16, long=100) * MIB, row.times(merge=96, long=2048) * MIB]
    for size_bytes in sizes_bytes:
        clip = lab.long_clip(f"clip {size_bytes}.mp4", size_bytes)
        run = lab.start("sync")
        assert run.end(900) == 0, run.err
        peaks.append(run.peak_bytes)
        assert oracle.sha256_of(clip) in lab.server.ledger.assets_by_sha256()
    assert peaks[1] < peaks[0] + 16 * MIB
    row.say(
        "; ".join(f"{size >> 20} MiB: peak {peak / MIB:.0f} MiB" for size, peak in zip(sizes_bytes, peaks, strict=True))
    )


def _open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(3600)
def test_f47_open_files_stay_flat(row: Row, lab: Lab) -> None:
    """The daemon has as many files open after thousands of clips as after a few."""
    if not Path("/proc/self/fd").exists():
        row.gap("no list of open files here")
    source = lab.clip("first.mp4", 20_000)
    daemon = lab.start("run")
    wait_until(Path(f"{source}.tlsync.json").exists, "the first sidecar")
    lab.clip("second.mp4", 20_000)
    wait_until((lab.footage / "second.mp4.tlsync.json").exists, "the second sidecar")
    try:
        before = _open_files(daemon.pid)
    except PermissionError:  # of a process that has secrets only root may see them
        row.gap("open files of the daemon are for root only")
    count = row.times(merge=40, long=10_000)
    for number in range(count):
        target = lab.footage / f"clip {number}.mp4"
        shutil.copyfile(source, lab.footage / ".part")
        (lab.footage / ".part").rename(target)
    last = [lab.footage / f"clip {number}.mp4.tlsync.json" for number in range(count)]
    wait_until(lambda: all(path.exists() for path in last), "all sidecars", 3000)
    wait_until(lambda: _open_files(daemon.pid) <= before + 3, "files to be closed", 30)
    after = _open_files(daemon.pid)
    daemon.send(signal.SIGTERM)
    assert daemon.end(10) == 0
    row.say(f"{count} files: {before} open before, {after} after")


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(600)
def test_f47_too_few_open_files(row: Row, lab: Lab) -> None:
    """Where the system gives only a few handles tlsync does less at a time, and loses nothing."""
    lab.sync()
    for number in range(6):
        lab.clip(f"clip {number}.mp4")
    codes = []
    for limit in (24, 28, 32, 40):
        run = lab.start("sync", limits={resource.RLIMIT_NOFILE: limit})
        codes.append(run.end(120))
        assert "Traceback" not in run.err, run.err
        assert lab.faults_after_a_strike() == []
        lab.acknowledge(oracle.read_facts(lab.state_dir))
    lab.sync()
    lab.assert_all_arrived()
    assert not set(codes) - {0, 1, 3, 5}
    row.say(f"with 24, 28, 32, 40 handles: exit {codes}, 0 lost, 0 torn; then all arrived")
