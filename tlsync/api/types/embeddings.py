"""Embeddings, at once or as tasks."""

from __future__ import annotations

from typing import Any

from msgspec import field

from tlsync.api.types.assets import Reason
from tlsync.api.types.base import Number, Wire
from tlsync.api.types.indexes import VideoSegment
from tlsync.models import AssetId


class EmbeddingMetadata(Wire, frozen=True, kw_only=True):
    """What was embedded, and how. Old and new endpoints name options differently; the fields here are all of them."""

    input_type: str | None = None
    input_url: str | None = None
    input_filename: str | None = None
    duration: Number | None = None
    clip_length: Number | None = None
    embedding_options: tuple[str, ...] = ()
    embedding_scopes: tuple[str, ...] = ()
    start_offset_sec: Number | None = None
    end_offset_sec: Number | None = None
    video_clip_length: Number | None = None
    video_embedding_scope: tuple[str, ...] = ()
    audio_embedding_options: tuple[str, ...] = ()
    audio_embedding_scopes: tuple[str, ...] = ()


class EmbeddingPart(Wire, frozen=True, kw_only=True):
    """Vectors of one input; a failed part says so in `error_message` while the call succeeds."""

    error_message: str | None = None
    segments: tuple[VideoSegment, ...] = ()
    metadata: EmbeddingMetadata | None = None


class EmbeddingResponse(Wire, frozen=True, kw_only=True):
    """Vectors (v1), one part per kind of input."""

    model_name: str | None = None
    text_embedding: EmbeddingPart | None = None
    image_embedding: EmbeddingPart | None = None
    audio_embedding: EmbeddingPart | None = None


class MediaEmbeddingTask(Wire, frozen=True, kw_only=True):
    """An embedding task, v1 or v2: processing, ready or failed. Vectors (v1) are there when it is ready."""

    id: str = field(name="_id", default="")
    model_name: str | None = None
    status: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    video_embedding: EmbeddingPart | None = None
    audio_embedding: EmbeddingPart | None = None


class EmbeddingData(Wire, frozen=True, kw_only=True):
    """One vector (v2); 512 numbers with marengo3.0."""

    embedding: tuple[Number, ...]
    embedding_option: str | None = None
    embedding_scope: str | None = None
    start_sec: Number | None = None
    end_sec: Number | None = None


class EmbeddingSuccessResponse(Wire, frozen=True, kw_only=True):
    """Vectors (v2)."""

    data: tuple[EmbeddingData, ...] = ()
    metadata: EmbeddingMetadata | None = None


class EmbeddingTask(Wire, frozen=True, kw_only=True):
    """An embedding task (v2) with its vectors when it is ready."""

    id: str = field(name="_id", default="")
    status: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    data: tuple[EmbeddingData, ...] = ()
    metadata: EmbeddingMetadata | None = None
    error: Reason | None = None  # later


class MediaSource(Wire, frozen=True, kw_only=True):
    """Where a media file is: exactly one of the three."""

    base64_string: str | None = None
    url: str | None = None
    asset_id: AssetId | None = None


class TextInput(Wire, frozen=True, kw_only=True):
    """Text to embed; at most 500 tokens."""

    input_text: str


class ImageInput(Wire, frozen=True, kw_only=True):
    """An image to embed."""

    media_source: MediaSource


class TextImageInput(Wire, frozen=True, kw_only=True):
    """An image and a text, embedded as one."""

    media_source: MediaSource
    input_text: str


class MediaInput(Wire, frozen=True, kw_only=True):
    """Audio or video to embed, from `start_sec` to `end_sec`.

    `segmentation` is `{"strategy": "fixed", "fixed": {"duration_sec": 6}}`, for video also
    `{"strategy": "dynamic", "dynamic": {"min_duration_sec": 4}}`.
    """

    media_source: MediaSource
    start_sec: Number | None = None
    end_sec: Number | None = None
    segmentation: dict[str, Any] | None = None
    embedding_option: tuple[str, ...] | None = None
    embedding_scope: tuple[str, ...] | None = None
