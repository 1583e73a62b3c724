from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tests.mirror.shelves import Entry, entry_id, fill
from tlsync.errors import Unreachable
from tlsync.media.probe import Prober
from tlsync.mirror.library import RemoteClip
from tlsync.mirror.thumbnails import Thumbnails
from tlsync.store.clips import Clip, ClipFacts, ClipReader, Shelf

JPEG = b"\xff\xd8\xff picture"
PNG = b"\x89PNG\r\n\x1a\n picture"
PATIENCE_S = 20.0


class Sources:
    """Media of this machine, and a platform that says what a test wants."""

    def __init__(self, prober: Prober, reader: ClipReader) -> None:
        self._prober = prober
        self.reader = reader
        self.says: bytes | Exception | None = JPEG
        self.asked: list[str] = []
        self.local = threading.local()

    def is_quiet(self) -> bool:
        return getattr(self.local, "is_quiet", False)

    def prober(self) -> Prober:
        return self._prober

    def facts(self, clip: Clip) -> ClipFacts | None:
        return self.reader.facts(clip)

    def thumbnail(self, index_id: str, indexed_asset_id: str) -> bytes | None:
        self.asked.append(indexed_asset_id)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


class Stand:
    def __init__(self, folder: Path, prober: Prober, clock: FakeClock) -> None:
        self.footage = folder / "Footage"
        self.footage.mkdir()
        fill(folder / "state", self.footage, [Entry(f"{n}.mp4") for n in range(3)])
        self.reader = ClipReader(folder / "state")
        self.sources = Sources(prober, self.reader)
        self.changes = 0
        self.folder = folder / "thumbnails"
        self.thumbnails = Thumbnails(self.folder, self.sources, clock, self._changed)
        (self.shelf,) = self.reader.shelves()
        self.clips = self.reader.folder(self.shelf.root_id, b"")[1]

    @property
    def offline(self) -> Shelf:
        return replace(self.shelf, is_online=False)

    def want(self, clip: Clip, shelf: Shelf) -> bytes | None:
        self.thumbnails.want(clip, shelf)
        self.thumbnails.settle(PATIENCE_S)
        picture = self.thumbnails.picture(clip)
        return picture.read() if picture else None

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture(scope="module")
def prober() -> Iterator[Prober]:
    with Prober() as prober:
        yield prober


@pytest.fixture
def stand(tmp_path: Path, prober: Prober, fake_clock: FakeClock) -> Iterator[Stand]:
    stand = Stand(tmp_path, prober, fake_clock)
    yield stand
    stand.thumbnails.close()
    stand.reader.close()


def test_the_picture_of_a_clip_comes_from_its_media(stand: Stand, make_clip: Callable[..., Path]) -> None:
    make_clip(stand.footage / "0.mp4")
    picture = stand.want(stand.clips[0], stand.shelf)
    assert picture is not None
    assert picture.startswith(b"\xff\xd8\xff")
    assert stand.sources.asked == []
    found = stand.thumbnails.picture(stand.clips[0])
    assert found is not None
    assert (found.size_bytes, found.name) == (len(picture), "thumbnail.jpg")
    assert stand.changes >= 1


def test_offline_media_and_remote_clips_have_the_picture_of_the_platform(stand: Stand) -> None:
    assert stand.want(stand.clips[1], stand.offline) == JPEG
    stand.sources.says = PNG
    remote = RemoteClip("faraway", "far.mp4", 0, {})
    stand.thumbnails.want_remote("index", remote)
    stand.thumbnails.settle(PATIENCE_S)
    picture = stand.thumbnails.remote_picture(remote)
    assert picture is not None
    assert (picture.name, picture.read()) == ("thumbnail.png", PNG)
    assert stand.sources.asked == [entry_id(2), "faraway"]


def test_a_picture_is_fetched_once(stand: Stand) -> None:
    for _ in range(3):
        stand.want(stand.clips[1], stand.offline)
    assert len(stand.sources.asked) == 1


def test_what_is_no_picture_is_not_kept(stand: Stand, fake_clock: FakeClock) -> None:
    stand.sources.says = b"<html>"
    assert stand.want(stand.clips[1], stand.offline) is None
    assert stand.want(stand.clips[1], stand.offline) is None
    assert (len(stand.sources.asked), stand.folder.exists()) == (1, False)
    fake_clock.advance(601)
    stand.sources.says = JPEG
    assert stand.want(stand.clips[1], stand.offline) == JPEG


def test_an_unreachable_platform_is_not_asked_for_each_clip(stand: Stand, fake_clock: FakeClock) -> None:
    stand.sources.says = Unreachable("no way there")
    for clip in stand.clips[:3]:
        stand.thumbnails.want(clip, stand.offline)
    stand.thumbnails.settle(PATIENCE_S)
    assert len(stand.sources.asked) == 1
    fake_clock.advance(601)
    stand.sources.says = JPEG
    assert stand.want(stand.clips[2], stand.offline) == JPEG


def test_quiet_callers_cause_none(stand: Stand) -> None:
    stand.sources.local.is_quiet = True
    assert stand.want(stand.clips[0], stand.shelf) is None
    assert stand.want(stand.clips[1], stand.offline) is None
    assert stand.sources.asked == []


def test_media_that_can_not_be_read_is_no_end(stand: Stand) -> None:
    """The media is not there, and then the platform says nothing good either."""
    stand.sources.says = None
    assert stand.want(stand.clips[0], stand.shelf) is None
    stand.sources.says = JPEG
    assert stand.want(stand.clips[1], stand.offline) == JPEG
