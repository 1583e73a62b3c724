"""Clips made on the spot."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from tlsync.media.samples import make_clip
from tlsync.models import Cue

CUES = (Cue(0.2, 0.8, "first line"), Cue(1.0, 1.5, "second\nline"))


def test_a_clip_has_picture_sound_and_subtitles(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", duration_s=2.0, cues=CUES, title="A title", start_timecode="01:00:00:00")
    with av.open(str(path)) as container:
        codecs = {stream.type: stream.codec_context.name for stream in container.streams if stream.type != "data"}
        assert codecs == {"video": "h264", "audio": "aac", "subtitle": "mov_text"}
        assert container.metadata["title"] == "A title"
        assert container.streams.video[0].metadata["timecode"] == "01:00:00:00"


@pytest.mark.parametrize("fps", [25, Fraction(30000, 1001)])
def test_every_frame_can_be_decoded(tmp_path: Path, fps: Fraction | int) -> None:
    path = make_clip(tmp_path / "a.mp4", duration_s=2.0, fps=fps, width=426, height=240)
    with av.open(str(path)) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert frames == round(2 * fps)
    with av.open(str(path)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) >= 2 * 48_000 - 1024


def test_equal_arguments_give_equal_bytes(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "a.mp4", duration_s=1.0, cues=CUES, pattern=7)
    second = make_clip(tmp_path / "b.mp4", duration_s=1.0, cues=CUES, pattern=7)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("change", [{"pattern": 8}, {"pattern": "x"}, {"tone_hz": 500}, {"title": "other"}])
def test_other_arguments_give_another_content(tmp_path: Path, change: dict[str, int]) -> None:
    plain = make_clip(tmp_path / "a.mp4", duration_s=1.0)
    other = make_clip(tmp_path / "b.mp4", duration_s=1.0, **change)  # type: ignore[arg-type]
    assert plain.read_bytes() != other.read_bytes()


def test_tracks_that_are_not_wanted_are_not_there(tmp_path: Path) -> None:
    with av.open(str(make_clip(tmp_path / "a.mp4", duration_s=1.0, tone_hz=0))) as container:
        assert [stream.type for stream in container.streams] == ["video"]


@pytest.mark.parametrize("wrong", [{"width": 641}, {"height": 8}, {"duration_s": 0.0}])
def test_what_cannot_be_made_is_refused(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="cannot make a clip"):
        make_clip(tmp_path / "a.mp4", **{"duration_s": 1.0, **wrong})  # type: ignore[arg-type]
