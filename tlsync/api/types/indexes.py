"""Indexes and what is in them: indexed assets and videos."""

from __future__ import annotations

from msgspec import field

from tlsync.api.types.base import Number, UserMetadata, Wire
from tlsync.models import AssetId, IndexedAssetId, IndexId


class IndexModel(Wire, frozen=True):
    """A model of an index: `marengo3.0` or `pegasus1.2`, with options out of `visual` and `audio`."""

    model_name: str | None = None
    model_options: tuple[str, ...] = ()


class Index(Wire, frozen=True, kw_only=True):
    """A group of videos that is searched as one. `expires_at` is None on paid plans."""

    id: IndexId = field(name="_id", default=IndexId(""))
    created_at: str | None = None
    updated_at: str | None = None
    expires_at: str | None = None
    index_name: str | None = None
    total_duration: Number | None = None
    video_count: Number | None = None
    models: tuple[IndexModel, ...] = ()
    addons: tuple[str, ...] = ()


class IndexCreated(Wire, frozen=True, kw_only=True):
    """Answer to creating an index."""

    id: IndexId = field(name="_id")


class HlsObject(Wire, frozen=True, kw_only=True):
    """Streaming data. `status` is PROCESSING, COMPLETE, CANCELED or ERROR."""

    video_url: str | None = None
    thumbnail_urls: tuple[str, ...] = ()
    status: str | None = None
    updated_at: str | None = None


class TranscriptionItem(Wire, frozen=True, kw_only=True):
    """One timed piece of speech."""

    start: Number | None = None
    end: Number | None = None
    value: str | None = None


class VideoSystemMetadata(Wire, frozen=True, kw_only=True):
    """What the platform read from the file."""

    filename: str | None = None
    duration: Number | None = None
    fps: Number | None = None
    width: Number | None = None
    height: Number | None = None
    size: Number | None = None


class VideoSegment(Wire, frozen=True, kw_only=True):
    """A vector for a span of 2 to 10 seconds, or for all of a video."""

    float: tuple[Number, ...] = ()
    start_offset_sec: Number | None = None
    end_offset_sec: Number | None = None
    embedding_option: str | None = None
    embedding_scope: str | None = None


class VideoSegments(Wire, frozen=True, kw_only=True):
    """The vectors of an indexed video."""

    segments: tuple[VideoSegment, ...] = ()


class VideoEmbeddingBlock(Wire, frozen=True, kw_only=True):
    """Vectors of an indexed video and the model that made them."""

    model_name: str | None = None
    video_embedding: VideoSegments | None = None


class Video(Wire, frozen=True, kw_only=True):
    """A video in an index. `indexed_at` is the end of indexing."""

    id: IndexedAssetId = field(name="_id", default=IndexedAssetId(""))
    asset_id: AssetId | None = None  # later
    created_at: str | None = None
    updated_at: str | None = None
    indexed_at: str | None = None
    system_metadata: VideoSystemMetadata | None = None
    user_metadata: UserMetadata = field(default_factory=dict)


class IndexedAsset(Video, frozen=True, kw_only=True):
    """An asset in an index; its id is what search and analyze call `video_id`.

    `status` is pending, queued, indexing, ready or failed; later also validating.
    """

    status: str | None = None


class VideoDetail(Video, frozen=True, kw_only=True):
    """One video with what was asked for: `embedding`, `transcription`."""

    hls: HlsObject | None = None
    embedding: VideoEmbeddingBlock | None = None
    transcription: tuple[TranscriptionItem, ...] = ()


class IndexedAssetDetail(IndexedAsset, frozen=True, kw_only=True):
    """One indexed asset with what was asked for: `embedding`, `transcription`."""

    hls: HlsObject | None = None
    embedding: VideoEmbeddingBlock | None = None
    transcription: tuple[TranscriptionItem, ...] = ()


class IndexedAssetCreated(Wire, frozen=True, kw_only=True):
    """Answer to putting an asset into an index."""

    id: IndexedAssetId = field(name="_id")
    asset_id: AssetId | None = None  # later
