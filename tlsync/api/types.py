"""What the platform takes and answers: every field name of the wire lives here.

Nearly every field of an answer may be missing. Unknown fields are ignored; states are plain text, since newer servers
know more of them. Null and absent mean the same in answers: lists and ids are then empty, other fields None. What the
next call depends on (the id in a `…Created`, the plan of an upload session) must be there. Times are RFC 3339 texts in
UTC (`tlsync.clock.from_text` reads them), `…_sec`, `start`, `end` and `duration` are seconds, sizes are bytes.

Source: API v1.3, reference of 2025-11-17 ("types"); fields marked "later" from SDK 1.2.0 to 1.3.6.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from tlsync.models import AssetId, IndexedAssetId, IndexId, UploadId

T = TypeVar("T")

Number = int | float
UserMetadata = dict[str, Any]
"""User-defined fields: texts, numbers, booleans; later also lists of texts."""

Json = Mapping[str, Any]
"""A JSON object that the caller builds; its fields are those of the type named beside it."""

SortOption = Literal["asc", "desc"]

# A server that is broken or hostile must not make the engine plan zero-byte or petabyte chunks.
ChunkNumber = Annotated[int, Meta(ge=1, le=1_000_000)]
SizeBytes = Annotated[int, Meta(ge=1, le=2**44)]
Count = Annotated[int, Meta(ge=0)]


class Wire(Struct, frozen=True, kw_only=True):
    """Base of all. URLs are left out of its repr: most of them are signed, and reprs end up in logs."""

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={_shown(name, getattr(self, name))}" for name in self.__struct_fields__)
        return f"{type(self).__name__}({fields})"


def _shown(name: str, value: object) -> str:
    secret = name in ("url", "asset_urls", "thumbnail_urls", "base64_string") or name.endswith("_url")
    return "***" if secret and value else repr(value)


# --- lists ----------------------------------------------------------------------------------------------------------


class PageInfo(Wire, frozen=True, kw_only=True):
    """Where a page-numbered list stands. Pages count from 1."""

    limit_per_page: int | None = None
    page: int | None = None
    total_page: int | None = None
    total_results: int | None = None


class Page(Wire, Generic[T], frozen=True, kw_only=True):
    """One page of a list."""

    data: tuple[T, ...] = ()
    page_info: PageInfo = PageInfo()

    @property
    def items(self) -> Sequence[T]:
        return self.data

    def __iter__(self) -> Iterator[T]:
        return iter(self.data)


class Created(Wire, frozen=True, kw_only=True):
    """Answer of calls that only name what they made."""

    id: str = field(name="_id")


# --- indexes --------------------------------------------------------------------------------------------------------


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


# --- assets and multipart uploads -----------------------------------------------------------------------------------


class Reason(Wire, frozen=True, kw_only=True):
    """Why something failed, or a warning."""

    code: str | None = None
    message: str | None = None


class Asset(Wire, frozen=True, kw_only=True):
    """An uploaded file. `status` is processing, ready or failed (in the reference also waiting)."""

    id: AssetId = field(name="_id", default=AssetId(""))
    method: str | None = None
    status: str | None = None
    filename: str | None = None
    file_type: str | None = None
    url: str | None = None
    url_expires_at: str | None = None
    created_at: str | None = None
    size: Number | None = None  # later, as all that follow
    duration: Number | None = None
    user_metadata: UserMetadata = field(default_factory=dict)
    error: Reason | None = None


class PresignedUrlChunk(Wire, frozen=True, kw_only=True):
    """A URL that takes one PUT of one chunk's bytes within an hour."""

    chunk_index: ChunkNumber
    url: str
    expires_at: str | None = None


class MultipartUploadSession(Wire, frozen=True, kw_only=True):
    """A new upload session. `chunk_size` holds for every chunk but the last; `upload_urls` may cover only some."""

    upload_id: UploadId
    asset_id: AssetId
    chunk_size: SizeBytes
    total_chunks: ChunkNumber
    upload_urls: tuple[PresignedUrlChunk, ...] = ()
    upload_headers: dict[str, str] = field(default_factory=dict)
    expires_at: str | None = None


