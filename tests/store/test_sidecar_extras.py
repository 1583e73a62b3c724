"""The `x-…` keys of sidecars: added beside the rest, and taken along when the media is renamed."""

from __future__ import annotations

import errno
import json
import os
import threading
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from tests.store.test_sidecars import DOCUMENT
from tlsync.errors import FileError, FileVanished, SidecarBlocked
from tlsync.store import atomic, sidecars
from tlsync.store.sidecar_format import json_schema
from tlsync.store.sidecars import Sidecars

KEY = "x-analyses"


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "footage"
    folder.mkdir()
    path = folder / "clip.mp4"
    path.write_bytes(b"media")
    return path


@pytest.fixture
def places(tmp_path: Path) -> Sidecars:
    return Sidecars("beside", tmp_path / "state", ("srt",))


def test_a_value_is_added_and_all_else_stays(media: Path, places: Sidecars) -> None:
    path = places.write(media, DOCUMENT)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"x-rating": {"stars": 5}}))
    before = json.loads(path.read_text())
    places.check_extra(path, media, KEY)
    places.add_extra(path, media, KEY, "who", {"answer": "世界"})
    places.add_extra(path, media, KEY, "where", {"answer": [1, 2.5, None]})
    places.add_extra(path, media, KEY, "who", {"answer": "anders"})
    after = json.loads(path.read_text())
    jsonschema.validate(after, json_schema())
    assert after.pop(KEY) == {"who": {"answer": "anders"}, "where": {"answer": [1, 2.5, None]}}
    assert after == before


def test_the_engine_keeps_it_and_has_no_reason_to_write(media: Path, places: Sidecars) -> None:
    path = places.write(media, DOCUMENT)
    places.add_extra(path, media, KEY, "who", {"answer": "Kim"})
    os.utime(path, (1, 1))
    places.write(media, DOCUMENT)
    assert path.stat().st_mtime == 1
    places.write(media, msgspec.structs.replace(DOCUMENT, summary="Other."))
    assert json.loads(path.read_text())[KEY] == {"who": {"answer": "Kim"}}


def test_there_must_be_a_sidecar_and_it_must_be_ours(media: Path, places: Sidecars, tmp_path: Path) -> None:
    path = places.wanted_path(media)
    for act in (lambda: places.check_extra(path, media, KEY), lambda: places.add_extra(path, media, KEY, "who", 1)):
        path.unlink(missing_ok=True)
        with pytest.raises(FileVanished, match="the sidecar is not there"):
            act()
        for foreign in (b"mine", b'{"v": 1}'):
            path.write_bytes(foreign)
            with pytest.raises(SidecarBlocked, match="was not written by tlsync"):
                act()
            assert path.read_bytes() == foreign


def test_a_key_that_somebody_else_uses_is_left_alone(media: Path, places: Sidecars) -> None:
    path = places.write(media, DOCUMENT)
    path.write_text(json.dumps(json.loads(path.read_text()) | {KEY: ["theirs"]}))
    before = path.read_bytes()
    with pytest.raises(SidecarBlocked, match="x-analyses holds something"):
        places.add_extra(path, media, KEY, "who", 1)
    assert path.read_bytes() == before


def test_a_full_disk_leaves_the_old_sidecar_whole(
    media: Path, places: Sidecars, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = places.write(media, DOCUMENT)
    before = path.read_bytes()

    def full(handle: int, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, "write", full)
    with pytest.raises(FileError, match="No space left"):
        places.add_extra(path, media, KEY, "who", 1)
    monkeypatch.undo()
    assert path.read_bytes() == before


def test_what_two_write_at_the_same_time_is_all_kept(media: Path, places: Sidecars) -> None:
    """Each has an object of its own, as the daemon and a command have."""
    path = places.write(media, DOCUMENT)

    def add(name: str) -> None:
        mine = Sidecars("beside", media.parent.parent / "state")
        for number in range(5):
            mine.add_extra(path, media, KEY, f"{name}{number}", number)

    threads = [threading.Thread(target=add, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for number in range(5):
        places.write(media, msgspec.structs.replace(DOCUMENT, summary=f"{number}"))
    for thread in threads:
        thread.join()
    assert len(json.loads(path.read_text())[KEY]) == 15


def test_a_sidecar_follows_with_its_keys_and_leaves_its_captions(media: Path, places: Sidecars) -> None:
    old = places.write(media, DOCUMENT)
    places.add_extra(old, media, KEY, "who", 1)
    renamed = media.rename(media.with_name("new.mp4"))
    for _ in range(2):
        places.follow(old, media, renamed)
    assert sorted(path.name for path in media.parent.iterdir()) == ["new.mp4", "new.mp4.tlsync.json"]
    new = places.write(renamed, msgspec.structs.replace(DOCUMENT, summary="Other."))
    assert json.loads(new.read_text())[KEY] == {"who": 1}


def test_a_sidecar_that_was_moved_along_by_hand_wins(media: Path, places: Sidecars) -> None:
    old = places.write(media, DOCUMENT)
    renamed = media.with_name("new.mp4")
    new = places.write(renamed, DOCUMENT)
    places.add_extra(new, renamed, KEY, "who", 2)
    places.follow(old, media, renamed)
    assert not old.exists()
    assert json.loads(new.read_text())[KEY] == {"who": 2}


def test_a_blocked_place_keeps_the_old_sidecar(media: Path, places: Sidecars) -> None:
    old = places.write(media, DOCUMENT)
    renamed = media.with_name("new.mp4")
    places.wanted_path(renamed).write_text("mine")
    places.follow(old, media, renamed)
    assert old.exists()
    assert places.wanted_path(renamed).read_text() == "mine"


def test_a_sidecar_follows_into_a_read_only_folder_by_way_of_the_central_place(
    media: Path, places: Sidecars, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = places.write(media, DOCUMENT)
    places.add_extra(old, media, KEY, "who", 1)
    archive = tmp_path / "archive"
    archive.mkdir()
    real = atomic.write_whole

    def read_only(path: Path, data: bytes, **how: Any) -> None:
        if path.parent == archive:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        real(path, data, **how)

    monkeypatch.setattr(sidecars, "write_whole", read_only)
    renamed = media.rename(archive / "clip.mp4")
    places.follow(old, media, renamed)
    new = places.write(renamed, DOCUMENT)
    assert new.is_relative_to(tmp_path / "state" / "sidecars")
    assert json.loads(new.read_text())[KEY] == {"who": 1}
    assert not old.exists()
