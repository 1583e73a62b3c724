"""Namespace `indexes.indexed_assets`: assets in an index. Their ids are what search and analyze call `video_id`.

Source: API reference v1.3 of 2025-11-17, "Indexed assets"; range filters and `user_metadata` on create from SDK 1.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tlsync.api.encoding import Range, with_user_fields
from tlsync.api.namespace import Namespace
from tlsync.api.pages import PAGE_LIMIT, Pages
from tlsync.api.routes import Route, serves
from tlsync.api.transport import Ask
from tlsync.api.types import IndexedAsset, IndexedAssetCreated, IndexedAssetDetail, Json, Page, SortOption
from tlsync.models import AssetId, IndexedAssetId, IndexId

LIST = Route("GET", "/indexes/{index_id}/indexed-assets")
CREATE = Route("POST", "/indexes/{index_id}/indexed-assets", costs_money=True, group="indexing")
RETRIEVE = Route("GET", "/indexes/{index_id}/indexed-assets/{indexed_asset_id}")
DELETE = Route("DELETE", "/indexes/{index_id}/indexed-assets/{indexed_asset_id}")
UPDATE = Route("PATCH", "/indexes/{index_id}/indexed-assets/{indexed_asset_id}")


class IndexedAssets(Namespace):
    """`client.indexes.indexed_assets`."""

    @serves(LIST)
    def list(
        self,
        index_id: IndexId,
        *,
        page: int = 1,
        page_limit: int = PAGE_LIMIT,
        sort_by: Literal["created_at", "updated_at"] | None = None,
        sort_option: SortOption | None = None,
        status: str | Sequence[str] | None = None,
        filename: str | None = None,
        duration: Range | None = None,
        fps: Range | None = None,
        width: Range | None = None,
        height: Range | None = None,
        size: Range | None = None,
        created_at: str | None = None,
        updated_at: str | None = None,
        user_metadata: Json | None = None,
    ) -> Pages[IndexedAsset]:
        """The assets in an index, newest first unless told otherwise.

        Args:
            status: One or more of ready, pending, queued, indexing, failed.
            duration: Seconds, or bounds `{"gte": 10, "lte": 60}`; so also `fps`, `width` and `height` in pixels, and
                `size` in bytes. Bounds are understood by newer servers only.
            created_at: RFC 3339; only those whose indexing began on that day at or after that time.
            updated_at: Likewise, for changes by `update`.
            user_metadata: User fields and the values they must have.
        """
        fields = {
            "sort_by": sort_by,
            "sort_option": sort_option,
            "status": status,
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
        path = {"index_id": index_id}
        return self._pages(LIST, Page[IndexedAsset], page=page, page_limit=page_limit, path=path, query=query)

    @serves(CREATE)
    def create(
        self,
        index_id: IndexId,
        *,
        asset_id: AssetId,
        enable_video_stream: bool | None = None,
        user_metadata: Json | None = None,
    ) -> IndexedAssetCreated:
        """Put a ready asset into an index; indexing goes on in the background and is billed by duration.

        Args:
            enable_video_stream: Keep the video for streaming; the platform's default is no.
            user_metadata: User fields. Known to newer servers only.
        """
        body = {"asset_id": asset_id, "enable_video_stream": enable_video_stream, "user_metadata": user_metadata}
        return self._transport.answer(CREATE, IndexedAssetCreated, Ask(path={"index_id": index_id}, json=body))

    @serves(RETRIEVE)
    def retrieve(
        self,
        index_id: IndexId,
        indexed_asset_id: IndexedAssetId,
        *,
        transcription: bool | None = None,
        embedding_option: Sequence[str] | None = None,
    ) -> IndexedAssetDetail:
        """One indexed asset.

        Args:
            transcription: Add what is spoken.
            embedding_option: Add vectors of these kinds: visual, audio, transcription (Marengo 3.0).
        """
        path = {"index_id": index_id, "indexed_asset_id": indexed_asset_id}
        query = {"embedding_option": embedding_option, "transcription": transcription}
        return self._transport.answer(RETRIEVE, IndexedAssetDetail, Ask(path=path, query=query))

    @serves(DELETE)
    def delete(self, index_id: IndexId, indexed_asset_id: IndexedAssetId) -> None:
        """Take an asset out of an index. The asset itself stays."""
        path = {"index_id": index_id, "indexed_asset_id": indexed_asset_id}
        self._transport.order(DELETE, Ask(path=path))

    @serves(UPDATE)
    def update(self, index_id: IndexId, indexed_asset_id: IndexedAssetId, *, user_metadata: Json | None = None) -> None:
        """Set user fields. A None removes a key; keys that are not named stay."""
        path = {"index_id": index_id, "indexed_asset_id": indexed_asset_id}
        self._transport.order(UPDATE, Ask(path=path, json={"user_metadata": user_metadata}))
