"""Clips of a few hundred bytes, whose head says how large they have to be to be whole."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tlsync.errors import FileError, FileUnreadable, NotEligible
from tlsync.models import Cue, MediaInfo

_MARK = b"CLIP"
_HEAD_BYTES = 64


def make_clip(source: random.Random, size_bytes: int, *, duration_s: float = 12.0) -> bytes:
    """A whole clip of exactly this size, which is at least 65 bytes."""
    head = _MARK + json.dumps({"size_bytes": size_bytes, "duration_s": duration_s}).encode()
    return head.ljust(_HEAD_BYTES - 1) + b"\n" + source.randbytes(size_bytes - _HEAD_BYTES)


def is_whole(data: bytes) -> bool:
    return (
        data.startswith(_MARK)
        and len(data) >= _HEAD_BYTES
        and json.loads(data[len(_MARK) : _HEAD_BYTES])["size_bytes"] == len(data)
    )


class ClipReader:
    """Reads them, for tlsync and for the platform."""

    def probe(self, path: Path) -> MediaInfo:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise FileUnreadable(str(path), "can't be read", hint="") from error
        if not data.startswith(_MARK) or len(data) < _HEAD_BYTES:
            raise NotEligible(str(path), "not a media file")
        if not is_whole(data):
            raise NotEligible(str(path), "incomplete")
        return MediaInfo("video", json.loads(data[len(_MARK) : _HEAD_BYTES])["duration_s"], "mp4", 640, 360, "25/1")

    def read_subtitles(self, path: Path) -> tuple[Cue, ...]:
        return (Cue(0.0, 2.0, f"clip of {path.stat().st_size} bytes"),)

    def probe_image(self, path: Path) -> tuple[int, int, str]:
        raise FileError(str(path), "no image")

    def read_frame_jpeg(self, path: Path, at_s: float) -> bytes:
        return b"\xff\xd8\xff frame"
