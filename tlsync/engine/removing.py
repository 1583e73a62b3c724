"""`tlsync remote delete`: takes things off the platform, as planned, and keeps them off. Media is not touched.

Order of effects, which makes a crash at any point harmless: entries of indexes → noted → the asset → noted. What was
deleted and not noted is deleted again by the next run, where "not there" is as good as "deleted".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from tlsync.api import TwelveLabs
from tlsync.engine.remote_inventory import RemoteItem
from tlsync.engine.resting import put_to_rest
from tlsync.errors import NotFound, TlsyncError, UnknownPath
from tlsync.models import AssetId, IndexedAssetId
from tlsync.store.store import Store


def choose(items: Sequence[RemoteItem], ids: Sequence[str]) -> list[RemoteItem]:
    """The named things, and with an asset its entries in all indexes, as far as the platform names their asset.

    Raises:
        UnknownPath: The account has nothing with one of these ids.
    """
    by_id = {item.id: item for item in items}
    unknown = [name for name in ids if name not in by_id]
    if unknown:
        raise UnknownPath(
            f"{', '.join(unknown)}: not on the platform", hint="tlsync remote list shows the ids of what is there"
        )
    chosen = {name: by_id[name] for name in ids}
    for item in items:
        if item.kind == "indexed_asset" and item.asset_id in ids:
            chosen[item.id] = item
    return list(chosen.values())


class Removing:
    """Deletes one thing after the other; what was deleted stays deleted when a later one fails."""

    def __init__(self, client: TwelveLabs, store: Store) -> None:
        self._client = client
        self._store = store

    def remove(
        self, items: Sequence[RemoteItem], on_done: Callable[[RemoteItem], None]
    ) -> list[tuple[RemoteItem, TlsyncError]]:
        """Delete them, entries of indexes first. An error that concerns everything ends it.

        Returns:
            What could not be deleted, and why.
        """
        failed: list[tuple[RemoteItem, TlsyncError]] = []
        for item in sorted(items, key=lambda item: item.kind == "asset"):
            try:
                self._delete(item)
            except TlsyncError as error:
                if error.concerns == "everything":
                    raise
                failed.append((item, error))
                continue
            self._note(item)
            on_done(item)
        return failed

    def _delete(self, item: RemoteItem) -> None:
        with suppress(NotFound):
            if item.index_id is not None:
                self._client.indexes.indexed_assets.delete(item.index_id, IndexedAssetId(item.id))
            else:
                self._client.assets.delete(AssetId(item.id))

    def _note(self, item: RemoteItem) -> None:
        """Keep what was removed on purpose from being sent again, and let its files say why they rest."""
        content_id = self._store.removals.content_of(item.id)
        if content_id is None:
            return  # a spare, or nothing of ours: no file here depends on it
        catalog = self._store.catalog
        with catalog.transaction():
            for file in catalog.of_content(content_id):
                index_id = self._store.roots.get(file.root_id).index_id
                if item.index_id in (None, index_id):
                    put_to_rest(catalog, file)
            self._store.removals.note(content_id, item.index_id)