class CompletedChunk(Wire, frozen=True):
    """Report on a chunk: `proof` is its ETag without quotes, `chunk_size` the bytes of this chunk."""

    chunk_index: int
    proof: str
    chunk_size: int
    proof_type: str = "etag"


class ReportChunkBatchResponse(Wire, frozen=True, kw_only=True):
    """What a report changed. `url` is there when it completed the upload."""

    url: str | None = None
    asset_id: AssetId | None = None
    processed_chunks: Count | None = None
    duplicate_chunks: Count | None = None
    total_completed: Count | None = None


class AdditionalPresignedUrls(Wire, frozen=True, kw_only=True):
    """Fresh URLs for a range of chunks."""

    upload_id: UploadId | None = None
    start_index: int | None = None
    count: int | None = None
    upload_urls: tuple[PresignedUrlChunk, ...] = ()
    generated_at: str | None = None
    expires_at: str | None = None


class ChunkInfo(Wire, frozen=True, kw_only=True):
    """State of a chunk: completed (reported), pending or failed. Called `index` here, `chunk_index` elsewhere."""

    index: ChunkNumber | None = None
    status: str | None = None
    uploaded_at: str | None = None
    updated_at: str | None = None
    error: str | None = None


class UploadStatus(Wire, frozen=True, kw_only=True):
    """State of a session (active, completed, failed, expired), with one page of its chunks."""

    upload_id: UploadId | None = None
    status: str | None = None
    uploaded_chunks: tuple[ChunkInfo, ...] = ()
    chunks_completed: Count | None = None
    chunks_failed: Count | None = None
    chunks_pending: Count | None = None
    page_info: PageInfo = PageInfo()
    total_size: int | None = None
    uploaded_size: int | None = None
    created_at: str | None = None
    updated_at: str | None = None

    @property
    def items(self) -> Sequence[ChunkInfo]:
        return self.uploaded_chunks


class IncompleteUpload(Wire, frozen=True, kw_only=True):
    """An unfinished session. It names neither the asset nor the file."""

    upload_id: UploadId
    status: str | None = None
    total_size: int | None = None
    chunk_size: int | None = None
    total_chunks: int | None = None
    created_at: str | None = None
    expires_at: str | None = None


# --- generated text -------------------------------------------------------------------------------------------------


class TokenUsage(Wire, frozen=True, kw_only=True):
    """Tokens of a generation."""

    output_tokens: int | None = None
    input_tokens: int | None = None  # later


class ResponseFormat(Wire, frozen=True, kw_only=True):
    """Asks for an answer that follows a JSON Schema (a subset of draft 2020-12)."""

    json_schema: dict[str, Any]
    type: str = "json_schema"


class VideoSource(Wire, frozen=True, kw_only=True):
    """The video to analyze (later form): `type` names which of the three other fields is set."""

    type: Literal["asset_id", "url", "base64_string"]
    asset_id: AssetId | None = None
    url: str | None = None
    base64_string: str | None = None


class Chapter(Wire, frozen=True, kw_only=True):
    """One of the consecutive parts of a video; the first has number 0. `start` and `end` are whole seconds."""

    chapter_number: int | None = None
    start: Number | None = None
    end: Number | None = None
    start_sec: Number | None = None
    end_sec: Number | None = None
    chapter_title: str | None = None
    chapter_summary: str | None = None


class Highlight(Wire, frozen=True, kw_only=True):
    """A main moment; `highlight` is its title. `start` and `end` are whole seconds."""

    start: Number | None = None
    end: Number | None = None
    start_sec: Number | None = None
    end_sec: Number | None = None
    highlight: str | None = None
    highlight_summary: str | None = None


class SummarizeResponse(Wire, frozen=True, kw_only=True):
    """What was asked for: `summary`, `chapters` or `highlights`. `summarize_type` may be missing."""

    summarize_type: str | None = None
    id: str | None = None
    summary: str | None = None
    chapters: tuple[Chapter, ...] = ()
    highlights: tuple[Highlight, ...] = ()
    usage: TokenUsage | None = None


class Gist(Wire, frozen=True, kw_only=True):
    """Title, topics, hashtags; only what was asked for is filled."""

    id: str | None = None
    title: str | None = None
    topics: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    usage: TokenUsage | None = None


