"""Values that all layers share. Frozen; no behaviour beyond what follows from the fields."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tlsync.ids import (
    ENRICHMENT_KINDS,
    AssetId,
    ContentId,
    EnrichmentKind,
    FileId,
    IndexedAssetId,
    IndexId,
    RootId,
    StatSignature,
    UploadId,
)

__all__ = [
    "ENRICHMENT_KINDS",
    "AssetId",
    "Chapter",
    "Chunk",
    "ContentId",
    "Cue",
    "EnrichmentKind",
    "FileId",
    "Gist",
    "Highlight",
    "IndexId",
    "IndexedAssetId",
    "MediaInfo",
    "RootId",
    "StatSignature",
    "UploadId",
]


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """What a media file says of itself.

    `width` and `height` are as displayed: after sample aspect ratio and rotation.
    `fps` is a fraction as text, `24000/1001`; None where there is no video.
    """

    kind: Literal["video", "audio"]
    duration_s: float
    container: str
    width: int | None = None
    height: int | None = None
    fps: str | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    start_timecode: str | None = None


@dataclass(frozen=True, slots=True)
class Cue:
    """One timed piece of text, seconds from the start of the media."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """One of the consecutive parts of a video. `number` starts at 0."""

    number: int
    start_s: float
    end_s: float
    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Highlight:
    """One of the main moments of a video."""

    start_s: float
    end_s: float
    title: str
    summary: str


@dataclass(frozen=True, slots=True)
class Gist:
    """Title, topics and hashtags of a video."""

    title: str
    topics: tuple[str, ...]
    hashtags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One window of a file, numbered from 1 as upload sessions do."""

    number: int
    offset: int
    size_bytes: int
