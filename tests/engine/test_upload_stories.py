"""Stories of uploads that something happens to: renames, lookalikes, twins that waited, drives that went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.workshop import HastyClock, Workshop, sha256_of
from tlsync.engine import chunk_sender, scheduler, sending
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Silent
from tlsync.media import identity
from tlsync.models import FileId
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.store import Store

MakeClip = Callable[..., Path]


@pytest.fixture(autouse=True)
def hasty(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.clock = HastyClock(20)
    monkeypatch.setattr(scheduler, "_LONGEST_NAP_S", 0.02)


class WhileSending(Silent):
    """Does something once, when the first bytes have gone."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act: Callable[[], object] | None = act

    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        act, self._act = (self._act, None) if done_bytes else (None, self._act)
        if act is not None:
            act()


class AtState(Silent):
    """Does something once, when a file has come to a state."""

    def __init__(self, state: FileState, act: Callable[[], object]) -> None:
        self._state = state
        self._act: Callable[[], object] | None = act

    def moved(self, path: Path, state: str, reason: str) -> None:
        act, self._act = (self._act, None) if state == self._state else (None, self._act)
        if act is not None:
            act()


def sync_to_the_end(workshop: Workshop, **options: object) -> None:
    """Pass after pass, as the daemon would go on."""
    for _ in range(5):
        if workshop.sync(**options).pending == 0:  # type: ignore[arg-type]
            return


def break_off(workshop: Workshop) -> None:
    """A first run that gets some chunks through and then none."""
    rule = workshop.server.faults.answer("storage.put", 500, nth=4, times=None)
    workshop.sync()
    workshop.server.faults.clear()
    assert rule.hits > 0
    assert sum(chunk.puts for chunk in workshop.server.ledger.puts()) > 0


@pytest.mark.parametrize("etags", ["of S3", "opaque"])
def test_a_lookalike_does_not_go_on_with_the_session_of_another_file(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch, etags: str
) -> None:
    """A fingerprint only says where to look; where the ETags prove nothing, only the same file goes on."""
    for name, number in {"_EDGE_BYTES": 4096, "_SAMPLE_BYTES": 16, "_SAMPLES": 4, "_WHOLE_UP_TO_BYTES": 8256}.items():
        monkeypatch.setattr(identity, name, number)
    if etags == "opaque":
        for module in (sending, chunk_sender):
            monkeypatch.setattr(module, "is_md5", lambda etag: False)
    make_clip(workshop.footage / "other.mp4", pattern=2)
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=30)
    workshop.sync([workshop.footage / "other.mp4"])
    break_off(workshop)
    data = bytearray(clip.read_bytes())
    data[5000] ^= 1
    clip.unlink()
    lookalike = workshop.footage / "lookalike.mp4"
    lookalike.write_bytes(data)
    sync_to_the_end(workshop)
    assert workshop.states()["lookalike.mp4"] == "enriched"
    assert workshop.files()["lookalike.mp4"].sha256 == sha256_of(lookalike)
    assert workshop.counts()["multipart_upload.create"] == 3, "a session of its own"
    workshop.assert_clean()


def test_opaque_etags_are_believed_for_the_file_that_was_sent(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sending, chunk_sender):
        monkeypatch.setattr(module, "is_md5", lambda etag: False)
    make_clip(workshop.footage / "clip.mp4", duration_s=30)
    break_off(workshop)
    sync_to_the_end(workshop)
    assert workshop.states() == {"clip.mp4": "enriched"}
    assert workshop.counts()["multipart_upload.create"] == 1
    assert all(chunk.repeated == 0 for chunk in workshop.server.ledger.puts())


def test_a_file_that_is_renamed_while_it_is_sent_is_not_sent_by_two_steps(
    workshop: Workshop, make_clip: MakeClip
) -> None:
    """It comes again under its new name while the old one is still at it."""
    clip = make_clip(workshop.footage / "old.mp4", duration_s=30)
    make_clip(workshop.footage / "other.mp4", pattern=2)
    engines: list[Engine] = []
    waits: list[float] = []

    def rename() -> None:
        engine = engines[0]
        old = next(file for file in engine._store.catalog.in_states(FileState.UPLOADING) if file.path == clip)
        new = clip.with_name("new.mp4")
        clip.rename(new)
        again = replace(old, id=FileId(999), path=new)
        outcome = engine._uploader.uploading(again)
        assert outcome.due_in_s is not None
        waits.append(outcome.due_in_s)

    workshop.sync([clip], progress=WhileSending(rename), before=engines.append)
    assert len(waits) == 1, "it waits for the other"
    assert waits[0] > 0
    sync_to_the_end(workshop)
    assert workshop.states()["new.mp4"] == "enriched"
    assert all(chunk.puts == 1 for chunk in workshop.server.ledger.puts())
    workshop.assert_clean()


