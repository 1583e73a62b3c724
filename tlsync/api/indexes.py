"""Namespace `indexes`: groups of videos that are searched as one.

Source: API reference v1.3 of 2025-11-17, "Indexes".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tlsync.api.indexed_assets import IndexedAssets
from tlsync.api.namespace import Namespace
from tlsync.api.pages import PAGE_LIMIT, Pages
from tlsync.api.routes import Route, serves
from tlsync.api.transport import Ask, Transport
from tlsync.api.types import Index, IndexCreated, IndexModel, Json, Page, SortOption
from tlsync.api.videos import Videos
from tlsync.models import IndexId

LIST = Route("GET", "/indexes")
CREATE = Route("POST", "/indexes")
RETRIEVE = Route("GET", "/indexes/{index_id}")
UPDATE = Route("PUT", "/indexes/{index_id}")
DELETE = Route("DELETE", "/indexes/{index_id}")


class Indexes(Namespace):
    """`client.indexes`."""

    indexed_assets: IndexedAssets
    videos: Videos

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.indexed_assets = IndexedAssets(transport)
        self.videos = Videos(transport)

    @serves(LIST)
    def list(
        self,
        *,
        page: int = 1,
        page_limit: int = PAGE_LIMIT,
        sort_by: Literal["created_at", "updated_at"] | None = None,
        sort_option: SortOption | None = None,
        index_name: str | None = None,
        model_options: Sequence[str] | None = None,
        model_family: str | None = None,
        created_at: str | None = None,
        updated_at: str | None = None,
    ) -> Pages[Index]:
        """The indexes of the account. Their default order is not certain: send `sort_option` where it matters.

        Args:
            index_name: Only the one with this name.
            model_options: Only those with these options, `visual` and `audio`.
            model_family: `marengo` or `pegasus`.
            created_at: RFC 3339; only those made on that day at or after that time. `updated_at` likewise.
        """
        query = {
            "sort_by": sort_by,
            "sort_option": sort_option,
            "index_name": index_name,
            # The one list that is not repeated but joined.
            "model_options": ",".join(model_options) if model_options else None,
            "model_family": model_family,
            "created_at": created_at,
            "updated_at": updated_at,
        }
        return self._pages(LIST, Page[Index], page=page, page_limit=page_limit, query=query)

    @serves(CREATE)
    def create(
        self, *, index_name: str, models: Sequence[IndexModel | Json], addons: Sequence[str] | None = None
    ) -> IndexCreated:
        """Make an index. Models, options and add-ons cannot be changed afterwards.

        Args:
            index_name: Unique in the account.
            models: One or two.
            addons: Only `thumbnail`, and only with a Marengo model.
        """
        body = {"index_name": index_name, "models": models, "addons": addons}
        return self._transport.answer(CREATE, IndexCreated, Ask(json=body))

    @serves(RETRIEVE)
    def retrieve(self, index_id: IndexId) -> Index:
        """One index."""
        return self._transport.answer(RETRIEVE, Index, Ask(path={"index_id": index_id}))

    @serves(UPDATE)
    def update(self, index_id: IndexId, *, index_name: str) -> None:
        """Rename an index."""
        self._transport.order(UPDATE, Ask(path={"index_id": index_id}, json={"index_name": index_name}))

    @serves(DELETE)
    def delete(self, index_id: IndexId) -> None:
        """Delete an index and all videos in it. Cannot be undone."""
        self._transport.order(DELETE, Ask(path={"index_id": index_id}))