class AnalyzeResult(Wire, frozen=True, kw_only=True):
    """A generated text. With a JSON schema `data` holds JSON, cut off where `finish_reason` is length."""

    id: str | None = None
    data: str | None = None
    finish_reason: str | None = None
    usage: TokenUsage | None = None
    error: Reason | None = None  # later


class StreamMetadata(Wire, frozen=True, kw_only=True):
    """Which generation an event belongs to; the last event also counts its tokens."""

    generation_id: str | None = None
    usage: TokenUsage | None = None


class StreamEvent(Wire, frozen=True, kw_only=True):
    """One line of a stream. `event_type`: stream_start, text_generation with `text`, stream_end."""

    event_type: str
    text: str | None = None
    finish_reason: str | None = None
    metadata: StreamMetadata | None = None
    error: Reason | None = None  # later


class AnalysisResult(Wire, frozen=True, kw_only=True):
    """Text of a background analysis."""

    generation_id: str | None = None
    data: str | None = None
    finish_reason: str | None = None
    usage: TokenUsage | None = None


class AnalysisTask(Wire, frozen=True, kw_only=True):
    """A background analysis: queued, pending, processing, ready, failed or canceled."""

    task_id: str
    status: str | None = None
    custom_id: str | None = None
    batch_id: str | None = None
    created_at: str | None = None
    completed_at: str | None = None
    video_source: dict[str, Any] | None = None
    request_params: dict[str, Any] | None = None
    result: AnalysisResult | None = None
    error: Reason | None = None
    webhooks: tuple[dict[str, Any], ...] = ()


# --- search ---------------------------------------------------------------------------------------------------------


class SearchPool(Wire, frozen=True, kw_only=True):
    """What was searched."""

    total_count: Number | None = None
    total_duration: Number | None = None
    index_id: IndexId | None = None


class SearchPageInfo(Wire, frozen=True, kw_only=True):
    """Where a search stands. Tokens work until `page_expires_at`; no `next_page_token`, no further page."""

    limit_per_page: int | None = None
    page_expires_at: str | None = None
    total_results: int | None = None
    total_inner_matches: int | None = None
    next_page_token: str | None = None
    prev_page_token: str | None = None


class SearchClip(Wire, frozen=True, kw_only=True):
    """A moment that was found. `rank` 1 is the best; `score` and `confidence` are of Marengo 2.7 only."""

    start: Number | None = None
    end: Number | None = None
    video_id: IndexedAssetId | None = None
    rank: int | None = None
    score: Number | None = None
    confidence: str | None = None
    thumbnail_url: str | None = None
    transcription: str | None = None
    user_metadata: UserMetadata = field(default_factory=dict)


class SearchItem(SearchClip, frozen=True, kw_only=True):
    """A hit: a moment, or with `group_by="video"` a video (`id`) with `clips` in it."""

    id: IndexedAssetId | None = None
    clips: tuple[SearchClip, ...] = ()


class SearchResults(Wire, frozen=True, kw_only=True):
    """One page of hits."""

    search_pool: SearchPool | None = None
    data: tuple[SearchItem, ...] = ()
    page_info: SearchPageInfo = SearchPageInfo()

    @property
    def items(self) -> Sequence[SearchItem]:
        return self.data

    @property
    def next_page_token(self) -> str | None:
        return self.page_info.next_page_token or None


# --- tasks and transfers --------------------------------------------------------------------------------------------


class TaskSystemMetadata(Wire, frozen=True, kw_only=True):
    """What the platform read from the file of a task."""

    duration: Number | None = None
    filename: str | None = None
    height: Number | None = None
    width: Number | None = None


class VideoIndexingTask(Wire, frozen=True, kw_only=True):
    """Upload and indexing in one: uploading, validating, pending, queued, indexing, ready or failed."""

    id: str = field(name="_id", default="")
    video_id: IndexedAssetId | None = None
    created_at: str | None = None
    updated_at: str | None = None
    status: str | None = None
    index_id: IndexId | None = None
    system_metadata: TaskSystemMetadata | None = None
    metadata: TaskSystemMetadata | None = None  # the same, in samples of the documentation

    @property
    def facts(self) -> TaskSystemMetadata | None:
        return self.system_metadata or self.metadata


