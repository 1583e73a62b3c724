"""The index of an MP4 or MOV: whether the last samples of each track are where its tables say."""

from __future__ import annotations

from dataclasses import dataclass

from tlsync.media.container_box import Box, adds_up, child, children
from tlsync.media.container_reads import WINDOW_BYTES, Reads

_MOST_SAMPLES_PER_CHUNK = 65_536
_MOST_CHUNKS = 1_000_000
# Samples that may well be zeros from end to end: sound without compression, and plain RGB pictures.
_UNCOMPRESSED = frozenset({
    b"NONE", b"raw ", b"twos", b"sowt", b"lpcm", b"ipcm", b"fpcm", b"in24", b"in32", b"fl32", b"fl64", b"alaw", b"ulaw",
    b"rle ", b"RGBA", b"BGRA", b"ARGB", b"ABGR", b"b64a",
})  # fmt: skip
_BROKEN_INDEX = "its index (moov) is damaged, or not written to its end yet"


@dataclass(frozen=True, slots=True)
class Track:
    """A track with its sample tables. `may_be_zeros`: its samples may, without anything being wrong."""

    tables: Box
    is_shown: bool
    """Picture or sound; timecodes and texts may be empty."""
    may_be_zeros: bool


def check(file: Reads, index: Box, data_end: int, *, has_fragments: bool) -> str | None:
    """Why the samples are not all there; None when they seem to be.

    Args:
        data_end: Where the last part of the file ends; samples lie before it.
    """
    if not adds_up(file, index):
        return _BROKEN_INDEX
    has_tracks = has_samples = has_fragments
    for track in children(file, index, b"trak"):
        path = [track]
        for kind in (b"mdia", b"minf", b"stbl"):
            found = child(file, path[-1], kind)
            if found is None:
                break
            path.append(found)
        if len(path) < 4:
            continue
        has_tracks = True
        if not all(adds_up(file, part) for part in path):
            return _BROKEN_INDEX
        known = _track(file, path[1], path[3])
        last_chunk = _last_chunk(file, known.tables)
        if last_chunk is None:
            continue  # some cameras write a sound track and never anything into it
        has_samples = True
        offset, sizes = last_chunk
        end = offset + sum(sizes)
        if offset == 0:
            return _BROKEN_INDEX
        if end > data_end:
            return f"its index names samples up to byte {end}, behind the end of the file"
        if sizes and known.is_shown and not known.may_be_zeros:
            sample = file.at(end - sizes[-1], min(sizes[-1], WINDOW_BYTES))
            if len(sample) >= 8 and not any(sample):
                return "its last samples are still empty (zeros)"
    return "its index lists no samples yet" if has_tracks and not has_samples else None


def tracks(file: Reads, index: Box) -> list[Track]:
    """The tracks that have sample tables."""
    found = []
    for track in children(file, index, b"trak"):
        media = child(file, track, b"mdia")
        tables = child(file, media, b"minf", b"stbl") if media is not None else None
        if media is not None and tables is not None:
            found.append(_track(file, media, tables))
    return found


def chunk_offsets(file: Reads, track: Track) -> list[int] | None:
    """Where each chunk of a track begins; None when there are too many to look at."""
    box, width, count = _offsets(file, track.tables)
    if box is None:
        return []
    if count > _MOST_CHUNKS:
        return None
    table = file.at(box.body + 8, count * width)
    return [int.from_bytes(table[at : at + width], "big") for at in range(0, len(table), width)]


def _track(file: Reads, media: Box, tables: Box) -> Track:
    handler = child(file, media, b"hdlr")
    description = child(file, tables, b"stsd")
    return Track(
        tables,
        is_shown=handler is not None and file.at(handler.body + 8, 4) in (b"vide", b"soun"),
        may_be_zeros=description is not None and file.at(description.body + 12, 4) in _UNCOMPRESSED,
    )


def _offsets(file: Reads, tables: Box) -> tuple[Box | None, int, int]:
    """The table of chunk offsets, the bytes of an entry, and how many it has; no table where it makes no sense."""
    narrow, wide = child(file, tables, b"stco"), child(file, tables, b"co64")
    box, width = (narrow, 4) if narrow is not None else (wide, 8)
    count = file.number(box.body + 4, 4) if box is not None else 0
    if box is None or count == 0 or box.body + 8 + count * width > box.end:
        return None, width, 0
    return box, width, count


def _last_chunk(file: Reads, tables: Box) -> tuple[int, list[int]] | None:
    """Where the last chunk of a track begins, and the sizes of the samples in it; None without chunks."""
    box, width, count = _offsets(file, tables)
    if box is None:
        return None
    return file.number(box.body + 8 + (count - 1) * width, width), _last_sizes(file, tables)


def _last_sizes(file: Reads, tables: Box) -> list[int]:
    """Sizes of the samples of the last chunk, as far as the tables make sense; too few rather than too many."""
    runs, sizes = child(file, tables, b"stsc"), child(file, tables, b"stsz")
    run_count = file.number(runs.body + 4, 4) if runs is not None else 0
    if runs is None or sizes is None or run_count == 0 or runs.body + 8 + run_count * 12 > runs.end:
        return []
    per_chunk = file.number(runs.body + 8 + (run_count - 1) * 12 + 4, 4)
    size_of_all, count = file.number(sizes.body + 4, 4), file.number(sizes.body + 8, 4)
    wanted = min(per_chunk, count, _MOST_SAMPLES_PER_CHUNK)
    if size_of_all:
        return [size_of_all] * wanted
    if sizes.body + 12 + count * 4 > sizes.end:
        return []
    table = file.at(sizes.body + 12 + (count - wanted) * 4, wanted * 4)
    return [int.from_bytes(table[at : at + 4], "big") for at in range(0, len(table), 4)]
