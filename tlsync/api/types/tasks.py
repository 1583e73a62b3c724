"""Tasks that upload and index in one call, and transfers."""

from __future__ import annotations

from msgspec import field

from tlsync.api.types.base import Number, Wire
from tlsync.api.types.indexes import HlsObject
from tlsync.models import IndexedAssetId, IndexId


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
