"""Transcriptions as caption files: SRT and WebVTT."""

from __future__ import annotations

from collections.abc import Iterable

from tlsync.models import Cue


def to_srt(cues: Iterable[Cue]) -> str:
    """SubRip, numbered from 1. An arrow in a text becomes `→`, since players would take it for a timing line."""
    return _written("srt", ((cue, cue.text.replace("-->", "→")) for cue in cues))


def to_vtt(cues: Iterable[Cue]) -> str:
    """WebVTT. `<`, `>` and `&` in a text are escaped, since players would read them as marks."""
    return _written(
        "vtt", ((cue, cue.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")) for cue in cues)
    )


def _written(style: str, cues: Iterable[tuple[Cue, str]]) -> str:
    import pysubs2  # only who wants captions pays for it

    captions = pysubs2.SSAFile()
    for cue, text in cues:
        # An empty line would end the caption; `\N` and its like would be read as ASS, so a joiner parts them.
        words = "\n".join(line.strip() for line in text.splitlines() if line.strip()).replace("\\", "\\\u2060")
        if words:
            captions.append(pysubs2.SSAEvent(start=round(cue.start_s * 1000), end=round(cue.end_s * 1000), text=words))
    # What looks like ASS styling in braces was spoken: it stays.
    return captions.to_string(style, keep_ssa_tags=True)
