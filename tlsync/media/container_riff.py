"""WAV, RF64, BW64, Wave64 and AVI: chunks that say how long they are, filled in when a recording ends.

A recorder writes its lengths last. Until then they are 0 or 0xFFFFFFFF, and a file that was written to a pipe
keeps them: nobody can tell the two apart, so neither counts as whole.
"""

from __future__ import annotations

from collections.abc import Iterator

from tlsync.media.container_reads import Reads

STARTS = frozenset({b"RIFF", b"RF64", b"BW64"})
WAVE64_START = bytes.fromhex("726966662e91cf11a5d628db04c10000")

_MOST_RIFFS = 1000
_MOST_CHUNKS = 10_000
_UNKNOWN = 0xFFFF_FFFF
_PADDING_BYTES = 4096
_OPEN = "its length is not filled in yet; recorders do that last"


def check(file: Reads) -> str | None:
    """Why a file of the RIFF family is not whole; None when it is, or it can't be told."""
    if file.at(0, 16) == WAVE64_START:
        return _wave64(file)
    offset = 0
    for _ in range(_MOST_RIFFS):  # a long AVI is several in a row
        kind, size = file.at(offset, 4), file.little(offset + 4, 4)
        if kind in (b"RF64", b"BW64"):
            if file.at(offset + 12, 4) != b"ds64":
                return "its header (ds64) is missing"
            size = file.little(offset + 20, 8)
        elif kind != b"RIFF":
            return _behind(file, offset)
        if size in (0, _UNKNOWN, 2**64 - 1):
            return _OPEN
        end = offset + 8 + size
        if end > file.size_bytes:
            return f"it should be {end} bytes long and has {file.size_bytes}"
        problem = _inside(file, offset, end)
        if problem is not None:
            return problem
        offset = end + size % 2
        if offset >= file.size_bytes:
            return None
    return None


def _behind(file: Reads, end: int) -> str | None:
    extra_bytes = file.size_bytes - end
    return f"it has {extra_bytes} bytes more than its header says" if extra_bytes > _PADDING_BYTES else None


def _inside(file: Reads, offset: int, end: int) -> str | None:
    """Whether the sound of a WAV and the tables of an AVI are all there."""
    form, is_long = file.at(offset + 8, 4), file.at(offset, 4) != b"RIFF"
    if form == b"WAVE":
        for kind, body, size in _chunks(file, offset + 12, end):
            if kind != b"data":
                continue
            if is_long and size == _UNKNOWN:
                size = file.little(offset + 28, 8)
            if size == _UNKNOWN or (size == 0 and end - body > 8 and not _is_chunk(file, body)):
                return _OPEN
            if body + size > file.size_bytes:
                return f"its sound should end at byte {body + size}, and the file ends at {file.size_bytes}"
            return None
    elif form in (b"AVI ", b"AVIX"):
        for kind, body, _ in _chunks(file, offset + 12, end):
            if not any(kind) and end - body >= 8:
                return f"there are only zeros from byte {body - 8} on, as space that was not written yet"
        last = max(_named_ends(file, offset + 12, end), default=0)
        if last > file.size_bytes:
            return f"its index names data up to byte {last}, behind the end of the file"
    return None


def _chunks(file: Reads, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place of the body and length of each chunk of a range. Only the last may reach behind it."""
    for _ in range(_MOST_CHUNKS):
        if end - start < 8:
            return
        kind, size = file.at(start, 4), file.little(start + 4, 4)
        yield kind, start + 8, size
        start += 8 + size + size % 2


def _is_chunk(file: Reads, offset: int) -> bool:
    """Whether something that looks like a chunk begins here, rather than sound."""
    return file.at(offset, 4).isalnum() and offset + 8 + file.little(offset + 4, 4) <= file.size_bytes


def _named_ends(file: Reads, start: int, end: int) -> Iterator[int]:
    """Where the last piece of index that each stream of a long AVI names ends (OpenDML 1.02, super index)."""
    for kind, header, size in _chunks(file, start, end):
        if kind != b"LIST" or file.at(header, 4) != b"hdrl":
            continue
        for part, stream, length in _chunks(file, header + 4, min(end, header + size)):
            if part != b"LIST" or file.at(stream, 4) != b"strl":
                continue
            for name, body, index_bytes in _chunks(file, stream + 4, min(end, stream + length)):
                count = file.little(body + 4, 4)
                # A super index, of four words an entry: place (8 bytes), length and duration (4 each).
                is_super = name == b"indx" and file.at(body, 2) == b"\x04\0" and file.at(body + 3, 1) == b"\0"
                if is_super and count > 0 and 24 + count * 16 <= index_bytes:
                    entry = body + 24 + (count - 1) * 16
                    yield file.little(entry, 8) + file.little(entry + 8, 4)


def _wave64(file: Reads) -> str | None:
    size = file.little(16, 8)
    if size == 0 or size >= 2**63 - 1:
        return _OPEN
    if size > file.size_bytes:
        return f"it should be {size} bytes long and has {file.size_bytes}"
    return None
