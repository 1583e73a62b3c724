"""A transcription as caption files, for players and editors."""

from __future__ import annotations

from collections.abc import Sequence

from tlsync.models import Cue


def to_srt(cues: Sequence[Cue]) -> str:
    """SubRip text; times to the millisecond."""
    return _render(cues, "srt")


def to_vtt(cues: Sequence[Cue]) -> str:
    """WebVTT text; times to the millisecond."""
    return _render(cues, "vtt")


def _render(cues: Sequence[Cue], kind: str) -> str:
    import pysubs2  # imported late: only who wants captions pays for it

    captions = pysubs2.SSAFile()
    for cue in cues:
        event = pysubs2.SSAEvent(start=round(cue.start_s * 1000), end=round(cue.end_s * 1000))
        event.plaintext = cue.text
        captions.append(event)
    text: str = captions.to_string(kind)
    return text
