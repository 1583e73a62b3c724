"""A plan tells what a sync would do, for the same reasons."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import MakeClip
from tests.workshop import Workshop
from tlsync.engine.planner import Planned, Planner
from tlsync.media.writers import Writer, Writers
from tlsync.store.reader import CatalogReader


def plan(workshop: Workshop) -> dict[str, Planned]:
    with CatalogReader(workshop.state_dir) as reader:
        return {item.path.name: item for item in Planner(workshop.settings, reader, workshop.prober).plan()}


@pytest.mark.parametrize("kept_bytes", [0, 1000])
def test_a_file_that_became_shorter_is_rejected_as_sync_would(
    workshop: Workshop, make_clip: MakeClip, kept_bytes: int
) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    workshop.sync()
    os.truncate(clip, kept_bytes)
    before = plan(workshop)["clip.mp4"]
    workshop.sync()
    assert (before.action, before.reason) == ("reject", workshop.files()["clip.mp4"].reason)
    assert "damaged?" in before.reason
    assert plan(workshop)["clip.mp4"].reason == before.reason


def test_an_empty_new_file_is_rejected(workshop: Workshop) -> None:
    (workshop.footage / "clip.mp4").touch()
    assert (plan(workshop)["clip.mp4"].action, plan(workshop)["clip.mp4"].reason) == ("reject", "empty")


def test_a_file_that_is_still_written_is_waited_for(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clip(workshop.footage / "clip.mp4")
    monkeypatch.setattr(Writers, "of", lambda writers, fd: Writer.PRESENT)
    item = plan(workshop)["clip.mp4"]
    assert (item.action, item.reason) == ("wait", "still open for writing by another program")


def test_what_is_on_the_platform_and_unchanged_is_nothing_to_do(workshop: Workshop, make_clip: MakeClip) -> None:
    clip: Path = make_clip(workshop.footage / "clip.mp4")
    assert plan(workshop)["clip.mp4"].action == "upload"
    workshop.sync()
    assert plan(workshop)["clip.mp4"].action == "nothing"
    clip.rename(clip.with_name("renamed.mp4"))
    assert plan(workshop)["renamed.mp4"].action == "link"
