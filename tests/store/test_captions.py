"""Captions from a transcription."""

from __future__ import annotations

import subprocess
import sys

import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync.models import Cue
from tlsync.store.captions import to_srt, to_vtt

CUES = (Cue(0.5, 2.0, "A red car"), Cue(3600.25, 3604.2504, "Grüße, 東京"))


def test_srt_is_numbered_with_comma_milliseconds() -> None:
    assert to_srt(CUES) == (
        "1\n00:00:00,500 --> 00:00:02,000\nA red car\n\n2\n01:00:00,250 --> 01:00:04,250\nGrüße, 東京\n\n"
    )


def test_vtt_begins_with_its_name_and_has_point_milliseconds() -> None:
    assert to_vtt(CUES).startswith("WEBVTT\n\n1\n00:00:00.500 --> 00:00:02.000\nA red car\n")


@pytest.mark.parametrize("write", [to_srt, to_vtt])
def test_an_empty_transcription_gives_a_file_without_captions(write: object) -> None:
    assert "-->" not in write(())  # type: ignore[operator]


def test_lines_are_kept_and_empty_ones_dropped() -> None:
    """An empty line within a caption would end it."""
    assert "first\nsecond\n\n" in to_srt([Cue(0, 1, "\nfirst\n \n\r\nsecond\n")])


@pytest.mark.parametrize("write", [to_srt, to_vtt])
def test_a_cue_without_words_is_left_out(write: object) -> None:
    assert "-->" not in write([Cue(0, 1, " \n ")])  # type: ignore[operator]


def test_words_that_look_like_styling_stay() -> None:
    assert "the {curly} and \\i1 words" in to_srt([Cue(0, 1, "the {curly} and \\i1 words")]).replace("\u2060", "")


def test_words_that_look_like_markup_are_escaped_in_vtt() -> None:
    assert "a &lt;b&gt; &amp; c --&gt; d" in to_vtt([Cue(0, 1, "a <b> & c --> d")])


def test_an_arrow_in_a_text_is_no_timing_line_in_srt() -> None:
    text = to_srt([Cue(0, 1, "00:00:05,000 --> 00:00:06,000")])
    assert text.count("-->") == 1


@given(
    st.lists(
        st.builds(
            Cue,
            st.floats(0, 9999).map(lambda s: round(s, 3)),
            st.floats(10000, 20000),
            st.text("abc {}\\Nnh&<", min_size=1),
        ),
        max_size=4,
    )
)
def test_every_cue_with_words_comes_back_in_order(cues: list[Cue]) -> None:
    """As many captions as cues with words, whatever the words are."""
    spoken = sorted(cue.start_s for cue in cues if cue.text.strip())
    read = pysubs2.SSAFile.from_string(to_vtt(cues), format_="vtt")
    assert [line.start for line in read] == [round(start_s * 1000) for start_s in spoken]


def test_the_caption_library_is_imported_on_use_only() -> None:
    code = "import sys, tlsync.store.captions; sys.exit('pysubs2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
