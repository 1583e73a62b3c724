"""No room, no inodes, no quota, no flush, no writing at all: tlsync waits, says so, and goes on by itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import mounts, oracle, strace
from tests.faults.conftest import Row
from tests.faults.lab import Lab, MakeClip, wait_until
from tests.workshop import HastyClock, Workshop
from tlsync.config import AnalysisSettings
from tlsync.sandbox.server import SandboxServer


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    with SandboxServer(chunk_size_bytes=64 * 1024, first_urls=2) as server:
        yield server


@pytest.fixture
def lab(tmp_path: Path, make_clip: MakeClip, server: SandboxServer) -> Iterator[Lab]:
    lab = Lab(tmp_path, server, make_clip(tmp_path / "sample.mp4"))
    yield lab
    lab.close()


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(300)
def test_f06_catalog_disk_full(row: Row, tmp_path: Path, make_clip: MakeClip, server: SandboxServer) -> None:
    """The catalog's disk fills up: the daemon waits, says so, stays readable, and goes on when there is room."""
    with mounts.tmpfs(row, tmp_path / "small", "size=4m") as small:
        lab = Lab(tmp_path, server, make_clip(tmp_path / "sample.mp4"), state_dir=small / "state")
        try:
            first = lab.clip("first.mp4")
            daemon = lab.start("run")
            wait_until(Path(f"{first}.tlsync.json").exists, "the first sidecar")
            wait_until(lambda: "enriched" in str(oracle.read_facts(lab.state_dir, is_live=True).states), "its note")
            before = oracle.read_facts(lab.state_dir, is_live=True)
            ballast = mounts.fill(small)
            second = lab.clip("second.mp4")
            told_s = wait_until(lambda: "is full" in daemon.err, "a word on the full disk")
            lines_before = daemon.err.count("\n")
            full_s = row.times(merge=6, long=120)
            looks = 0
            for _ in range(3):
                threading.Event().wait(full_s / 3)
                status = lab.run("status", "--json")
                assert status.end() == 0, status.err
                assert '"enriched": 1' in status.out or '"enriched":1' in status.out
                looks += 1
            lines = daemon.err.count("\n") - lines_before
            assert daemon.wait(0) is None, f"the daemon ended: {daemon.err}"
            ballast.unlink()
            resumed_s = wait_until(Path(f"{second}.tlsync.json").exists, "the second sidecar", 40)
            daemon.kill()
            assert before.lost_in(oracle.read_facts(lab.state_dir), lab.footage) == []
            lab.sync()
            lab.assert_all_arrived()
        finally:
            lab.close()
    assert lines <= 10 + full_s
    row.say(
        f"full for {full_s} s: told after {told_s:.1f} s, {looks} of 3 status readable, {lines} log lines, "
        f"0 lost rows, resumed {resumed_s:.1f} s after there was room"
    )


def _footage_without_room(
    row: Row, workshop: Workshop, make_clip: MakeClip, options: str, take_all_room: str
) -> tuple[int, int]:
    """Sidecars can't be written, then can: says how many sidecars were spared and written later."""
    with mounts.tmpfs(row, workshop.footage, options):
        workshop.clock = HastyClock(100)
        workshop.changes = {"analysis": AnalysisSettings(kinds=("summary",))}
        make_clip(workshop.footage / "old.mp4")
        assert workshop.sync().enriched == 1
        old = (workshop.footage / "old.mp4.tlsync.json").read_bytes()
        make_clip(workshop.footage / "new.mp4", pattern=3)
        workshop.changes = {}
        if take_all_room == "bytes":
            mounts.fill(workshop.footage)
        else:
            _take_inodes(workshop.footage)
        summary = workshop.sync()
        assert len(workshop.remote_contents()) == 2, "the upload goes on"
        assert summary.enriched == 0
        assert {error.code for error in summary.errors} <= {"file"}
        assert all("sidecar" in error.message for error in summary.errors)
        assert (workshop.footage / "old.mp4.tlsync.json").read_bytes() == old
        assert not (workshop.footage / "new.mp4.tlsync.json").exists()
        assert oracle.sidecar_faults(workshop.footage) == []
        for path in workshop.footage.glob("ballast*"):
            path.unlink()
        assert workshop.sync().enriched == 2
        assert "chapters" in workshop.sidecar("old.mp4")
        assert oracle.sidecar_faults(workshop.footage) == []
        workshop.assert_clean()
    return 1, 2


def _take_inodes(folder: Path) -> None:
    for number in range(10_000):
        try:
            (folder / f"ballast{number}").touch()
        except OSError:
            return


