"""A media file as checks of its structure see it: small reads at a place, never more than asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tlsync.media.identity import read_window

WINDOW_BYTES = 64 * 1024
"""How much is looked at where only zeros or not zeros counts."""

_MOST_BYTES = 16 * 1024 * 1024
_PLACES = 16


@dataclass(frozen=True, slots=True)
class Reads:
    """An open file of known size. Sizes and places that a file names may lie: reads end where the file does."""

    fd: int
    size_bytes: int
    path: Path

    def at(self, offset: int, length: int) -> bytes:
        """Bytes at a place; fewer where the file ends, none where the place is not in it.

        Raises:
            FileChanged: The file is shorter than it was.
            FileUnreadable: The disk fails.
        """
        if offset < 0:
            return b""
        length = max(0, min(length, self.size_bytes - offset, _MOST_BYTES))
        return b"".join(read_window(self.fd, offset, length, path=self.path))

    def number(self, offset: int, length: int) -> int:
        """A big-endian number; 0 where there is none."""
        return int.from_bytes(self.at(offset, length), "big")

    def little(self, offset: int, length: int) -> int:
        """A little-endian number; 0 where there is none."""
        return int.from_bytes(self.at(offset, length), "little")

    def is_zeros(self, start: int, end: int) -> bool:
        """Whether a range holds nothing but zeros, as far as windows at its ends and between them tell."""
        if end - start <= (_PLACES + 1) * WINDOW_BYTES:
            return not any(any(self.at(at, min(WINDOW_BYTES, end - at))) for at in range(start, end, WINDOW_BYTES))
        step = (end - start - WINDOW_BYTES) // _PLACES
        return not any(any(self.at(start + number * step, WINDOW_BYTES)) for number in range(_PLACES)) and not any(
            self.at(end - WINDOW_BYTES, WINDOW_BYTES)
        )
