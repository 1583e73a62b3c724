"""Sidecars: whole or absent, valid, never over somebody else's file."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from msgspec import UNSET

from tlsync.errors import FileError, FileVanished, SidecarBlocked
from tlsync.models import Chapter, Cue, Gist, Highlight
from tlsync.store import atomic, sidecars
from tlsync.store.sidecar_format import Media, Platform, Provenance, Sidecar, is_ours, json_schema
from tlsync.store.sidecars import Sidecars

FETCHED = Provenance(source="summarize", model="pegasus1.2", prompt_sha256=None, fetched_at="2026-01-01T00:00:00.000Z")
DOCUMENT = Sidecar(
    media=Media("clip.mp4", 10, "fp", "0" * 64, 5.0, "24/1", 1920, 1080, None),
    platform=Platform("https://api.example.com/v1.3", "a" * 24, "clips", "b" * 24, "c" * 24, None),
    gist=Gist("Boats", ("sea",), ("boat",)),
    summary="Boats leave.",
    chapters=(Chapter(0, 0.0, 5.0, "Leaving", "They leave."),),
    highlights=(Highlight(1.0, 2.0, "Gull", "It lands."),),
    transcription=(Cue(0.5, 2.0, "Grüße, 世界"),),
    provenance={"summary": FETCHED},
)


@pytest.fixture
def media(tmp_path: Path) -> Path:
    folder = tmp_path / "footage"
    folder.mkdir()
    path = folder / "clip.mp4"
    path.write_bytes(b"media")
    return path


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


def test_a_sidecar_lies_beside_its_media_and_is_valid(media: Path, state_dir: Path) -> None:
    path = Sidecars("beside", state_dir).write(media, DOCUMENT)
    assert path == media.with_name("clip.mp4.tlsync.json")
    text = path.read_text("utf-8")
    assert text.endswith("}\n")
    assert "世界" in text
    document = json.loads(text)
    jsonschema.validate(document, json_schema())
    assert list(document) == [
        "v", "generator", "media", "platform",
        "gist", "summary", "chapters", "highlights", "transcription", "provenance",
    ]  # fmt: skip
    assert media.read_bytes() == b"media"


def test_what_was_not_asked_for_is_absent_and_what_was_refused_is_null(media: Path, state_dir: Path) -> None:
    refused = Provenance("analyze", None, None, "2026-01-01T00:00:00.000Z", reason="no Pegasus model in the index")
    document = Sidecar(DOCUMENT.media, DOCUMENT.platform, summary=None, provenance={"summary": refused})
    written = json.loads(Sidecars("beside", state_dir).write(media, document).read_text())
    jsonschema.validate(written, json_schema())
    assert written["summary"] is None
    assert written["provenance"]["summary"]["reason"] == "no Pegasus model in the index"
    assert "chapters" not in written


@pytest.mark.parametrize("location", ["hidden", "central"])
def test_other_places(media: Path, state_dir: Path, location: str) -> None:
    path = Sidecars(location, state_dir).write(media, DOCUMENT)  # type: ignore[arg-type]
    expected = {
        "hidden": media.parent / ".tlsync" / "clip.mp4.tlsync.json",
        "central": (state_dir / "sidecars").joinpath(*media.parent.parts[1:], "clip.mp4.tlsync.json"),
    }
    assert path == expected[location]


def test_the_same_again_is_not_written(media: Path, state_dir: Path) -> None:
    places = Sidecars("beside", state_dir)
    path = places.write(media, DOCUMENT)
    os.utime(path, (1, 1))
    places.write(media, DOCUMENT)
    assert path.stat().st_mtime == 1


def test_a_newer_tlsync_alone_is_no_reason_to_write(media: Path, state_dir: Path) -> None:
    places = Sidecars("beside", state_dir)
    path = places.write(media, DOCUMENT)
    path.write_text(path.read_text().replace('"generator": "tlsync ', '"generator": "tlsync 0.0.'))
    old = path.read_bytes()
    places.write(media, DOCUMENT)
    assert path.read_bytes() == old
    places.write(media, msgspec.structs.replace(DOCUMENT, summary="Other."))
    assert b'"tlsync 0.0.' not in path.read_bytes()


def test_the_same_in_another_form_is_not_written(media: Path, state_dir: Path) -> None:
    sidecars = Sidecars("beside", state_dir)
    path = sidecars.write(media, DOCUMENT)
    path.write_text(json.dumps(dict(reversed(json.loads(path.read_text()).items()))))
    before = path.read_bytes()
    sidecars.write(media, DOCUMENT)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"summary": "Boats arrive."},
        {"transcription": (*DOCUMENT.transcription, Cue(2.0, 3.0, "more"))},  # type: ignore[misc]
        {"gist": UNSET},
        {"provenance": {"summary": msgspec.structs.replace(FETCHED, model="pegasus1.3")}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_says_something_else_is_written(media: Path, state_dir: Path, change: dict[str, Any]) -> None:
    sidecars = Sidecars("beside", state_dir)
    before = sidecars.write(media, DOCUMENT).read_bytes()
    changed = msgspec.structs.replace(DOCUMENT, **change)
    written = sidecars.write(media, changed).read_bytes()
    assert written != before
    (media.parent / "new").mkdir()
    assert written == sidecars.write(media.parent / "new" / media.name, changed).read_bytes()


def test_foreign_keys_with_x_are_kept(media: Path, state_dir: Path) -> None:
    places = Sidecars("beside", state_dir)
    path = places.write(media, DOCUMENT)
    document = json.loads(path.read_text()) | {"x-rating": {"stars": 5}}
    path.write_text(json.dumps(document))
    places.write(media, msgspec.structs.replace(DOCUMENT, summary="Other."))
    written = json.loads(path.read_text())
    assert written["x-rating"] == {"stars": 5}
    assert written["summary"] == "Other."


@pytest.mark.parametrize(
    "foreign", [b"", b"my notes", b"{}", b"[1]", b'{"v": 1}', b'{"v": 1, "generator": "else 1"}', b"[" * 9999]
)
def test_a_file_of_somebody_else_is_left_alone(media: Path, state_dir: Path, foreign: bytes) -> None:
    path = media.with_name("clip.mp4.tlsync.json")
    path.write_bytes(foreign)
    with pytest.raises(SidecarBlocked, match="was not written by tlsync"):
        Sidecars("beside", state_dir).write(media, DOCUMENT)
    assert path.read_bytes() == foreign


def test_a_link_in_the_sidecars_place_is_not_followed(media: Path, state_dir: Path, tmp_path: Path) -> None:
    target = tmp_path / "private"
    target.write_text("private")
    media.with_name("clip.mp4.tlsync.json").symlink_to(target)
    with pytest.raises(SidecarBlocked):
        Sidecars("beside", state_dir).write(media, DOCUMENT)
    assert target.read_text() == "private"


def test_a_read_only_folder_falls_back_to_the_central_place(
    media: Path, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = atomic.write_whole

    def read_only(path: Path, data: bytes, **how: Any) -> None:
        if path.parent == media.parent:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        real(path, data, **how)

    monkeypatch.setattr(sidecars, "write_whole", read_only)
    places = Sidecars("beside", state_dir)
    path = places.write(media, DOCUMENT)
    assert path.is_relative_to(state_dir / "sidecars")
    assert places.is_present(path, media, None)


def test_a_full_disk_is_told_and_leaves_the_old_sidecar_whole(
    media: Path, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = Sidecars("beside", state_dir)
    old = places.write(media, DOCUMENT).read_bytes()

    def full(handle: int, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(atomic.os, "write", full)
    with pytest.raises(FileError, match="No space left") as caught:
        places.write(media, msgspec.structs.replace(DOCUMENT, summary="Other."))
    monkeypatch.undo()
    assert caught.value.is_temporary
    assert media.with_name("clip.mp4.tlsync.json").read_bytes() == old
    assert sorted(path.name for path in media.parent.iterdir()) == ["clip.mp4", "clip.mp4.tlsync.json"]


def test_captions_are_written_when_wanted(media: Path, state_dir: Path) -> None:
    Sidecars("beside", state_dir, ("srt", "vtt")).write(media, DOCUMENT)
    assert "00:00:00,500 --> 00:00:02,000" in media.with_name("clip.mp4.tlsync.srt").read_text("utf-8")
    assert media.with_name("clip.mp4.tlsync.vtt").read_text("utf-8").startswith("WEBVTT")


@pytest.mark.parametrize("length", [200, 243, 244, 255])
def test_long_names_get_a_sidecar_that_the_file_system_takes(tmp_path: Path, state_dir: Path, length: int) -> None:
    folder = tmp_path / "footage"
    folder.mkdir()
    stem = "ü" * ((length - 4) // 2) + "x" * ((length - 4) % 2)
    media = folder / (stem + ".mp4")
    media.write_bytes(b"media")
    assert len(os.fsencode(media.name)) == length
    path = Sidecars("beside", state_dir).write(media, DOCUMENT)
    assert is_ours(path.read_bytes())


def test_removing_takes_only_what_is_ours(media: Path, state_dir: Path) -> None:
    places = Sidecars("beside", state_dir, ("srt",))
    path = places.write(media, DOCUMENT)
    foreign = media.with_name("notes.tlsync.json")
    foreign.write_text("mine")
    places.remove(path, media)
    places.remove(foreign, media)
    assert sorted(found.name for found in media.parent.iterdir()) == ["clip.mp4", "notes.tlsync.json"]


@pytest.mark.parametrize("location", ["beside", "hidden"])
def test_a_folder_that_is_gone_is_not_made_again(media: Path, state_dir: Path, location: str) -> None:
    """It was renamed, or its drive is away: what is made there would lie under a mount point."""
    gone = media.parent
    gone.rename(gone.with_name("renamed"))
    places = Sidecars(location, state_dir)  # type: ignore[arg-type]
    with pytest.raises(FileVanished):
        places.write(media, DOCUMENT)
    assert not gone.exists()


@pytest.mark.parametrize("location", ["beside", "hidden"])
def test_a_sidecar_does_not_follow_into_a_folder_that_is_gone(media: Path, state_dir: Path, location: str) -> None:
    places = Sidecars(location, state_dir)  # type: ignore[arg-type]
    old = places.write(media, DOCUMENT)
    away = media.parent.with_name("away") / "clip.mp4"
    with pytest.raises(FileVanished):
        places.follow(old, media, away)
    assert old.exists()
    assert not away.parent.exists()


CAPTIONS = "clip.mp4.tlsync.srt"
SPOKEN = msgspec.structs.replace(DOCUMENT, transcription=(Cue(1.0, 2.0, "Something else"),))


@pytest.mark.parametrize("theirs", ["", "1\n00:00:00,000 --> 00:00:01,000\nmine\n"])
def test_captions_of_somebody_else_are_kept(media: Path, state_dir: Path, theirs: str) -> None:
    media.with_name(CAPTIONS).write_text(theirs)
    places = Sidecars("beside", state_dir, ("srt", "vtt"))
    for document in (DOCUMENT, SPOKEN):
        path = places.write(media, document)
        assert media.with_name(CAPTIONS).read_text() == theirs
    assert media.with_name("clip.mp4.tlsync.vtt").exists()
    places.remove(path, media)
    assert sorted(found.name for found in media.parent.iterdir()) == ["clip.mp4", CAPTIONS]


def test_corrected_captions_are_kept(media: Path, state_dir: Path) -> None:
    places = Sidecars("beside", state_dir, ("srt",))
    path = places.write(media, DOCUMENT)
    media.with_name(CAPTIONS).write_text("corrected")
    places.write(media, SPOKEN)
    places.remove(path, media)
    assert media.with_name(CAPTIONS).read_text() == "corrected"


def test_captions_that_tlsync_wrote_follow_the_transcription(media: Path, state_dir: Path) -> None:
    places = Sidecars("beside", state_dir, ("srt",))
    places.write(media, DOCUMENT)
    path = Sidecars("beside", state_dir, ("srt",)).write(media, SPOKEN)
    assert "Something else" in media.with_name(CAPTIONS).read_text()
    jsonschema.validate(json.loads(path.read_text()), json_schema())


def test_captions_written_before_a_stop_are_known_again(
    media: Path, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sidecar, which notes what the captions hold, comes after them."""
    places = Sidecars("beside", state_dir, ("srt",))
    places.write(media, DOCUMENT)
    real = sidecars.write_whole

    def stopped(path: Path, data: bytes, **how: Any) -> None:
        if path.suffix == ".json":
            raise KeyboardInterrupt
        real(path, data, **how)

    monkeypatch.setattr(sidecars, "write_whole", stopped)
    with pytest.raises(KeyboardInterrupt):
        places.write(media, SPOKEN)
    monkeypatch.undo()
    places.write(media, SPOKEN)
    places.write(media, DOCUMENT)
    assert "Something else" not in media.with_name(CAPTIONS).read_text()
