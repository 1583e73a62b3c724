"""From a quiet file to a known one: who writes it, is it shorter than before, and what a retry means."""

from __future__ import annotations

import itertools
import os
import threading
from pathlib import Path

import pytest

from tests.conftest import MakeClip
from tests.workshop import Workshop, sha256_of
from tlsync.engine import arrival, mounts
from tlsync.engine.progress import Silent
from tlsync.media import identity
from tlsync.media.writers import Writer, Writers

SHORTER = "shorter than the version that was uploaded"


@pytest.fixture
def uploaded(workshop: Workshop, make_clip: MakeClip) -> Path:
    """A clip of 8 s that is on the platform, with all that belongs to it."""
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=8.0)
    assert workshop.sync().enriched == 1
    return clip


def test_a_file_that_is_open_for_writing_waits(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is whole and quiet, and its writer is still there: a pass leaves it for later, and says why."""
    clip = make_clip(workshop.footage / "clip.mp4")
    monkeypatch.setattr(Writers, "of", lambda self, fd: Writer.PRESENT)
    assert workshop.sync().pending == 1
    view = workshop.files()["clip.mp4"]
    assert view.state.value == "settling"
    assert view.reason.startswith("still open for writing by another program after ")
    assert not workshop.counts().get("multipart_upload.create")
    monkeypatch.undo()
    assert workshop.sync().enriched == 1
    assert sha256_of(clip) in workshop.remote_contents()


def test_a_file_whose_writers_are_not_known_settles_by_its_quiet_period(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clip(workshop.footage / "clip.mp4")
    monkeypatch.setattr(Writers, "of", lambda self, fd: Writer.UNKNOWN)
    assert workshop.sync().enriched == 1


def test_a_file_on_a_network_share_is_quiet_for_twice_as_long(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its writer may be another machine."""
    make_clip(workshop.footage / "clip.mp4")
    share = mounts.Mount(1, "0:1", "/", "nfs4", "nas:/footage", is_read_only=False)
    monkeypatch.setattr(arrival.mounts, "mount_of", lambda fd, table: share)
    waits: list[float] = []
    real = arrival.SettleTracker.wait_s

    def spy(self: arrival.SettleTracker, file_id: object, now_s: float, *, times: float = 1.0) -> float:
        wait_s = real(self, file_id, now_s, times=times)  # type: ignore[arg-type]
        if times == 2:
            waits.append(wait_s)
        return wait_s

    monkeypatch.setattr(arrival.SettleTracker, "wait_s", spy)
    assert workshop.sync().enriched == 1
    assert waits[0] > 0
    assert waits[-1] == 0


def test_a_share_that_invents_change_times_lets_files_settle(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its inodes and change times differ at every look, and prove nothing."""
    make_clip(workshop.footage / "clip.mp4")
    share = mounts.Mount(1, "0:1", "/", "nfs4", "nas:/footage", is_read_only=False)
    real, looks = identity.signature, itertools.count()
    monkeypatch.setattr(arrival.mounts, "mount_of", lambda fd, table: share)
    monkeypatch.setattr(
        identity, "signature", lambda found: real(found)._replace(ctime_ns=next(looks), inode=next(looks))
    )
    assert workshop.sync().enriched == 1


def test_a_file_that_became_shorter_is_held_and_the_good_copy_kept(
    workshop: Workshop, make_clip: MakeClip, uploaded: Path
) -> None:
    before = workshop.files()["clip.mp4"]
    contents = workshop.remote_contents()
    make_clip(uploaded, duration_s=4.0)
    for _ in range(2):
        assert workshop.sync().ineligible == 1
    view = workshop.files()["clip.mp4"]
    assert view.reason.startswith(f"{SHORTER} ({before.size_bytes} bytes before, {uploaded.stat().st_size} now)")
    assert view.hint.endswith(f"tlsync retry {uploaded}")
    assert view.asset_id == before.asset_id
    assert workshop.remote_contents() == contents


def test_a_retry_takes_the_shorter_file_as_it_is(workshop: Workshop, make_clip: MakeClip, uploaded: Path) -> None:
    make_clip(uploaded, duration_s=4.0)
    workshop.sync()
    assert workshop.sync(before=lambda engine: engine.retry([]) and None).ineligible == 1  # not named: not meant
    assert workshop.sync(before=lambda engine: engine.retry([uploaded]) and None).enriched == 1
    assert sha256_of(uploaded) in workshop.remote_contents()
    workshop.assert_clean()


def test_a_shorter_file_that_is_restored_costs_nothing(workshop: Workshop, make_clip: MakeClip, uploaded: Path) -> None:
    data = uploaded.read_bytes()
    make_clip(uploaded, duration_s=4.0)
    workshop.sync()
    uploaded.write_bytes(data)
    summary = workshop.sync()
    assert (summary.enriched, summary.bytes_sent) == (1, 0)
    assert workshop.counts()["multipart_upload.create"] == 1


def test_a_shorter_file_stays_held_while_it_gets_shorter_still(
    workshop: Workshop, make_clip: MakeClip, uploaded: Path
) -> None:
    make_clip(uploaded, duration_s=6.0)
    workshop.sync()
    make_clip(uploaded, duration_s=4.0)
    workshop.sync()
    assert workshop.files()["clip.mp4"].reason.startswith(SHORTER)


def test_a_file_that_became_empty_is_held(workshop: Workshop, uploaded: Path) -> None:
    size_bytes = uploaded.stat().st_size
    os.truncate(uploaded, 0)
    assert workshop.sync().ineligible == 1
    view = workshop.files()["clip.mp4"]
    assert view.reason == f"empty; the version that was uploaded had {size_bytes} bytes: damaged?"
    assert "copy on the platform is kept" in view.hint
    assert workshop.sync(before=lambda engine: engine.retry([uploaded]) and None).ineligible == 1


def test_a_longer_or_equal_file_is_a_new_version(workshop: Workshop, make_clip: MakeClip, uploaded: Path) -> None:
    make_clip(uploaded, duration_s=12.0)
    assert workshop.sync().enriched == 1
    assert sha256_of(uploaded) in workshop.remote_contents()


def test_a_shorter_version_of_what_was_never_uploaded_is_taken(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=8.0)
    stop = threading.Event()

    class StopAtOnce(Silent):
        def moved(self, path: Path, state: str, reason: str) -> None:
            if state == "uploading":
                stop.set()

    workshop.sync(stop=stop, progress=StopAtOnce())
    assert workshop.states() == {"clip.mp4": "uploading"}
    make_clip(clip, duration_s=4.0)
    assert workshop.sync().enriched == 1


def test_a_file_with_a_hole_in_its_data_is_incomplete(workshop: Workshop, make_clip: MakeClip) -> None:
    data = make_clip(workshop.footage.with_name("whole.mp4"), duration_s=10.0).read_bytes()
    middle = len(data) // 2 // 4096 * 4096
    with (workshop.footage / "half.mp4").open("wb") as file:
        file.truncate(len(data))
        file.write(data[:middle])
        file.seek(middle + 4 * 4096)
        file.write(data[middle + 4 * 4096 :])
        if not hasattr(os, "SEEK_HOLE") or os.lseek(file.fileno(), 0, os.SEEK_HOLE) == len(data):
            pytest.skip("this file system knows no holes")
    workshop.sync()
    view = workshop.files()["half.mp4"]
    assert (view.state.value, view.reason[:12]) == ("ineligible", "incomplete: ")
    assert not workshop.remote_contents()
