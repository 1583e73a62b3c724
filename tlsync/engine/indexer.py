"""From `uploaded` to `ready`: the asset becomes usable, then searchable, and bears tlsync's stamp."""

from __future__ import annotations

from datetime import timedelta

from tlsync.api.types import IndexedAsset
from tlsync.clock import from_text
from tlsync.engine.context import Context
from tlsync.engine.index_registry import IndexRegistry
from tlsync.engine.recognition import STAMP_FINGERPRINT, STAMP_SHA256, STAMP_SIZE
from tlsync.engine.scheduler import NOW, Next
from tlsync.errors import NotFound, RemoteFailed
from tlsync.models import ContentId, IndexedAssetId, IndexId
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.contents import AssetRow, IndexedAssetRow

_CLOCK_DOUBT = timedelta(minutes=5)
"""How far this clock and the platform's may be apart when deciding whether an entry is ours."""


class Indexer:
    """The remote steps after the upload. Each may run twice with the same result."""

    def __init__(self, context: Context, registry: IndexRegistry) -> None:
        self._context = context
        self._registry = registry
        self._catalog = context.store.catalog
        self._contents = context.store.contents
        self._client = context.client

    def uploaded(self, file: FileRow) -> Next:
        """Wait until the platform has checked the asset."""
        content_id = _content_of(file)
        asset = self._contents.asset(content_id)
        if asset is None:
            self._catalog.move(file, FileState.IDENTIFIED, "its asset is not known any more")
            return NOW
        if asset.status != "ready":
            try:
                answer = self._client.assets.retrieve(asset.asset_id)
            except NotFound as error:
                raise self._asset_lost(content_id) from error
            if answer.status == "failed":
                self._contents.drop_asset(content_id)
                raise RemoteFailed(
                    "the platform could not use the upload",
                    _reason_of(answer.error) or "no reason given",
                    hint="check that the clip plays, then: tlsync retry",
                )
            if answer.status != "ready":
                self._catalog.note(file, f"the platform checks the upload ({answer.status})")
                return Next(self._context.next_poll_s(file.id))
            self._contents.set_asset(content_id, asset.asset_id, asset.filename, "ready")
        self._context.polled(file.id)
        self._catalog.move(file, FileState.ASSET_READY, "usable on the platform")
        return NOW

    def asset_ready(self, file: FileRow) -> Next:
        """Put the asset into the root's index, unless an earlier run or a twin did."""
        content_id = _content_of(file)
        index_id = self._registry.ensure(self._context.store.roots.get(file.root_id))
        with self._context.locks.of(content_id):
            known = self._contents.indexed(content_id, index_id)
            if known is None or known.indexed_asset_id is None:
                known = self._index(file, content_id, index_id, known)
            self._catalog.move(file, FileState.INDEXING, "the platform indexes it")
        return NOW

    def indexing(self, file: FileRow) -> Next:
        """Wait until the content is searchable, then stamp it."""
        content_id = _content_of(file)
        index_id = self._registry.ensure(self._context.store.roots.get(file.root_id))
        known = self._contents.indexed(content_id, index_id)
        if known is None or known.indexed_asset_id is None:
            self._catalog.move(file, FileState.ASSET_READY, "its place in the index is not known any more")
            return NOW
        try:
            answer = self._client.indexes.indexed_assets.retrieve(index_id, known.indexed_asset_id)
        except NotFound as error:
            self._contents.drop_indexed(content_id, index_id)
            lost = RemoteFailed(
                "the platform no longer has it in the index",
                "somebody removed it there",
                hint="tlsync retry PATH indexes it again",
            )
            raise lost from error
        status = answer.status or "pending"
        if status == "failed":
            self._contents.drop_indexed(content_id, index_id)
            raise RemoteFailed(
                "the platform could not index it",
                "it does not say why",
                hint="check the clip against the limits of the index's models, then: tlsync retry",
            )
        if status != "ready":
            self._contents.set_indexed(content_id, index_id, known.indexed_asset_id, status)
            self._catalog.note(file, f"the platform indexes it ({status})")
            return Next(self._context.next_poll_s(file.id))
        self._context.polled(file.id)
        self._contents.set_indexed(
            content_id,
            index_id,
            known.indexed_asset_id,
            status,
            indexed_at=from_text(answer.indexed_at) if answer.indexed_at else None,
        )
        self._stamp(content_id, index_id, known.indexed_asset_id)
        self._catalog.move(file, FileState.READY, "searchable")
        return NOW

    def _index(
        self, file: FileRow, content_id: ContentId, index_id: IndexId, known: IndexedAssetRow | None
    ) -> IndexedAssetRow:
        """Create the indexed asset. An intent without an id means that an earlier call's answer was lost."""
        asset = self._contents.asset(content_id)
        if asset is None:
            raise self._asset_lost(content_id)
        if known is not None:
            found = self._left_behind(asset, file, index_id, known)
            if found is not None:
                self._contents.set_indexed(content_id, index_id, found, "pending")
        else:
            found = None
            known = self._contents.intend_indexing(content_id, index_id)
        if found is None:
            try:
                created = self._client.indexes.indexed_assets.create(index_id, asset_id=asset.asset_id)
            except NotFound as error:
                raise self._asset_lost(content_id) from error
            self._contents.set_indexed(content_id, index_id, IndexedAssetId(str(created.id)), "pending")
        return known

    def _left_behind(
        self, asset: AssetRow, file: FileRow, index_id: IndexId, intent: IndexedAssetRow
    ) -> IndexedAssetId | None:
        """The indexed asset of a call whose answer never came.

        Newer platforms name the asset in each entry. The reference does not: there, an entry counts as ours
        when it has our file name, is not older than the intent, is in no row of the catalog, and is the only such.
        """
        candidates: list[IndexedAsset] = []
        for item in self._client.indexes.indexed_assets.list(index_id, filename=asset.filename, page_limit=50):
            if item.asset_id and item.asset_id == asset.asset_id:
                return IndexedAssetId(str(item.id))
            is_new = item.created_at is None or from_text(item.created_at) >= intent.intended_at - _CLOCK_DOUBT
            has_our_size = (
                item.system_metadata is None
                or item.system_metadata.size is None
                or item.system_metadata.size == file.signature.size_bytes
            )
            if (
                not item.asset_id
                and item.id
                and is_new
                and has_our_size
                and item.status != "failed"
                and not self._contents.is_known_indexed(IndexedAssetId(item.id))
            ):
                candidates.append(item)
        return IndexedAssetId(str(candidates[0].id)) if len(candidates) == 1 else None

    def _stamp(self, content_id: ContentId, index_id: IndexId, indexed_asset_id: IndexedAssetId) -> None:
        """Write fingerprint, hash and size into the user metadata, for other machines and for a lost catalog."""
        row = self._contents.indexed(content_id, index_id)
        content = self._contents.get(content_id)
        if (row is not None and row.is_stamped) or content.sha256 is None:
            return
        self._client.indexes.indexed_assets.update(
            index_id,
            indexed_asset_id,
            user_metadata={
                STAMP_FINGERPRINT: content.fingerprint,
                STAMP_SHA256: content.sha256,
                STAMP_SIZE: content.size_bytes,
            },
        )
        self._contents.set_stamped(content_id, index_id)

    def _asset_lost(self, content_id: ContentId) -> RemoteFailed:
        self._contents.drop_asset(content_id)
        return RemoteFailed(
            "the platform no longer has the asset",
            "deleted there, or expired before it was indexed",
            hint="tlsync retry PATH uploads it again",
        )


def _content_of(file: FileRow) -> ContentId:
    assert file.content_id is not None, "files on the platform have a content"
    return file.content_id


def _reason_of(error: object) -> str | None:
    """The text of an error object of the platform; its shape changed over the versions."""
    message = getattr(error, "message", None) or getattr(error, "code", None)
    return str(message) if message else None