@pytest.mark.merge
@pytest.mark.long
def test_f07_media_volume_full(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """No room for sidecars: the upload goes on, old sidecars stay whole, and new ones come when there is room."""
    spared, written = _footage_without_room(row, workshop, make_clip, "size=2m", "bytes")
    row.say(f"{spared} old sidecar intact, 0 truncated, 0 stray files, {written} written when there was room")


@pytest.mark.merge
@pytest.mark.long
def test_f08_no_inodes(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """As with a full volume, when there is room but no inode."""
    spared, written = _footage_without_room(row, workshop, make_clip, "size=8m,nr_inodes=40", "inodes")
    row.say(f"inodes: {spared} old sidecar intact, 0 truncated, 0 stray files, {written} written afterwards")


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("call", ["pwrite64", "fsync"])
def test_f08_quota(row: Row, lab: Lab, call: str) -> None:
    """The quota is used up for a while, for the catalog (pwrite64) or a sidecar (fsync): no crash, nothing lost."""
    lab.sync()
    codes = set()
    for attempt in range(row.times(merge=2, long=20)):
        lab.clip(f"clip {attempt}.mp4")
        first = row.random.randrange(1, 12) if call == "pwrite64" else 1
        last = first + row.random.randrange(row.times(merge=1, long=3))
        with strace.tampered(row, lab, call, f"error=EDQUOT:when={first}..{last}", "sync") as run:
            codes.add(run.end(120))
        assert strace.hits(run) > 0
        assert lab.faults_after_a_strike() == []
        lab.acknowledge(oracle.read_facts(lab.state_dir))
        lab.sync()
    lab.assert_all_arrived()
    assert codes <= {0, 3, 5}, "a quota is nothing that an exit with an error of ours would help"
    row.say(f"EDQUOT at {call}: {attempt + 1} times, 0 lost, 0 torn; exit codes {sorted(codes)}")


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_f10_failed_flush(row: Row, lab: Lab, error: str) -> None:
    """A flush that fails means not written: no row points at what may not be on the disk."""
    lab.sync()
    points = 0
    for call, merge in (("fsync", 1), ("fdatasync", 2)):
        numbers = (
            range(1, 1000)
            if row.tier == "long"
            else sorted(row.random.sample(range(1, 3 if call == "fsync" else 8), merge))
        )
        for number in numbers:
            clip = lab.clip(f"clip {call} {number}.mp4", 110_000)
            with strace.tampered(row, lab, call, f"error={error}:when={number}", "sync") as run:
                run.end(120)
            assert "Traceback" not in run.err, run.err
            facts = oracle.read_facts(lab.state_dir)
            for path in facts.sidecars:
                assert Path(path.decode()).exists(), f"{error} at {call} number {number}"
            assert lab.faults_after_a_strike() == []
            assert oracle.sidecar_faults(lab.footage) == []
            lab.acknowledge(facts)
            was_hit = strace.hits(run) > 0
            points += was_hit
            lab.sync()
            assert Path(f"{clip}.tlsync.json").exists()
            if not was_hit and row.tier == "long":
                break
    lab.assert_all_arrived()
    assert points > 0
    row.say(f"{error}: {points} points, 0 rows point at what was not flushed, 0 recorded chunks sent again")


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(300)
def test_f11_volume_turns_read_only(row: Row, tmp_path: Path, make_clip: MakeClip, server: SandboxServer) -> None:
    """Nothing can be written beside the media: uploads go on, sidecars go to the state folder, no error loop."""
    with mounts.tmpfs(row, tmp_path / "card", "size=16m") as card:
        lab = Lab(tmp_path, server, make_clip(tmp_path / "sample.mp4"), footage=card / "footage")
        try:
            lab.configure(
                '[upload]\nbandwidth = "1 MB/s"\n', sync='settle = "0.05 s"\npoll = "0.05 s"\nrescan = "1 s"\n'
            )
            clips = [lab.clip(f"clip {number}.mp4") for number in range(3)]
            daemon = lab.start("run")
            wait_until(lambda: server.ledger.count("storage.put") > 1, "the upload to be under way")
            mounts.remount(row, card, "ro")
            central = [lab.state_dir / "sidecars" / f"{clip.relative_to('/')}.tlsync.json" for clip in clips]
            wait_until(lambda: all(path.exists() for path in central), "all sidecars in the state folder")
            lines_before, watched_s = daemon.err.count("\n"), row.times(merge=4, long=60)
            threading.Event().wait(watched_s)
            lines_a_minute = (daemon.err.count("\n") - lines_before) * 60 / watched_s
            daemon.kill()
            mounts.remount(row, card, "rw")
            assert oracle.sidecar_faults(lab.footage, lab.state_dir) == []
            assert oracle.state_faults(lab.state_dir, wanted={"enriched"}) == []
            assert oracle.ledger_faults(server.ledger, lab.versions) == []
            assert not list(lab.footage.rglob("*.tlsync.json"))
            warnings = daemon.err.count("read-only")
        finally:
            lab.close()
    assert lines_a_minute <= 15
    assert warnings <= 2
    row.say(f"{len(clips)} of {len(clips)} sidecars in the state folder, told {warnings} times, "
            f"{lines_a_minute:.0f} log lines a minute afterwards")  # fmt: skip
