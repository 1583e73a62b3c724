"""MP4 and MOV: boxes that add up to the file, an index that is there, and samples where it says.

What lies behind the last box is judged with care: a box that was cut off begins with its size and a name of four
letters; zeros, or what begins with no such name, is the trailer of a camera, if all samples lie before it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tlsync.media import container_fragments, container_holes, container_samples
from tlsync.media.container_box import Box, boxes
from tlsync.media.container_reads import Reads

STARTS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"pnot"})

_MOST_PARTS = 200_000  # a day of recording in fragments of half a second


@dataclass(slots=True)
class _Layout:
    """The outer boxes that matter, in the order of the file."""

    end: int = 0
    """Where the last whole box ends."""
    index: Box | None = None
    data: list[Box] = field(default_factory=list)
    segment_end: int = 0
    """The furthest place that a table of segments (sidx) names."""
    last_fragment: Box | None = None
    last_kind: bytes = b""
    is_fragment_open: bool = False


def check(file: Reads) -> str | None:
    """Why an MP4 or MOV is not whole; None when it is, or it can't be told."""
    layout = _Layout()
    trailer = None
    for box in boxes(file, 0, file.size_bytes, _MOST_PARTS):
        if box.end < box.body or box.end > file.size_bytes:
            trailer = box
            break
        _note(file, layout, box)
    problem = _behind(file, layout, trailer)
    if problem is not None:
        return problem
    if layout.index is None:
        if trailer is None and file.size_bytes - layout.end >= 8:
            return None  # more parts than can be looked at here
        return "its index (moov) is missing; cameras and encoders write it last"
    if layout.last_kind == b"mfra" and not container_fragments.is_index_whole(file, layout.end):
        return "its index of fragments is not written to its end yet"
    if layout.is_fragment_open:
        return "its last fragment has no data yet"
    if layout.segment_end > file.size_bytes:
        return f"its table of segments goes on to byte {layout.segment_end}, behind the end of the file"
    problem = container_samples.check(file, layout.index, layout.end, has_fragments=layout.last_fragment is not None)
    if problem is None and layout.last_fragment is not None and layout.last_kind != b"mfra":
        problem = container_fragments.check(file, layout.index, layout.last_fragment)
    return problem or container_holes.check(file, layout.index, layout.data)


def _note(file: Reads, layout: _Layout, box: Box) -> None:
    if box.kind == b"moov":
        layout.index = box
    elif box.kind == b"mdat":
        layout.is_fragment_open = False
        if len(layout.data) < container_holes.MOST_PARTS:
            layout.data.append(box)
    elif box.kind == b"moof":
        layout.is_fragment_open = True
        layout.last_fragment = box
    elif box.kind == b"sidx":
        layout.segment_end = max(layout.segment_end, container_fragments.segments_end(file, box))
    layout.end, layout.last_kind = box.end, box.kind


def _behind(file: Reads, layout: _Layout, trailer: Box | None) -> str | None:
    """Why what lies behind the last whole box means that the file is not whole."""
    start, extra_bytes = layout.end, file.size_bytes - layout.end
    if extra_bytes == 0 or (trailer is None and extra_bytes >= 8):
        return None
    may_have_trailer = layout.index is not None and (layout.last_fragment is None or layout.last_kind == b"mfra")
    if not any(file.at(start, 8)):
        if may_have_trailer and file.is_zeros(start, file.size_bytes):
            return None
        return f"there are only zeros from byte {start} on, as space that was not written yet"
    if trailer is None:
        return f"there are {extra_bytes} bytes too many behind its last part"
    if may_have_trailer and not trailer.is_named:
        return None
    if trailer.end < trailer.body:
        return f"it is damaged at byte {start}"
    return f"its part {trailer.name!r} goes on for {trailer.end - file.size_bytes} more bytes than the file has"
