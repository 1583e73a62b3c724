"""What a folder holds, and what the first sync would send."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workshop import Workshop
from tlsync.checkup import survey
from tlsync.checkup.survey import Estimate, Survey
from tlsync.config import RootSettings, Settings
from tlsync.engine import volumes
from tlsync.errors import ConfigError

MakeClip = Callable[..., Path]


@pytest.fixture
def settings(workshop: Workshop, make_clip: MakeClip) -> Settings:
    """Two clips, a copy of one, and a file that is none."""
    for name, pattern in (("a", 0), ("b", 1), ("copy", 0)):
        make_clip(workshop.footage / f"{name}.mp4", duration_s=6.0, pattern=pattern)
    (workshop.footage / "broken.mp4").write_bytes(b"no media")
    (workshop.footage / "notes.txt").write_bytes(b"no footage")
    return Settings(state_dir=workshop.state_dir, roots=(RootSettings(workshop.footage),))


def test_footage_is_counted(settings: Settings, workshop: Workshop) -> None:
    found = survey.survey(workshop.footage)
    assert found.files == 4
    assert found.size_bytes == sum(path.stat().st_size for path in workshop.footage.glob("*.mp4"))


def test_a_copy_is_sent_once_and_what_is_no_media_never(settings: Settings, workshop: Workshop) -> None:
    found = survey.estimate(settings, [survey.survey(workshop.footage)])
    sent = sum((workshop.footage / name).stat().st_size for name in ("a.mp4", "b.mp4"))
    assert (found.files, found.size_bytes, found.rejected, found.is_whole) == (2, sent, 1, True)
    assert found.minutes == pytest.approx(0.2, abs=0.01)
    assert not settings.state_dir.exists(), "nothing is written"


def test_with_little_patience_the_rest_is_reckoned(settings: Settings, workshop: Workshop) -> None:
    size_bytes = (workshop.footage / "a.mp4").stat().st_size
    found = survey.estimate(settings, [Survey(workshop.footage, "", 100, 100 * size_bytes)], patience_s=0.0)
    assert found == Estimate(100, 100 * size_bytes, pytest.approx(10.0, rel=0.05), 0, False)


def test_a_volume_that_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forever = threading.Event()
    monkeypatch.setattr(survey, "_LOOK_S", 0.05)
    monkeypatch.setattr(volumes, "look", lambda path: forever.wait(30))
    with pytest.raises(ConfigError, match="does not answer"):
        survey.survey(tmp_path)
    forever.set()


def test_counting_is_not_waited_for_without_end(
    settings: Settings, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    forever = threading.Event()
    monkeypatch.setattr(survey, "_COUNT_S", 0.05)
    monkeypatch.setattr(survey, "_count", lambda folder: forever.wait(30))
    assert survey.survey(workshop.footage).files is None
    forever.set()
