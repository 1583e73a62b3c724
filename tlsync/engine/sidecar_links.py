"""A sidecar beside a new file says where the platform has it: believed when the file and the platform agree.

A sidecar is a file that anybody may have written, copied or garbled. It counts when the SHA-256 of the whole media
file is the one in it, when it is about our platform and our index, and when the platform has what it names.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from tlsync.api.types import IndexedAsset
from tlsync.engine.context import Context
from tlsync.engine.index_registry import IndexRegistry
from tlsync.engine.sidecar_texts import is_of, keep_texts, read_sidecars
from tlsync.engine.stamps import STAMP_SHA256, instant_of, is_stamped
from tlsync.engine.twins import may_have_size
from tlsync.engine.whole_hash import WholeHash
from tlsync.errors import NotFound, Rejected
from tlsync.models import AssetId, IndexedAssetId, IndexId
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.contents import Content
from tlsync.store.sidecar_format import Sidecar

log = logging.getLogger(__name__)

_LISTING_LIFE_S = 60.0
_MOST_LISTINGS = 8


class SidecarLinks:
    """Links new files by what sidecars say, and brings back the texts that were paid for."""

    def __init__(self, context: Context, registry: IndexRegistry) -> None:
        self._context = context
        self._registry = registry
        self._contents = context.store.contents
        self._orphans: dict[Path, tuple[float, list[Sidecar]]] = {}

    def link(self, file: FileRow, content: Content, whole: WholeHash) -> bool:
        """Take a file to where the platform has its content, if a sidecar proves that it has."""
        likely = [
            sidecar
            for sidecar in self._around(file.path)
            if (sidecar.media.size_bytes, sidecar.media.fingerprint) == (content.size_bytes, content.fingerprint)
        ]
        if not likely:
            return False
        index_id = self._registry.find(self._context.store.roots.get(file.root_id))
        ours = [sidecar for sidecar in likely if index_id is not None and is_of(self._context, sidecar, index_id)]
        proven = [sidecar for sidecar in ours if sidecar.media.sha256 == whole.get()]
        if index_id is None or not proven:
            return False
        return any(self._link_entry(file, content, index_id, sidecar) for sidecar in proven) or any(
            self._link_asset(file, content, sidecar) for sidecar in proven
        )

    def _around(self, path: Path) -> Iterator[Sidecar]:
        """Sidecars that may be about a file: those with its name, then those in its folder that lost their media."""
        yield from read_sidecars(self._context.sidecars.near(path))
        now_s = self._context.clock.monotonic_s()
        listed_s, orphans = self._orphans.get(path.parent, (-_LISTING_LIFE_S, []))
        if now_s - listed_s >= _LISTING_LIFE_S:
            orphans = list(read_sidecars(self._context.sidecars.orphans(path.parent)))
            if len(self._orphans) >= _MOST_LISTINGS:
                self._orphans.clear()
            self._orphans[path.parent] = (now_s, orphans)
        yield from orphans

    def _link_entry(self, file: FileRow, content: Content, index_id: IndexId, sidecar: Sidecar) -> bool:
        indexed_asset_id = IndexedAssetId(sidecar.platform.indexed_asset_id)
        if self._contents.is_known_indexed(indexed_asset_id):
            return False  # by its content, which is another one
        try:
            entry = self._context.client.indexes.indexed_assets.retrieve(index_id, indexed_asset_id)
        except (NotFound, Rejected):
            log.info("the platform no longer has what a sidecar names path=%s id=%s", file.path, indexed_asset_id)
            return False
        if not _agrees(entry, sidecar):
            log.warning("a sidecar names an entry that holds something else path=%s id=%s", file.path, indexed_asset_id)
            return False
        is_ready = entry.status == "ready" and is_stamped(entry)
        asset_id = entry.asset_id or sidecar.platform.asset_id
        with self._context.store.catalog.transaction():
            self._contents.prove(content.id, sidecar.media.sha256)
            if asset_id and not self._contents.is_known_asset(AssetId(asset_id)):
                name = (entry.system_metadata.filename if entry.system_metadata else None) or sidecar.media.filename
                self._contents.set_asset(content.id, AssetId(asset_id), name, "ready")
            self._contents.set_indexed(
                content.id,
                index_id,
                indexed_asset_id,
                entry.status or "pending",
                indexed_at=instant_of(entry.indexed_at),
            )
            if is_stamped(entry):
                self._contents.set_stamped(content.id, index_id)
            keep_texts(self._contents, content.id, index_id, sidecar)
            self._context.store.catalog.move(
                file,
                FileState.READY if is_ready else FileState.INDEXING,
                "its sidecar says where the platform has it: nothing is sent",
                content_id=content.id,
            )
        self._context.tally.link_done()
        return True

    def _link_asset(self, file: FileRow, content: Content, sidecar: Sidecar) -> bool:
        """It is no longer in the index, but the upload is still there: only to be indexed again."""
        if sidecar.platform.asset_id is None or self._contents.is_known_asset(AssetId(sidecar.platform.asset_id)):
            return False
        asset_id = AssetId(sidecar.platform.asset_id)
        try:
            asset = self._context.client.assets.retrieve(asset_id)
        except (NotFound, Rejected):
            return False
        if asset.status != "ready" or asset.size not in (None, content.size_bytes):
            return False
        with self._context.store.catalog.transaction():
            self._contents.prove(content.id, sidecar.media.sha256)
            self._contents.set_asset(content.id, asset_id, asset.filename or sidecar.media.filename, "ready")
            self._context.store.catalog.move(
                file, FileState.UPLOADED, "its sidecar names the upload: nothing is sent", content_id=content.id
            )
        self._context.tally.link_done()
        return True


def _agrees(entry: IndexedAsset, sidecar: Sidecar) -> bool:
    """Whether an entry may be what a sidecar says it is: its stamp tells, or where it has none its size."""
    if entry.status == "failed":
        return False
    if is_stamped(entry):
        return bool(entry.user_metadata[STAMP_SHA256] == sidecar.media.sha256)
    return may_have_size(entry, sidecar.media.size_bytes)
