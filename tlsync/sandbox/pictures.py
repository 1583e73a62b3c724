"""Tells pictures by their first bytes, and makes one to stand for a frame that cannot be shown."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

PNG_START = b"\x89PNG\r\n\x1a\n"
JPEG_START = b"\xff\xd8\xff"


def is_picture(path: Path) -> bool:
    """Whether a file begins like a JPEG or a PNG."""
    with path.open("rb") as file:
        return file.read(len(PNG_START)).startswith((PNG_START, JPEG_START))


def bars_png(seed: bytes, width: int = 160, height: int = 90) -> bytes:
    """Colour bars that depend on `seed` only."""
    colours = [bytes((seed[i % len(seed)], seed[(i + 1) % len(seed)], seed[(i + 2) % len(seed)])) for i in range(8)]
    line = b"\0" + b"".join(colours[x * 8 // width] for x in range(width))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        PNG_START
        + _png_part(b"IHDR", header)
        + _png_part(b"tEXt", b"Comment\0sandbox: not a frame of the video")
        + _png_part(b"IDAT", zlib.compress(line * height, 9))
        + _png_part(b"IEND", b"")
    )


def _png_part(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
