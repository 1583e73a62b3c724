"""Namespace `multipart_upload`: sessions that take a file in chunks. The PUT of a chunk is in `storage`.

Source: API reference v1.3 of 2025-11-17, "Multipart uploads"; `user_metadata` and types other than video from SDK
1.2 and 1.3.
"""

from __future__ import annotations

from collections.abc import Sequence

from tlsync.api.namespace import Namespace
from tlsync.api.pages import PAGE_LIMIT, Pages, UploadStatusPages, check_page
from tlsync.api.routes import Repeat, Route, serves
from tlsync.api.transport import Ask
from tlsync.api.types import (
    AdditionalPresignedUrls,
    CompletedChunk,
    IncompleteUpload,
    Json,
    MultipartUploadSession,
    Page,
    ReportChunkBatchResponse,
    UploadStatus,
)
from tlsync.models import UploadId

LIST = Route("GET", "/assets/multipart-uploads")
CREATE = Route("POST", "/assets/multipart-uploads")
STATUS = Route("GET", "/assets/multipart-uploads/{upload_id}")
# A chunk reported twice is counted as a duplicate and changes nothing; more URLs for a chunk do no harm.
REPORT = Route("POST", "/assets/multipart-uploads/{upload_id}", repeat=Repeat.HARMLESS)
MORE_URLS = Route("POST", "/assets/multipart-uploads/{upload_id}/presigned-urls", repeat=Repeat.HARMLESS)


class MultipartUpload(Namespace):
    """`client.multipart_upload`."""

    @serves(LIST)
    def list_incomplete_uploads(self, *, page: int = 1, page_limit: int = PAGE_LIMIT) -> Pages[IncompleteUpload]:
        """Sessions that are not finished. Neither asset nor file name is named: keep them yourself."""
        return self._pages(LIST, Page[IncompleteUpload], page=page, page_limit=page_limit, query={})

    @serves(CREATE)
    def create(
        self,
        *,
        filename: str,
        total_size: int,
        type: str = "video",
        enable_hls: bool | None = None,
        enable_thumbnail: bool | None = None,
        user_metadata: Json | None = None,
    ) -> MultipartUploadSession:
        """Open a session. It lives 24 hours, its URLs one; it reserves an asset, usable when all bytes are there.

        Args:
            filename: 1 to 255 characters.
            total_size: Bytes of the file; at least 1, at most 4 GB in the reference, later 10 GB.
            type: `video`; later also audio and image.
            user_metadata: Fields of the asset. Newer servers only, as the two before it.
        """
        body = {
            "filename": filename,
            "type": type,
            "total_size": total_size,
            "enable_hls": enable_hls,
            "enable_thumbnail": enable_thumbnail,
            "user_metadata": user_metadata,
        }
        return self._transport.answer(CREATE, MultipartUploadSession, Ask(json=body))

    @serves(STATUS)
    def get_status(self, upload_id: UploadId, *, page: int = 1, page_limit: int = PAGE_LIMIT) -> UploadStatusPages:
        """The chunks of a session; `.first` has its state. After the last report, wait for `completed`."""
        check_page(page, page_limit)

        def fetch(number: int) -> UploadStatus:
            ask = Ask(path={"upload_id": upload_id}, query={"page": number, "page_limit": page_limit})
            return self._transport.answer(STATUS, UploadStatus, ask)

        return UploadStatusPages(fetch, page)

    @serves(REPORT)
    def report_chunk_batch(
        self, upload_id: UploadId, *, completed_chunks: Sequence[CompletedChunk | Json]
    ) -> ReportChunkBatchResponse:
        """Report 1 to 50 chunks that storage has, in any order. The report of the last one completes the upload."""
        ask = Ask(path={"upload_id": upload_id}, json={"completed_chunks": completed_chunks})
        return self._transport.answer(REPORT, ReportChunkBatchResponse, ask)

    @serves(MORE_URLS)
    def get_additional_presigned_urls(self, upload_id: UploadId, *, start: int, count: int) -> AdditionalPresignedUrls:
        """Fresh URLs for `count` chunks (1 to 50) from number `start`, whether or not they had one."""
        ask = Ask(path={"upload_id": upload_id}, json={"start": start, "count": count})
        return self._transport.answer(MORE_URLS, AdditionalPresignedUrls, ask)
