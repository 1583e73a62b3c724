"""Namespace `assets`: uploaded files.

Source: API reference v1.3 of 2025-11-17, "Assets"; `force`, `filename` and the other later parameters from SDK 1.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tlsync.api.encoding import Upload
from tlsync.api.namespace import Namespace
from tlsync.api.pages import PAGE_LIMIT, Pages
from tlsync.api.routes import Route, serves
from tlsync.api.transport import Ask
from tlsync.api.types import Asset, Json, Page
from tlsync.models import AssetId

LIST = Route("GET", "/assets")
CREATE = Route("POST", "/assets", group="assets", read_timeout_s=300.0)
RETRIEVE = Route("GET", "/assets/{asset_id}")
DELETE = Route("DELETE", "/assets/{asset_id}")


class Assets(Namespace):
    """`client.assets`."""

    @serves(LIST)
    def list(
        self,
        *,
        page: int = 1,
        page_limit: int = PAGE_LIMIT,
        asset_ids: Sequence[AssetId] | None = None,
        asset_types: Sequence[str] | None = None,
        filename: str | None = None,
    ) -> Pages[Asset]:
        """The assets of the account, newest first.

        Args:
            asset_ids: Only these.
            asset_types: Only these kinds: image, video, audio.
            filename: Only with this name. Newer servers only; older ones may ignore it.
        """
        query = {"asset_ids": asset_ids, "asset_types": asset_types, "filename": filename}
        return self._pages(LIST, Page[Asset], page=page, page_limit=page_limit, query=query)

    @serves(CREATE)
    def create(
        self,
        *,
        method: Literal["direct", "url"],
        file: Upload | None = None,
        url: str | None = None,
        filename: str | None = None,
        enable_hls: bool | None = None,
        enable_thumbnail: bool | None = None,
        user_metadata: Json | None = None,
    ) -> Asset:
        """Upload one file in a single request, or have it fetched. Larger files: `multipart_upload`.

        Args:
            method: `direct` sends `file`, at most 200 MB; `url` has `url` fetched, at most 4 GB.
            filename: Name to keep, 1 to 255 characters; by default that of the file or URL.
            enable_hls: Later, as the two that follow: make it streamable.
        """
        form = {
            "method": method,
            "url": url,
            "filename": filename,
            "enable_hls": enable_hls,
            "enable_thumbnail": enable_thumbnail,
            "user_metadata": user_metadata,
        }
        return self._transport.answer(CREATE, Asset, Ask(form=form, files={"file": file}))

    @serves(RETRIEVE)
    def retrieve(self, asset_id: AssetId) -> Asset:
        """One asset. A new one is `processing` until it is `ready` or `failed`."""
        return self._transport.answer(RETRIEVE, Asset, Ask(path={"asset_id": asset_id}))

    @serves(DELETE)
    def delete(self, asset_id: AssetId, *, force: bool | None = None) -> None:
        """Delete an asset. Cannot be undone.

        Args:
            force: Also if it is in use, which is otherwise refused with 409. Newer servers only.
        """
        self._transport.order(DELETE, Ask(path={"asset_id": asset_id}, query={"force": force}))
