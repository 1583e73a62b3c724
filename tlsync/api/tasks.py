"""Namespaces `tasks` (upload and indexing in one call, legacy) and `tasks.transfers` (import of a cloud bucket).

Source: API reference v1.3 of 2025-11-17, "Tasks" and "Cloud-to-cloud transfers".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tlsync.api.encoding import Upload
from tlsync.api.namespace import Namespace
from tlsync.api.pages import PAGE_LIMIT, Pages
from tlsync.api.routes import Lifetime, Route, serves
from tlsync.api.transport import Ask, Transport
from tlsync.api.types import (
    Json,
    Page,
    SortOption,
    TaskCreated,
    TransferLogs,
    TransferStartResult,
    TransferStatus,
    VideoIndexingTask,
    VideoIndexingTaskDetail,
)
from tlsync.models import IndexId

LIST = Route("GET", "/tasks")
CREATE = Route(
    "POST",
    "/tasks",
    costs_money=True,
    group="indexing",
    read_timeout_s=300.0,
    lifetime=Lifetime.DEPRECATED,
    instead="assets.create or multipart_upload, then indexes.indexed_assets.create",
)
RETRIEVE = Route("GET", "/tasks/{task_id}")
DELETE = Route("DELETE", "/tasks/{task_id}")

_IMPORTS = "data connectors and imports (connections)"
START_IMPORT = Route(
    "POST",
    "/tasks/transfers/import/{integration_id}",
    costs_money=True,
    lifetime=Lifetime.REMOVED,
    instead=_IMPORTS,
)
IMPORT_STATUS = Route(
    "GET", "/tasks/transfers/import/{integration_id}/status", lifetime=Lifetime.REMOVED, instead=_IMPORTS
)
IMPORT_LOGS = Route("GET", "/tasks/transfers/import/{integration_id}/logs", lifetime=Lifetime.REMOVED, instead=_IMPORTS)


class Transfers(Namespace):
    """`client.tasks.transfers`."""

    @serves(START_IMPORT)
    def create(
        self,
        integration_id: str,
        *,
        index_id: IndexId | None = None,
        incremental_import: bool | None = None,
        retry_failed: bool | None = None,
        user_metadata: Json | None = None,
    ) -> TransferStartResult:
        """Import a bucket into an index. The reference sends no parameters; servers before it need `index_id`.

        Args:
            incremental_import: Only new files; the platform's default.
            retry_failed: Also files that failed before.
            user_metadata: User fields for all files.

        Raises:
            Gone: The server no longer has this endpoint.
        """
        fields = {
            "index_id": index_id,
            "incremental_import": incremental_import,
            "retry_failed": retry_failed,
            "user_metadata": user_metadata,
        }
        body = fields if any(value is not None for value in fields.values()) else None
        ask = Ask(path={"integration_id": integration_id}, json=body)
        return self._transport.answer(START_IMPORT, TransferStartResult, ask)

    @serves(IMPORT_STATUS)
    def get_status(self, integration_id: str, *, index_id: IndexId | None = None) -> TransferStatus:
        """The files of an import by state. Servers before the reference need `index_id`.

        Raises:
            Gone: The server no longer has this endpoint.
        """
        ask = Ask(path={"integration_id": integration_id}, query={"index_id": index_id})
        return self._transport.answer(IMPORT_STATUS, TransferStatus, ask)

    @serves(IMPORT_LOGS)
    def get_logs(self, integration_id: str) -> TransferLogs:
        """The history of imports.

        Raises:
            Gone: The server no longer has this endpoint.
        """
        return self._transport.answer(IMPORT_LOGS, TransferLogs, Ask(path={"integration_id": integration_id}))


class Tasks(Namespace):
    """`client.tasks`."""

    transfers: Transfers

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.transfers = Transfers(transport)

    @serves(LIST)
    def list(
        self,
        *,
        page: int = 1,
        page_limit: int = PAGE_LIMIT,
        sort_by: Literal["created_at", "updated_at"] | None = None,
        sort_option: SortOption | None = None,
        index_id: IndexId | None = None,
        status: str | Sequence[str] | None = None,
        filename: str | None = None,
        duration: float | None = None,
        width: int | None = None,
        height: int | None = None,
        created_at: str | None = None,
        updated_at: str | None = None,
    ) -> Pages[VideoIndexingTask]:
        """Indexing tasks, newest first unless told otherwise.

        Args:
            status: One or more of ready, uploading, validating, pending, queued, indexing, failed.
            duration: Seconds.
            width: Pixels, as `height`.
            created_at: RFC 3339; only those made on that day at or after that time. `updated_at` likewise.
        """
        query = {
            "sort_by": sort_by,
            "sort_option": sort_option,
            "index_id": index_id,
            "status": status,
            "filename": filename,
            "duration": duration,
            "width": width,
            "height": height,
            "created_at": created_at,
            "updated_at": updated_at,
        }
        return self._pages(LIST, Page[VideoIndexingTask], page=page, page_limit=page_limit, query=query)

    @serves(CREATE)
    def create(
        self,
        *,
        index_id: IndexId,
        video_file: Upload | None = None,
        video_url: str | None = None,
        enable_video_stream: bool | None = None,
        user_metadata: Json | None = None,
    ) -> TaskCreated:
        """Upload and index one video: a file of at most 2 GB, or one that the platform fetches.

        Args:
            enable_video_stream: Keep the video for streaming; the platform's default is yes.
            user_metadata: User fields.
        """
        form = {
            "index_id": index_id,
            "video_url": video_url,
            "enable_video_stream": enable_video_stream,
            "user_metadata": user_metadata,
        }
        return self._transport.answer(CREATE, TaskCreated, Ask(form=form, files={"video_file": video_file}))

    @serves(RETRIEVE)
    def retrieve(self, task_id: str) -> VideoIndexingTaskDetail:
        """One task."""
        return self._transport.answer(RETRIEVE, VideoIndexingTaskDetail, Ask(path={"task_id": task_id}))

    @serves(DELETE)
    def delete(self, task_id: str) -> None:
        """Delete a task that is ready or failed; if it is ready, its video must be deleted first."""
        self._transport.order(DELETE, Ask(path={"task_id": task_id}))
