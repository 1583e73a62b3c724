"""Stories of renamed media: what others put into the sidecar comes along."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workshop import Workshop
from tlsync.config import SidecarSettings
from tlsync.errors import CatalogError

MakeClip = Callable[..., Path]
ANALYSES = {"who": {"prompt": "Who?", "answer": "Kim"}}


def add_extra(sidecar: Path) -> None:
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text("utf-8")) | {"x-analyses": ANALYSES, "x-rating": 5}))


def assert_kept(sidecar: Path, filename: str) -> None:
    document = json.loads(sidecar.read_text("utf-8"))
    assert (document["x-analyses"], document["x-rating"]) == (ANALYSES, 5)
    assert document["media"]["filename"] == filename


@pytest.mark.parametrize("location", ["beside", "hidden", "central"])
def test_extra_keys_follow_a_renamed_clip(workshop: Workshop, make_clip: MakeClip, location: str) -> None:
    workshop.changes = {"sidecar": SidecarSettings(location=location)}  # type: ignore[arg-type]
    clip = make_clip(workshop.footage / "old.mp4")
    workshop.sync()
    old = workshop.files()["old.mp4"].sidecar
    assert old is not None
    add_extra(old)
    (workshop.footage / "sub").mkdir()
    clip.rename(workshop.footage / "sub" / "new.mp4")
    assert workshop.sync().enriched == 1
    new = workshop.files()["sub/new.mp4"].sidecar
    assert new is not None
    assert new != old
    assert_kept(new, "new.mp4")
    assert not old.exists()
    workshop.assert_clean()


def test_extra_keys_survive_a_kill_between_the_steps_of_a_rename(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sidecar is taken along before the catalog says so; doing it twice does no harm."""
    clip = make_clip(workshop.footage / "old.mp4")
    workshop.sync()
    add_extra(workshop.footage / "old.mp4.tlsync.json")
    clip.rename(workshop.footage / "new.mp4")

    def killed(*arguments: object) -> None:
        raise CatalogError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr("tlsync.store.catalog.Catalog.relocate", killed)
        with pytest.raises(CatalogError, match="killed here"):
            workshop.sync()
    assert workshop.sync().enriched == 1
    assert_kept(workshop.footage / "new.mp4.tlsync.json", "new.mp4")
    assert not (workshop.footage / "old.mp4.tlsync.json").exists()


def test_a_copy_has_a_sidecar_of_its_own(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "one.mp4")
    workshop.sync()
    add_extra(workshop.footage / "one.mp4.tlsync.json")
    shutil.copy(clip, workshop.footage / "copy.mp4")
    workshop.sync()
    assert_kept(workshop.footage / "one.mp4.tlsync.json", "one.mp4")
    assert "x-analyses" not in workshop.sidecar("copy.mp4")


def test_a_clip_and_its_sidecar_moved_by_hand_stay_together(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "old.mp4")
    workshop.sync()
    sidecar = workshop.footage / "old.mp4.tlsync.json"
    add_extra(sidecar)
    clip.rename(workshop.footage / "new.mp4")
    sidecar.rename(workshop.footage / "new.mp4.tlsync.json")
    assert workshop.sync().enriched == 1
    assert_kept(workshop.footage / "new.mp4.tlsync.json", "new.mp4")
