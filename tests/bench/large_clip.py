"""Large files that are whole clips: a short film, and a `free` box of noise behind it."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from tlsync.media.samples import make_clip

_NOISE_BYTES = 8 * 2**20


def make_large_clip(path: Path, size_bytes: int, film: Path | None = None) -> Path:
    """A playable MP4 of exactly that size; its pages are in memory afterwards, if they have room there.

    Args:
        film: What it begins with; without one, six seconds are made.
    """
    if film is None:
        make_clip(path, duration_s=6.0)
    else:
        path.write_bytes(film.read_bytes())
    left_bytes = size_bytes - path.stat().st_size
    noise = os.urandom(min(_NOISE_BYTES, left_bytes))
    with path.open("ab") as stream:
        left_bytes -= stream.write(struct.pack(">I4sQ", 1, b"free", left_bytes))
        while left_bytes:
            left_bytes -= stream.write(noise[:left_bytes])
    return path
