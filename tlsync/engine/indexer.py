"""From `uploaded` to `ready`: the asset becomes usable, then searchable, and bears tlsync's stamp."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

from tlsync.api.types import IndexedAsset, IndexedAssetDetail
from tlsync.engine.context import NOT_SENT_NOW, Context
from tlsync.engine.index_registry import IndexRegistry
from tlsync.engine.openings import METADATA_ON_CREATE
from tlsync.engine.scheduler import NOW, REST, Next
from tlsync.engine.stamps import instant_of, is_stamped, stamp_of
from tlsync.engine.twins import Twins, may_have_size
from tlsync.engine.video_parameter import REMEMBERED_FOR
from tlsync.engine.whole_hash import WholeHash
from tlsync.errors import ApiError, NotFound, Refused, Rejected, RemoteFailed
from tlsync.models import ContentId, IndexedAssetId, IndexId
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.contents import AssetRow, Content, IndexedAssetRow

log = logging.getLogger(__name__)

_CLOCK_DOUBT = timedelta(seconds=10)
"""Intents are noted by the platform's clock, which its `Date` tells to the second."""
_STAMP_EARLY = "stamp_early"


class Indexer:
    """The remote steps after the upload. Each may run twice with the same result."""

    def __init__(self, context: Context, registry: IndexRegistry, twins: Twins) -> None:
        self._context = context
        self._registry = registry
        self._twins = twins
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
            # Its name there may be an older one: a file can be renamed before its upload is complete.
            asset = replace(asset, filename=answer.filename or asset.filename, status="ready")
        self._context.polled(file.id)
        with self._catalog.transaction():
            self._contents.set_asset(content_id, asset.asset_id, asset.filename, asset.status)
            self._catalog.move(file, FileState.ASSET_READY, "usable on the platform")
        return NOW

    def asset_ready(self, file: FileRow) -> Next:
        """Put the asset into the root's index, unless an earlier run, a twin or another machine did."""
        content = self._contents.get(_content_of(file))
        if self._contents.asset(content.id) is None:  # it was lost, and somebody asked for another attempt
            self._catalog.move(file, FileState.IDENTIFIED, "its asset is not known any more")
            return NOW
        root = self._context.store.roots.get(file.root_id)
        index_id = self._registry.ensure(root) if self._context.may_send else self._registry.find(root)
        with self._context.locks.of(content.id):
            known = self._contents.indexed(content.id, index_id) if index_id else None
            is_there = known is not None and known.indexed_asset_id is not None
            if not is_there and (index_id is None or not self._index(file, content, index_id, known)):
                self._catalog.note(file, NOT_SENT_NOW)
                return REST
            self._catalog.move(file, FileState.INDEXING, "the platform indexes it")
        return NOW

    def indexing(self, file: FileRow) -> Next:
        """Wait until the content is searchable, and see that it is stamped."""
        content = self._contents.get(_content_of(file))
        index_id = self._registry.ensure(self._context.store.roots.get(file.root_id))
        known = self._contents.indexed(content.id, index_id)
        if known is None or known.indexed_asset_id is None:
            self._catalog.move(file, FileState.ASSET_READY, "its place in the index is not known any more")
            return NOW
        try:
            answer = self._look(file, content, known)
        except NotFound as error:
            self._contents.drop_indexed(content.id, index_id)
            lost = RemoteFailed(
                "the platform no longer has it in the index",
                "somebody removed it there",
                hint="tlsync retry PATH indexes it again",
            )
            raise lost from error
        if answer is None:
            return NOW
        status = answer.status or "pending"
        if status == "failed":
            self._contents.drop_indexed(content.id, index_id)
            raise RemoteFailed(
                "the platform could not index it",
                "it does not say why",
                hint="check the clip against the limits of the index's models, then: tlsync retry",
            )
        if status != "ready":
            self._contents.set_indexed(content.id, index_id, known.indexed_asset_id, status)
            self._catalog.note(file, f"the platform indexes it ({status})")
            return Next(self._context.next_poll_s(file.id))
        self._context.polled(file.id)
        if not known.is_stamped or not _bears_stamp(answer):
            self._stamp(content, index_id, known.indexed_asset_id)
        with self._catalog.transaction():
            self._contents.set_indexed(
                content.id, index_id, known.indexed_asset_id, status, indexed_at=instant_of(answer.indexed_at)
            )
            self._catalog.move(file, FileState.READY, "searchable")
        return NOW

    def _look(self, file: FileRow, content: Content, known: IndexedAssetRow) -> IndexedAsset | None:
        """How the entry is; None: another machine's entry takes its place, look again.

        The first look at an entry with a stamp is at all entries of the content: two machines may have made one each
        at the same moment, and they agree on the older one.
        """
        assert known.indexed_asset_id is not None
        if known.is_stamped and file.id not in self._context.poll_intervals:
            listed, winner = self._twins.look(known.index_id, content, known.indexed_asset_id)
            if winner is not None:
                log.warning(
                    "another machine's entry counts, this one is a spare path=%s spare=%s counts=%s",
                    file.path,
                    known.indexed_asset_id,
                    winner.indexed_asset_id,
                )
                self._twins.note(content, known.index_id, winner)
                self._catalog.note(file, f"another workstation was quicker; {known.indexed_asset_id} is a spare")
                return None
            if listed is not None:
                return listed
        return self._client.indexes.indexed_assets.retrieve(known.index_id, known.indexed_asset_id)

    def _index(self, file: FileRow, content: Content, index_id: IndexId, known: IndexedAssetRow | None) -> bool:
        """Have an entry in the index; False if one would have to be made, and that is not allowed now.

        An intent without an id means that an earlier call's answer was lost.
        """
        asset = self._contents.asset(content.id)
        assert asset is not None, "whoever has no asset is on its way to get one"
        found = self._twins.find(file, content, WholeHash(self._context, file))
        if found is not None:
            self._twins.note(content, index_id, found)
            return True
        order = f"{asset.asset_id} {index_id}"
        left = self._left_behind(asset, content, index_id, known) if known is not None else None
        if left is None:
            if not self._context.may_send:
                return False
            self._contents.intend_indexing(content.id, index_id, at=self._client.server_time.now())
            try:
                with self._context.caps.order_indexing(content, order):
                    left = self._create(asset, content, index_id)
            except NotFound as error:
                raise self._asset_lost(content.id) from error
        else:
            self._context.caps.was_indexed(order)
            self._contents.set_indexed(content.id, index_id, left, "pending")
        row = self._contents.indexed(content.id, index_id)
        if row is not None and not row.is_stamped:
            self._stamp_early(content, index_id, left)
        return True

    def _create(self, asset: AssetRow, content: Content, index_id: IndexId) -> IndexedAssetId:
        """Order the indexing. Later platforms take the stamp along, so no answer that is lost leaves a doubt."""
        takes_stamp = self._contents.learned(METADATA_ON_CREATE, valid_for=REMEMBERED_FOR) == "taken"
        entries = self._client.indexes.indexed_assets
        if takes_stamp and content.sha256 is not None:
            try:
                created = entries.create(index_id, asset_id=asset.asset_id, user_metadata=stamp_of(content))
            except Rejected as refusal:
                if "user_metadata" not in refusal.message:
                    raise
                self._contents.learn(METADATA_ON_CREATE, "refused")
            else:
                with self._catalog.transaction():
                    self._contents.set_indexed(content.id, index_id, created.id, "pending")
                    self._contents.set_stamped(content.id, index_id)
                return created.id
        created = entries.create(index_id, asset_id=asset.asset_id)
        self._contents.set_indexed(content.id, index_id, created.id, "pending")
        return created.id

    def _left_behind(
        self, asset: AssetRow, content: Content, index_id: IndexId, intent: IndexedAssetRow
    ) -> IndexedAssetId | None:
        """The entry of a call whose answer never came.

        Newer platforms name the asset in each entry. The reference does not: there, an entry counts as ours when it
        has our file name and size, was not there before the call, is in no row of the catalog, bears nobody's stamp,
        and is the only such.
        """
        entries = self._client.indexes.indexed_assets
        candidates: list[IndexedAssetId] = []
        for item in entries.list(index_id, filename=asset.filename, page_limit=50):
            if item.asset_id == asset.asset_id and item.id:
                return item.id
            born = instant_of(item.created_at)
            if (
                not item.asset_id
                and item.id
                and (born is None or born >= intent.intended_at - _CLOCK_DOUBT)
                and may_have_size(item, content.size_bytes)
                and item.status != "failed"
                and not self._contents.is_known_indexed(item.id)
            ):
                candidates.append(item.id)
        if len(candidates) > 1:
            candidates = [entry for entry in candidates if not is_stamped(entries.retrieve(index_id, entry))]
        return candidates[0] if len(candidates) == 1 else None

    def _stamp_early(self, content: Content, index_id: IndexId, indexed_asset_id: IndexedAssetId) -> None:
        """While it is indexed, so that other machines see it at once; where that is refused, when it is ready."""
        if self._contents.learned(_STAMP_EARLY, valid_for=REMEMBERED_FOR) == "refused":
            return
        try:
            self._stamp(content, index_id, indexed_asset_id)
        except Refused:
            self._contents.learn(_STAMP_EARLY, "refused")
        except ApiError as error:
            log.info("the stamp has to wait id=%s reason=%s", indexed_asset_id, error.message)

    def _stamp(self, content: Content, index_id: IndexId, indexed_asset_id: IndexedAssetId) -> None:
        """Write fingerprint, hash and size into the user metadata, for other machines and for a lost catalog."""
        if content.sha256 is None:
            return
        self._client.indexes.indexed_assets.update(index_id, indexed_asset_id, user_metadata=stamp_of(content))
        self._contents.set_stamped(content.id, index_id)

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


def _bears_stamp(answer: IndexedAsset) -> bool:
    """Lists do not show user metadata; the page of an entry does."""
    return is_stamped(answer) or not isinstance(answer, IndexedAssetDetail)