def waiting_copy(workshop: Workshop, name: str, state: FileState) -> FileRow:
    """A second file with the content of `clip.mp4`, as one that waited for it to be sent."""
    with Store(workshop.state_dir, workshop.clock) as store:
        first = store.catalog.in_states(FileState.ENRICHED)[0]
        signature = identity.signature((workshop.footage / name).lstat())
        file = store.catalog.add(first.root_id, name.encode(), signature)
        for to in (FileState.SETTLING, FileState.IDENTIFIED, FileState.UPLOADING):
            file = store.catalog.move(file, to, content_id=first.content_id)
        if state == FileState.FAILED:
            file = store.catalog.move(file, state, "the line was cut", retry_at=workshop.clock.now())
    return file


@pytest.mark.parametrize("state", [FileState.UPLOADING, FileState.FAILED])
def test_a_copy_that_waited_does_not_send_what_has_arrived_by_then(
    workshop: Workshop, make_clip: MakeClip, state: FileState
) -> None:
    make_clip(workshop.footage / "clip.mp4")
    workshop.sync()
    make_clip(workshop.footage / "copy.mp4")
    waiting_copy(workshop, "copy.mp4", state)
    sync_to_the_end(workshop)
    assert workshop.states() == {"clip.mp4": "enriched", "copy.mp4": "enriched"}
    assert workshop.counts()["multipart_upload.create"] == 1
    workshop.assert_clean()


def test_what_was_sent_is_known_although_the_file_was_moved_on_meanwhile(
    workshop: Workshop, make_clip: MakeClip
) -> None:
    """A scan takes the file back to settling during its upload: asset and SHA-256 stay known, nothing is sent again."""
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=30)
    engines: list[Engine] = []

    def move_away() -> None:
        catalog = engines[0]._store.catalog
        (file,) = catalog.in_states(FileState.UPLOADING)
        catalog.move(file, FileState.SETTLING, "looked at again")

    sync_to_the_end(workshop, progress=WhileSending(move_away), before=lambda engine: engines.insert(0, engine))
    assert workshop.states() == {"clip.mp4": "enriched"}
    assert workshop.files()["clip.mp4"].sha256 == sha256_of(clip)
    assert workshop.counts()["multipart_upload.create"] == 1
    assert "uploaded" in workshop.history("clip.mp4")
    assert all(chunk.puts == 1 for chunk in workshop.server.ledger.puts())
    workshop.assert_clean()


def test_a_lost_order_of_a_renamed_file_is_found_by_its_name_on_the_platform(
    workshop: Workshop, make_clip: MakeClip
) -> None:
    clip = make_clip(workshop.footage / "old.mp4", duration_s=30)
    make_clip(workshop.footage / "other.mp4", pattern=2)
    workshop.sync([workshop.footage / "other.mp4"])
    break_off(workshop)
    clip.rename(workshop.footage / "new.mp4")
    rule = workshop.server.faults.lose_answer("indexes.indexed_assets.create")
    sync_to_the_end(workshop)
    assert rule.hits == 1
    assert workshop.states()["new.mp4"] == "enriched"
    assert workshop.counts()["multipart_upload.create"] == 2
    workshop.assert_clean()


def test_nothing_is_written_where_an_unplugged_drive_was(workshop: Workshop, make_clip: MakeClip) -> None:
    """The mount point is there and empty when the sidecar would be written."""
    make_clip(workshop.footage / "clip.mp4")
    away = workshop.footage.with_name("away")

    def unplug() -> None:
        workshop.footage.rename(away)
        workshop.footage.mkdir()

    workshop.sync(progress=AtState(FileState.READY, unplug))
    assert list(workshop.footage.iterdir()) == []
    workshop.footage.rmdir()
    away.rename(workshop.footage)
    sync_to_the_end(workshop)
    assert workshop.states() == {"clip.mp4": "enriched"}
    assert workshop.sidecar("clip.mp4")["media"]["filename"] == "clip.mp4"
