"""Matroska and WebM: a segment that says how long it is, and elements that run to its end."""

from __future__ import annotations

from tlsync.media.container_reads import WINDOW_BYTES, Reads

START = b"\x1a\x45\xdf\xa3"

_SEGMENT = b"\x18\x53\x80\x67"
_VOID = b"\xec"
_CLUSTER = b"\x1f\x43\xb6\x75"
# What may lie directly in a segment, beside the two above: SeekHead, Info, Tracks, Cues, Attachments, Chapters, Tags,
# and CRC-32.
_PARTS = frozenset({
    _CLUSTER, b"\x11\x4d\x9b\x74", b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1c\x53\xbb\x6b", b"\x19\x41\xa4\x69",
    b"\x10\x43\xa7\x70", b"\x12\x54\xc3\x67", _VOID, b"\xbf",
})  # fmt: skip
_MOST_PARTS = 100_000  # days of clusters of some seconds


def check(file: Reads) -> str | None:
    """Why a Matroska file is not whole; None when it is, or it can't be told."""
    size, body = _size(file, 4)
    if size is None:
        return None
    segment = body + size
    if file.at(segment, 4) != _SEGMENT:
        return None if segment + 4 <= file.size_bytes else "it ends within its header"
    size, body = _size(file, segment + 4)
    if body >= file.size_bytes:
        return "it ends within its header"
    if size is not None and body + size > file.size_bytes:
        return f"it should be {body + size} bytes long and has {file.size_bytes}"
    return _parts(file, body, file.size_bytes if size is None else body + size, is_live=size is None)


def _parts(file: Reads, start: int, end: int, *, is_live: bool) -> str | None:
    """Walk the parts of the segment. A live recording has no length; its last part still has one."""
    last = b""
    for _ in range(_MOST_PARTS):
        if start >= end:
            break
        kind = _kind(file, start)
        if kind not in _PARTS:
            if not any(file.at(start, 8)):
                return f"there are only zeros from byte {start} on, as space that was not written yet"
            break  # another part than is known here, or the next segment of a stream: nothing can be said of it
        size, body = _size(file, start + len(kind))
        if size is None:
            if body == start + len(kind):
                return f"it is damaged at byte {start}" if body < end else "it ends within the header of a part"
            break  # a live recording's cluster: it ends where the next begins
        if body + size > end:
            what = "file" if is_live else "segment"
            return f"a part of it goes on for {body + size - end} more bytes than the {what} has"
        start, last = body + size, kind
    tail = file.at(max(0, end - WINDOW_BYTES), WINDOW_BYTES)
    if last != _VOID and len(tail) == WINDOW_BYTES and not any(tail):
        return "it ends in zeros, as space that was reserved and not written yet"
    return None


def _kind(file: Reads, offset: int) -> bytes:
    """The id of an element; its first bit that is set says how long it is."""
    head = file.at(offset, 4)
    return head[: 9 - head[0].bit_length()] if head and head[0] >= 0x10 else b""


def _size(file: Reads, offset: int) -> tuple[int | None, int]:
    """A length of variable length, and where what it measures begins. None: unknown.

    Where there is no such length at all, the place is the one asked about.
    """
    head = file.at(offset, 8)
    if not head or head[0] == 0:
        return None, offset
    length = 9 - head[0].bit_length()
    if len(head) < length:
        return None, offset
    value = int.from_bytes(head[:length], "big") & ((1 << 7 * length) - 1)
    return (None if value == (1 << 7 * length) - 1 else value), offset + length
