"""What the sandbox knows of a stored file: read once from its bytes, never guessed."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from tlsync.errors import FileError
from tlsync.models import Cue, MediaInfo
from tlsync.sandbox.pictures import is_picture

Kind = Literal["video", "audio", "image"]
SMALLEST_IMAGE_PX = 128


class MediaReader(Protocol):
    """Reads media files; `tlsync.media.probe.Prober` is one. Every method raises FileError for what it can't read."""

    def probe(self, path: Path) -> MediaInfo: ...

    def read_subtitles(self, path: Path) -> tuple[Cue, ...]: ...

    def probe_image(self, path: Path) -> tuple[int, int, str]:
        """Width, height and type of a JPEG or PNG."""
        ...

    def read_frame_jpeg(self, path: Path, at_s: float) -> bytes:
        """The picture at or before a time."""
        ...


class Line(msgspec.Struct, frozen=True):
    """One line of an embedded subtitle track; it plays the part of recognised speech."""

    start_s: float
    end_s: float
    text: str


class Facts(msgspec.Struct, frozen=True):
    """`duration_s` is 0 for an image; `width` and `height` are 0 and `fps` is 0 for sound."""

    kind: Kind
    size_bytes: int
    duration_s: float = 0.0
    width: int = 0
    height: int = 0
    fps: float = 0.0
    lines: tuple[Line, ...] = ()

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()


class Unusable(Exception):
    """A file that the platform gives up on, with its code (reference, "Known error codes")."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def from_json(text: str) -> Facts:
    return msgspec.json.decode(text, type=Facts)


def mime_type(filename: str, kind: Kind) -> str:
    """By the file name, if it agrees with what the bytes are."""
    guessed = mimetypes.guess_type(filename)[0] or ""
    return (
        guessed
        if guessed.startswith(f"{kind}/")
        else {"video": "video/mp4", "audio": "audio/mpeg"}.get(kind, "image/jpeg")
    )


def read_facts(path: Path, media: MediaReader) -> Facts:
    """Look into a stored file.

    Raises:
        Unusable: Not an image, a video or a sound that can be read, or too small an image.
    """
    size_bytes = path.stat().st_size
    if is_picture(path):
        width, height = _read_image(path, media)
        return Facts("image", size_bytes, width=width, height=height)
    try:
        info = media.probe(path)
    except FileError as error:
        raise Unusable("video_file_broken", f"The file can't be read: {error.message}") from error
    try:
        cues = media.read_subtitles(path)
    except FileError:
        cues = ()  # the picture is fine: a damaged subtitle track only means that nothing was said
    lines = tuple(Line(cue.start_s, cue.end_s, cue.text) for cue in cues if cue.text.strip())
    return Facts(
        info.kind, size_bytes, info.duration_s, info.width or 0, info.height or 0, _frames_per_s(info.fps), lines
    )


def _read_image(path: Path, media: MediaReader) -> tuple[int, int]:
    try:
        width, height, _ = media.probe_image(path)
    except FileError as error:
        raise Unusable("parameter_invalid", f"The image can't be read: {error.message}") from error
    if min(width, height) < SMALLEST_IMAGE_PX:
        raise Unusable("parameter_invalid", f"The image has {width}x{height} pixels; at least 128x128 are needed.")
    return width, height


def _frames_per_s(fraction: str | None) -> float:
    if not fraction:
        return 0.0
    above, _, below = fraction.partition("/")
    return round(float(above) / float(below or 1), 3)
