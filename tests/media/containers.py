"""Real containers in small, and containers made by hand, for the checks of their structure."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

Check = Callable[[bytes], str | None]


def encode(
    path: Path,
    style: str,
    *,
    options: dict[str, str] | None = None,
    video_codec: str | None = "mpeg4",
    audio_codec: str | None = None,
    fps: int = 10,
    rate_hz: int = 8000,
) -> bytes:
    """A short real file of a container: ten pictures where wanted, and as much sound."""
    with av.open(str(path), "w", format=style, options=options or {}) as container:
        video = container.add_stream(video_codec, rate=fps) if video_codec else None
        if video is not None:
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        is_plain = style in ("wav", "w64", "avi", "matroska", "mov", "mxf")
        audio = container.add_stream(audio_codec or ("pcm_s16le" if is_plain else "aac"), rate=rate_hz)
        for number in range(10):
            if video is not None:
                picture = VideoFrame(64, 64, "yuv420p")
                for plane in picture.planes:
                    plane.update(random.Random(number).randbytes(plane.buffer_size))
                picture.pts, picture.time_base = number, Fraction(1, fps)
                container.mux(video.encode(picture))
            length = rate_hz // fps
            sound = AudioFrame(format="s16", layout="mono", samples=length)
            sound.planes[0].update(
                random.Random(number).randbytes(length * 2).ljust(sound.planes[0].buffer_size, b"\0")
            )
            sound.sample_rate, sound.pts = rate_hz, number * length
            sound.time_base = Fraction(1, rate_hz)
            container.mux(audio.encode(sound))
        if video is not None:
            container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return path.read_bytes()


def box(kind: bytes, body: bytes = b"", *, size: int | None = None) -> bytes:
    return struct.pack(">I4s", len(body) + 8 if size is None else size, kind) + body


def moov(*, offset: int, sample_sizes: list[int], coding: bytes = b"avc1", wide: bool = False) -> bytes:
    """An index with one picture track of one chunk."""
    table = struct.pack(">II", 0, 1) + (struct.pack(">Q", offset) if wide else struct.pack(">I", offset))
    tables = (
        box(b"stsd", struct.pack(">IIII", 0, 1, 16, 0)[:12] + coding + bytes(8))
        + box(b"stsc", struct.pack(">IIIII", 0, 1, 1, len(sample_sizes), 1))
        + box(
            b"stsz", struct.pack(">III", 0, 0, len(sample_sizes)) + b"".join(s.to_bytes(4, "big") for s in sample_sizes)
        )
        + box(b"co64" if wide else b"stco", table)
    )
    media = box(b"hdlr", struct.pack(">II4s", 0, 0, b"vide")) + box(b"minf", box(b"stbl", tables))
    return box(b"moov", box(b"mvhd", bytes(100)) + box(b"trak", box(b"mdia", media)))


FTYP = box(b"ftyp", b"isom\0\0\0\0")


def riff(form: bytes, body: bytes, *, size: int | None = None, kind: bytes = b"RIFF") -> bytes:
    length = 4 + len(body) if size is None else size
    return kind + length.to_bytes(4, "little") + form + body