class VideoIndexingTaskDetail(VideoIndexingTask, frozen=True, kw_only=True):
    """One task, with streaming data."""

    hls: HlsObject | None = None


class TaskCreated(Wire, frozen=True, kw_only=True):
    """Answer to starting a task: its id and the one its video will have."""

    id: str = field(name="_id")
    video_id: IndexedAssetId | None = None


class TransferVideo(Wire, frozen=True, kw_only=True):
    """A file of an import."""

    video_id: IndexedAssetId | None = None
    filename: str | None = None
    created_at: str | None = None


class TransferFailedFile(Wire, frozen=True, kw_only=True):
    """A file that an import could not take."""

    filename: str | None = None
    created_at: str | None = None
    error_message: str | None = None


class TransferStartResult(Wire, frozen=True, kw_only=True):
    """What an import took and refused; all empty on servers that answer nothing."""

    failed_files: tuple[TransferFailedFile, ...] = ()
    videos: tuple[TransferVideo, ...] = ()


class TransferStatus(Wire, frozen=True, kw_only=True):
    """Files of an import by state."""

    not_imported: tuple[str, ...] = ()
    validating: tuple[TransferVideo, ...] = ()
    pending: tuple[TransferVideo, ...] = ()
    queued: tuple[TransferVideo, ...] = ()
    indexing: tuple[TransferVideo, ...] = ()
    ready: tuple[TransferVideo, ...] = ()
    failed: tuple[TransferFailedFile, ...] = ()


class TransferLog(Wire, frozen=True, kw_only=True):
    """One run of an import; `video_status` counts files by state."""

    index_id: IndexId | None = None
    index_name: str | None = None
    created_at: str | None = None
    ended_at: str | None = None
    video_status: dict[str, int] = field(default_factory=dict)
    failed_files: tuple[TransferFailedFile, ...] = ()


class TransferLogs(Wire, frozen=True, kw_only=True):
    """The history of imports."""

    data: tuple[TransferLog, ...] = ()


# --- entities -------------------------------------------------------------------------------------------------------


class EntityCollection(Wire, frozen=True, kw_only=True):
    """A named group of entities."""

    id: str = field(name="_id", default="")
    name: str | None = None
    description: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class Entity(Wire, frozen=True, kw_only=True):
    """A person known by sample images. `status` is processing or ready; searchable as `<@id>`."""

    id: str = field(name="_id", default="")
    name: str | None = None
    description: str | None = None
    metadata: UserMetadata = field(default_factory=dict)
    asset_ids: tuple[AssetId, ...] = ()
    status: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    entity_collection_id: str | None = None  # later


class InternalEntity(Entity, frozen=True, kw_only=True):
    """An entity with its collection."""

    entity_collection_name: str | None = None
    asset_urls: tuple[str, ...] = ()


class BulkEntityInput(Wire, frozen=True, kw_only=True):
    """One entity to create in bulk; at least one asset."""

    name: str
    asset_ids: tuple[str, ...]
    description: str | None = None
    metadata: UserMetadata | None = None


class BulkCreatedEntity(Wire, frozen=True, kw_only=True):
    """An entity that was created."""

    id: str = field(name="_id", default="")
    name: str | None = None
    status: str | None = None


class BulkEntityError(Wire, frozen=True, kw_only=True):
    """An entity that was refused; `entity_index` counts from 0."""

    entity_index: int | None = None
    entity_name: str | None = None
    error_reason: str | None = None


class BulkCreateEntityResponse(Wire, frozen=True, kw_only=True):
    """Outcome of a bulk creation; partial success is normal."""

    success_count: int | None = None
    failed_count: int | None = None
    entities: tuple[BulkCreatedEntity, ...] = ()
    errors: tuple[BulkEntityError, ...] = ()


# --- embeddings -----------------------------------------------------------------------------------------------------


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


def from_wire(value: Any, kind: type[T]) -> T:
    """Parsed JSON as one of the types above.

    Raises:
        ValueError: It has another shape.
    """
    return msgspec.convert(_without_nulls(value), kind)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list) and value and isinstance(value[0], dict | list):
        # Vectors are left as they are: there may be millions of numbers.
        return [_without_nulls(inner) for inner in value]
    return value
