"""Holes where an MP4 or MOV has its media data: space that was reserved, and never written.

A hole reads as zeros, and so does silence: each byte belongs to the chunk that begins last before it, and only
holes in the data of compressed tracks count. File systems that can't say where holes are have none.
"""

from __future__ import annotations

import bisect
import os
from collections.abc import Iterator, Sequence

from tlsync.media.container_box import Box
from tlsync.media.container_reads import Reads
from tlsync.media.container_samples import chunk_offsets, tracks

MOST_PARTS = 10_000
_MOST_HOLES = 1000
_PROBE_BYTES = 4096
_CERTAIN_BYTES = 64 * 1024
"""Cameras leave gaps of some sectors between chunks, and a copy may have made holes of them."""


def check(file: Reads, index: Box, data: Sequence[Box]) -> str | None:
    """Why some of the media data was never written; None when it was, or it can't be told."""
    holes = [hole for part in data for hole in _holes(file, part.body, min(part.end, file.size_bytes))]
    if not holes:
        return None
    owners = _owners(file, index)
    if owners is None:
        return None
    missing_bytes = sum(end - start for start, end in holes if _counts(file, start, end, owners))
    return f"{missing_bytes} bytes of its media data were never written" if missing_bytes else None


def _holes(file: Reads, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The holes of a range, a thousand at most."""
    if not hasattr(os, "SEEK_HOLE"):
        return
    at = start
    for _ in range(_MOST_HOLES):
        try:
            hole = os.lseek(file.fd, at, os.SEEK_HOLE)
            if hole >= end:
                return
            try:
                at = min(end, os.lseek(file.fd, hole, os.SEEK_DATA))
            except OSError:  # no data behind it
                at = end
        except OSError:
            return
        if at <= hole:
            return
        # Some file systems were wrong about what was written a moment ago: a hole reads as zeros, or is none.
        if not any(file.at(hole, min(_PROBE_BYTES, at - hole))):
            yield hole, at
        if at >= end:
            return


def _owners(file: Reads, index: Box) -> list[tuple[int, bool]] | None:
    """Where the chunks of all tracks begin, and whether each may be zeros; None when they are too many.

    Empty for a recording in fragments, whose index lists no chunks: there every byte of media data counts.
    """
    owners: list[tuple[int, bool]] = []
    for track in tracks(file, index):
        offsets = chunk_offsets(file, track)
        if offsets is None:
            return None
        may_be_zeros = track.may_be_zeros or not track.is_shown
        owners += [(offset, may_be_zeros) for offset in offsets]
    return sorted(owners)


def _counts(file: Reads, start: int, end: int, owners: list[tuple[int, bool]]) -> bool:
    """Whether a hole takes away data that can't be zeros."""
    if not owners:
        return end - start >= _CERTAIN_BYTES
    first = bisect.bisect_left(owners, (start, False))
    last = bisect.bisect_left(owners, (end, False))
    if any(not may_be_zeros for _, may_be_zeros in owners[first:last]):
        return True  # a sample of a compressed track does not begin with zeros
    return first > 0 and not owners[first - 1][1] and end - start >= _CERTAIN_BYTES
