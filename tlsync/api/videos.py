"""Namespace `indexes.videos`: the older view of indexed assets, to be deprecated in favour of `indexed_assets`.

Source: API reference v1.3 of 2025-11-17, "Videos".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tlsync.api.encoding import Range, with_user_fields
from tlsync.api.namespace import Namespace
from tlsync.api.pages import PAGE_LIMIT, Pages
from tlsync.api.routes import Lifetime, Route, serves
from tlsync.api.transport import Ask
from tlsync.api.types import Json, Page, SortOption, Video, VideoDetail
from tlsync.models import IndexedAssetId, IndexId


def _route(verb: str, template: str) -> Route:
    method = {"PATCH": "update", "DELETE": "delete"}.get(verb, "retrieve" if "{video_id}" in template else "list")
    return Route(verb, template, lifetime=Lifetime.DEPRECATED, instead=f"indexes.indexed_assets.{method}")


LIST = _route("GET", "/indexes/{index_id}/videos")
RETRIEVE = _route("GET", "/indexes/{index_id}/videos/{video_id}")
DELETE = _route("DELETE", "/indexes/{index_id}/videos/{video_id}")
UPDATE = _route("PATCH", "/indexes/{index_id}/videos/{video_id}")


class Videos(Namespace):
    """`client.indexes.videos`."""

    @serves(LIST)
    def list(
        self,
        index_id: IndexId,
        *,
        page: int = 1,
        page_limit: int = PAGE_LIMIT,
        sort_by: Literal["created_at", "updated_at"] | None = None,
        sort_option: SortOption | None = None,
        filename: str | None = None,
        duration: Range | None = None,
        fps: Range | None = None,
        width: Range | None = None,
        height: Range | None = None,
        size: Range | None = None,
        created_at: str | None = None,
        updated_at: str | None = None,
        user_metadata: Json | None = None,
    ) -> Pages[Video]:
        """The videos of an index, newest first unless told otherwise. Filters as in `indexed_assets.list`."""
        fields = {
            "sort_by": sort_by,
            "sort_option": sort_option,
            "filename": filename,
            "duration": duration,
            "fps": fps,
            "width": width,
            "height": height,
            "size": size,
            "created_at": created_at,
            "updated_at": updated_at,
        }
        query = with_user_fields(fields, user_metadata)
        return self._pages(
            LIST, Page[Video], page=page, page_limit=page_limit, path={"index_id": index_id}, query=query
        )

    @serves(RETRIEVE)
    def retrieve(
        self,
        index_id: IndexId,
        video_id: IndexedAssetId,
        *,
        transcription: bool | None = None,
        embedding_option: Sequence[str] | None = None,
    ) -> VideoDetail:
        """One video; parameters as in `indexed_assets.retrieve`."""
        path = {"index_id": index_id, "video_id": video_id}
        query = {"embedding_option": embedding_option, "transcription": transcription}
        return self._transport.answer(RETRIEVE, VideoDetail, Ask(path=path, query=query))

    @serves(DELETE)
    def delete(self, index_id: IndexId, video_id: IndexedAssetId) -> None:
        """Delete a video from its index."""
        self._transport.order(DELETE, Ask(path={"index_id": index_id, "video_id": video_id}))

    @serves(UPDATE)
    def update(self, index_id: IndexId, video_id: IndexedAssetId, *, user_metadata: Json | None = None) -> None:
        """Set user fields. A None removes a key; keys that are not named stay."""
        path = {"index_id": index_id, "video_id": video_id}
        self._transport.order(UPDATE, Ask(path=path, json={"user_metadata": user_metadata}))
