"""Fragmented MP4 cut between two fragments: what the tables of segments and the length in the index still tell.

A recording in fragments is whole in its structure after each of them. Some writers say beforehand how much is to
come: `sidx` names the bytes of the segments behind it, `mehd` the length of the whole presentation.
"""

from __future__ import annotations

from tlsync.media.container_box import Box, child, children
from tlsync.media.container_reads import Reads

_MOST_RUNS = 1000
_MOST_ENTRIES = 65_535
_TOLERANCE_S = 2.0
"""Writers round lengths, and sound and picture of a presentation need not end together."""


def segments_end(file: Reads, table: Box) -> int:
    """Where the last segment that a `sidx` names ends (ISO/IEC 14496-12, 8.16.3)."""
    is_wide = file.number(table.body, 1) > 0
    places = table.body + 12
    first_offset = file.number(places + 8, 8) if is_wide else file.number(places + 4, 4)
    entries = places + (16 if is_wide else 8) + 4
    count = min(file.number(entries - 2, 2), _MOST_ENTRIES)
    if entries + count * 12 > table.end:
        return 0
    sizes = file.at(entries, count * 12)
    total = sum(int.from_bytes(sizes[at : at + 4], "big") & 0x7FFF_FFFF for at in range(0, len(sizes), 12))
    return table.end + first_offset + total if count else 0


def is_index_whole(file: Reads, end: int) -> bool:
    """Whether an index of fragments (mfra) ends here: its last box (mfro) repeats its length in its last bytes."""
    length = file.number(end - 4, 4)
    return file.at(end - 16, 8) == b"\0\0\0\x10mfro" and file.at(end - length + 4, 4) == b"mfra"


def check(file: Reads, index: Box, last_fragment: Box) -> str | None:
    """Why the last fragment can't be the last; None when it may be."""
    length = child(file, index, b"mvex", b"mehd")
    header = child(file, index, b"mvhd")
    if length is None or header is None:
        return None
    scale = file.number(header.body + (20 if file.number(header.body, 1) else 12), 4)
    promised = file.number(length.body + 4, 8 if file.number(length.body, 1) else 4)
    if not scale or not promised:
        return None
    ends_s = [end_s for part in children(file, last_fragment, b"traf") if (end_s := _end_s(file, index, part))]
    if not ends_s:
        return None
    promised_s = promised / scale
    if max(ends_s) + _TOLERANCE_S < promised_s:
        return f"it should be {promised_s:.1f} s long, and its last fragment ends at {max(ends_s):.1f} s"
    return None


def _end_s(file: Reads, index: Box, part: Box) -> float | None:
    """When a track's part of a fragment ends, in seconds; None where the tables do not say."""
    header, time = child(file, part, b"tfhd"), child(file, part, b"tfdt")
    if header is None or time is None:
        return None
    track_id = file.number(header.body + 4, 4)
    scale = _scale_of(file, index, track_id)
    default = _default_duration(file, index, track_id, header)
    if not scale:
        return None
    start = file.number(time.body + 4, 8 if file.number(time.body, 1) else 4)
    total = 0
    for number, run in enumerate(children(file, part, b"trun")):
        if number >= _MOST_RUNS:
            return None
        flags, count = file.number(run.body + 1, 3), file.number(run.body + 4, 4)
        if not flags & 0x100:
            total += count * default
            continue
        width = 4 * (flags >> 8 & 0xF).bit_count()
        first = run.body + 8 + 4 * (flags & 1) + 4 * (flags >> 2 & 1)
        if first + count * width > run.end:
            return None
        table = file.at(first, count * width)
        total += sum(int.from_bytes(table[at : at + 4], "big") for at in range(0, len(table), width))
    return (start + total) / scale


def _scale_of(file: Reads, index: Box, track_id: int) -> int:
    """Units per second of a track; 0 when the index does not know it."""
    for track in children(file, index, b"trak"):
        header, media = child(file, track, b"tkhd"), child(file, track, b"mdia", b"mdhd")
        if header is None or media is None:
            continue
        if file.number(header.body + (20 if file.number(header.body, 1) else 12), 4) == track_id:
            return file.number(media.body + (20 if file.number(media.body, 1) else 12), 4)
    return 0


def _default_duration(file: Reads, index: Box, track_id: int, header: Box) -> int:
    """The length of a sample that does not say its own: from the fragment, else from the index."""
    flags = file.number(header.body + 1, 3)
    if flags & 0x8:
        return file.number(header.body + 8 + 8 * (flags & 1) + 4 * (flags >> 1 & 1), 4)
    extension = child(file, index, b"mvex")
    for defaults in children(file, extension, b"trex") if extension is not None else ():
        if file.number(defaults.body + 4, 4) == track_id:
            return file.number(defaults.body + 12, 4)
    return 0
