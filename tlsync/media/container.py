"""Is a container whole? Told from its outer structure in a few small reads, without decoding.

A copy that is under way, or was cut off, has its first bytes long before its last ones. MP4 and MOV
say how long each of their parts is and where each sample lies; RIFF and Matroska say how long they
are. Other formats say nothing, and pass: whether they open is for the probe to find out.

Sizes come from the file and may lie: every walk has a bound, and no part is read as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tlsync.media.identity import read_window

_HEAD_BYTES = 4096
_MP4_STARTS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp", b"pnot"})
_MOST_PARTS = 200_000  # a day of recording in fragments of half a second
_MOST_CHILDREN = 1000
_MOST_SAMPLES_PER_CHUNK = 65_536
# Samples that may well be zeros from end to end: sound without compression, and plain RGB pictures.
_UNCOMPRESSED = frozenset({
    b"NONE", b"raw ", b"twos", b"sowt", b"lpcm", b"ipcm", b"fpcm", b"in24", b"in32", b"fl32", b"fl64", b"alaw", b"ulaw",
    b"rle ", b"RGBA", b"BGRA", b"ARGB", b"ABGR", b"b64a",
})  # fmt: skip
_BROKEN_INDEX = "its index (moov) is damaged, or not written to its end yet"
_RIFF_UNKNOWN = 0xFFFF_FFFF
_RIFF_PADDING_BYTES = 4096
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_TAIL_BYTES = 64 * 1024


def check_whole(fd: int, size_bytes: int, path: Path) -> str | None:
    """Why the file is not whole (yet), in words that follow "incomplete:"; None when it is, or can't be told.

    Raises:
        FileChanged: It is shorter than `size_bytes`.
        FileUnreadable: The disk fails.
    """
    file = _File(fd, size_bytes, path)
    head = file.at(0, _HEAD_BYTES)
    if not any(head):
        return "it begins with zeros, as space that was reserved and not written yet"
    if head[4:8] in _MP4_STARTS:
        return _mp4(file)
    if head[:4] in (b"RIFF", b"RF64", b"BW64"):
        return _riff(file)
    if head[:4] == _EBML:
        return _matroska(file)
    return None


@dataclass(frozen=True, slots=True)
class _File:
    fd: int
    size_bytes: int
    path: Path

    def at(self, offset: int, length: int) -> bytes:
        """Bytes at a place; fewer where the file ends."""
        length = max(0, min(length, self.size_bytes - offset))
        return b"".join(read_window(self.fd, offset, length, path=self.path))

    def number(self, offset: int, length: int) -> int:
        return int.from_bytes(self.at(offset, length), "big")


@dataclass(frozen=True, slots=True)
class _Box:
    """A part of an MP4: its kind, where its content begins, and where it says that it ends."""

    kind: bytes
    body: int
    end: int

    @property
    def name(self) -> str:
        return self.kind.decode("ascii", "replace") if self.kind.isalnum() else self.kind.hex()


def _boxes(file: _File, start: int, end: int, most: int) -> Iterator[_Box]:
    """The boxes of a range. The last may claim to end behind it; one that makes no sense ends before its body."""
    offset = start
    for _ in range(most):
        if end - offset < 8:
            return
        header = file.at(offset, 16)
        size, kind, body = int.from_bytes(header[:4], "big"), header[4:8], offset + 8
        if size == 1:
            size, body = int.from_bytes(header[8:16], "big"), offset + 16
        elif size == 0:
            size = end - offset if any(kind) else 0
        box = _Box(kind, body, offset + size)
        yield box
        if not body <= box.end <= end:
            return
        offset = box.end


def _mp4(file: _File) -> str | None:
    index: _Box | None = None
    last: _Box | None = None
    is_fragment_open = has_fragments = False
    for box in _boxes(file, 0, file.size_bytes, _MOST_PARTS):
        if box.end < box.body:
            if not any(file.at(box.body - 8, _HEAD_BYTES)):
                return f"there are only zeros from byte {box.body - 8} on, as space that was not written yet"
            return f"it is damaged at byte {box.body - 8}"
        if box.end > file.size_bytes:
            missing = box.end - file.size_bytes
            return f"its part {box.name!r} goes on for {missing} more bytes than the file has"
        if box.kind == b"moov":
            index = box
        elif box.kind == b"moof":
            is_fragment_open = has_fragments = True
        elif box.kind == b"mdat":
            is_fragment_open = False
        last = box
    if last is not None and last.end != file.size_bytes:
        if file.size_bytes - last.end >= 8:
            return None  # more parts than can be looked at here
        return f"there are {file.size_bytes - last.end} bytes too many behind its last part"
    if index is None:
        return "its index (moov) is missing; cameras and encoders write it last"
    if is_fragment_open:
        return "its last fragment has no data yet"
    return _samples(file, index, has_fragments)


def _samples(file: _File, index: _Box, has_fragments: bool) -> str | None:
    """Whether the last samples of each track are where its tables say."""
    if not _adds_up(file, index):
        return _BROKEN_INDEX
    has_tracks = has_samples = has_fragments
    for track in _children(file, index, b"trak"):
        media = _child(file, track, b"mdia")
        information = media and _child(file, media, b"minf")
        tables = information and _child(file, information, b"stbl")
        if media is None or tables is None:
            continue
        has_tracks = True
        for part in (track, media, information, tables):
            if part is None or not _adds_up(file, part):
                return _BROKEN_INDEX
        last_chunk = _last_chunk(file, tables)
        if last_chunk is None:
            continue  # some cameras write a sound track and never anything into it
        has_samples = True
        offset, sizes = last_chunk
        end = offset + sum(sizes)
        if offset == 0:
            return _BROKEN_INDEX
        if end > file.size_bytes:
            return f"its index names samples up to byte {end}, behind the end of the file"
        if sizes and _is_shown(file, media) and _coding(file, tables) not in _UNCOMPRESSED:
            sample = file.at(end - sizes[-1], min(sizes[-1], _TAIL_BYTES))
            if len(sample) >= 8 and not any(sample):
                return "its last samples are still empty (zeros)"
    return "its index lists no samples yet" if has_tracks and not has_samples else None


def _last_chunk(file: _File, tables: _Box) -> tuple[int, list[int]] | None:
    """Where the last chunk of a track begins, and the sizes of the samples in it; None without chunks."""
    offsets, wide = _child(file, tables, b"stco"), _child(file, tables, b"co64")
    box, width = (offsets, 4) if offsets is not None else (wide, 8)
    count = file.number(box.body + 4, 4) if box is not None else 0
    if box is None or count == 0 or box.body + 8 + count * width > box.end:
        return None
    offset = file.number(box.body + 8 + (count - 1) * width, width)
    return offset, _last_sizes(file, tables)


def _last_sizes(file: _File, tables: _Box) -> list[int]:
    """Sizes of the samples of the last chunk, as far as the tables make sense; too few rather than too many."""
    runs, sizes = _child(file, tables, b"stsc"), _child(file, tables, b"stsz")
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


def _is_shown(file: _File, media: _Box) -> bool:
    """Whether a track is picture or sound; timecodes and texts may be empty."""
    handler = _child(file, media, b"hdlr")
    return handler is not None and file.at(handler.body + 8, 4) in (b"vide", b"soun")


def _coding(file: _File, tables: _Box) -> bytes:
    description = _child(file, tables, b"stsd")
    return file.at(description.body + 12, 4) if description is not None else b""


def _adds_up(file: _File, parent: _Box) -> bool:
    """Whether the boxes in a box are all there: a copy under way may have zeros in their place."""
    return all(box.body <= box.end <= parent.end for box in _boxes(file, parent.body, parent.end, _MOST_CHILDREN))


def _children(file: _File, parent: _Box, kind: bytes) -> Iterator[_Box]:
    for box in _boxes(file, parent.body, parent.end, _MOST_CHILDREN):
        if box.kind == kind and box.body <= box.end <= parent.end:
            yield box


def _child(file: _File, parent: _Box, kind: bytes) -> _Box | None:
    return next(_children(file, parent, kind), None)


def _riff(file: _File) -> str | None:
    """WAV is one RIFF; a long AVI is several in a row; RF64 keeps its length in a chunk of its own."""
    offset = 0
    for _ in range(_MOST_CHILDREN):
        header = file.at(offset, 28)
        kind, size = header[:4], int.from_bytes(header[4:8], "little")
        if kind in (b"RF64", b"BW64") and header[12:16] == b"ds64":
            size = int.from_bytes(header[20:28], "little")
        elif kind != b"RIFF" or size == _RIFF_UNKNOWN:
            return None if offset == 0 else _behind_riff(file, offset)
        if size == 0:
            return "its length is not filled in yet; recorders do that last"
        end = offset + 8 + size
        if end > file.size_bytes:
            return f"it should be {end} bytes long and has {file.size_bytes}"
        offset = end + size % 2
        if offset >= file.size_bytes:
            return None
    return None


def _behind_riff(file: _File, end: int) -> str | None:
    extra = file.size_bytes - end
    return f"it has {extra} bytes more than its header says" if extra > _RIFF_PADDING_BYTES else None


def _matroska(file: _File) -> str | None:
    size, body = _ebml_size(file, 4)
    if size is None:
        return None
    segment = body + size
    if file.at(segment, 4) != _SEGMENT:
        return None if segment < file.size_bytes else "it ends within its header"
    size, body = _ebml_size(file, segment + 4)
    if size is None:
        return None  # a live recording: nobody knows
    if body + size > file.size_bytes:
        return f"it should be {body + size} bytes long and has {file.size_bytes}"
    tail = file.at(max(body, file.size_bytes - _TAIL_BYTES), _TAIL_BYTES)
    if len(tail) == _TAIL_BYTES and not any(tail):
        return "it ends in zeros, as space that was reserved and not written yet"
    return None


def _ebml_size(file: _File, offset: int) -> tuple[int | None, int]:
    """A length of variable length, and where what it measures begins. None: unknown, or not such a length."""
    head = file.at(offset, 8)
    if not head or head[0] == 0:
        return None, offset
    length = 9 - head[0].bit_length()
    value = int.from_bytes(head[:length], "big") & ((1 << 7 * length) - 1)
    return (None if value == (1 << 7 * length) - 1 else value), offset + length
