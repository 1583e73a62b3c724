"""MXF: partitions of key, length and value; the footer is written last, and a recorder closes the header after it.

Source: SMPTE ST 377-1, partition packs, random index pack, fill items; lengths are BER.
"""

from __future__ import annotations

from dataclasses import dataclass

from tlsync.media.container_reads import Reads

_PARTITION = bytes.fromhex("060e2b34020501010d01020101")
START = _PARTITION + b"\x02"
"""Of a header partition pack, up to the byte that says whether it is open."""

_FOOTER = _PARTITION + b"\x04"
_RANDOM_INDEX = _PARTITION + b"\x11\x01\x00"
_KEY_START = b"\x06\x0e\x2b\x34"
_KEY_BYTES = 16
_MOST_ITEMS = 20_000
_RANDOM_INDEX_MOST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Item:
    """A key, and where its value begins and ends."""

    key: bytes
    body: int
    end: int


def check(file: Reads) -> str | None:
    """Why an MXF is not whole; None when it is, or it can't be told."""
    header = _item(file, 0)
    if header is None or header.end > file.size_bytes:
        return "it ends within its header"
    footer = file.number(header.body + 24, 8) or _footer_by_index(file)
    if footer:
        return _from_footer(file, footer)
    if header.key[14] in (1, 3):  # open and incomplete, open and complete
        return "its header is still open and there is no footer; recorders write it last"
    return _walk(file, header.end)


def _item(file: Reads, offset: int) -> _Item | None:
    """The item at a place; None where there is none."""
    head = file.at(offset, _KEY_BYTES + 9)
    if len(head) <= _KEY_BYTES or not head.startswith(_KEY_START):
        return None
    first = head[_KEY_BYTES]
    if first < 0x80:
        return _Item(head[:_KEY_BYTES], offset + _KEY_BYTES + 1, offset + _KEY_BYTES + 1 + first)
    width = first & 0x7F
    if not 1 <= width <= 8 or len(head) < _KEY_BYTES + 1 + width:
        return None
    body = offset + _KEY_BYTES + 1 + width
    return _Item(head[:_KEY_BYTES], body, body + int.from_bytes(head[_KEY_BYTES + 1 : _KEY_BYTES + 1 + width], "big"))


def _footer_by_index(file: Reads) -> int:
    """Where the random index pack at the end says that the footer is; 0 without one."""
    length = file.number(file.size_bytes - 4, 4)
    if not _KEY_BYTES < length < min(file.size_bytes, _RANDOM_INDEX_MOST_BYTES):
        return 0
    pack = _item(file, file.size_bytes - length)
    if pack is None or pack.key != _RANDOM_INDEX or pack.end != file.size_bytes:
        return 0
    return file.number(file.size_bytes - 12, 8)  # the last pair of stream (4 bytes) and place (8), before the length


def _from_footer(file: Reads, footer: int) -> str | None:
    """Whether the footer is there, and everything behind it."""
    if footer >= file.size_bytes:
        return f"its footer should be at byte {footer}, and the file ends at {file.size_bytes}"
    pack = _item(file, footer)
    if pack is None or not pack.key.startswith(_FOOTER):
        if not any(file.at(footer, _KEY_BYTES)):
            return f"its footer at byte {footer} is not written yet"
        return None if pack is not None else f"there is no footer at byte {footer}, where its header says"
    promised = file.number(pack.body + 32, 8) + file.number(pack.body + 40, 8)
    if pack.end + promised > file.size_bytes:
        return f"its footer should end at byte {pack.end + promised}, and the file ends at {file.size_bytes}"
    return _walk(file, footer)


def _walk(file: Reads, start: int) -> str | None:
    """Follow the items to the end of the file."""
    for _ in range(_MOST_ITEMS):
        if start >= file.size_bytes:
            return None
        item = _item(file, start)
        if item is None:
            if file.is_zeros(start, file.size_bytes):
                is_padding = start > file.size_bytes - _KEY_BYTES or _is_closed(file, start)
                zeros = f"there are only zeros from byte {start} on, as space that was not written yet"
                return None if is_padding else zeros
            return f"it is cut off or damaged at byte {start}"
        if item.end > file.size_bytes:
            return f"a part of it goes on for {item.end - file.size_bytes} more bytes than the file has"
        start = item.end
    return None


def _is_closed(file: Reads, end: int) -> bool:
    """Whether a random index pack ends here: then what follows is padding."""
    length = file.number(end - 4, 4)
    pack = _item(file, end - length) if _KEY_BYTES < length < end else None
    return pack is not None and pack.key == _RANDOM_INDEX and pack.end == end
