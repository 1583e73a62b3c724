"""Assets and multipart uploads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from msgspec import field

from tlsync.api.types.base import IN_PATHS, ChunkNumber, Count, Number, PageInfo, SizeBytes, UserMetadata, Wire
from tlsync.models import AssetId, UploadId


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

    upload_id: Annotated[UploadId, IN_PATHS]
    asset_id: Annotated[AssetId, IN_PATHS]
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
