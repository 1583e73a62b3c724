"""Entries of an index that some machine stamped with the same content: found, and taken over instead of made again.

A stamp only says where to look: an entry is taken over when the SHA-256 of the whole local file is the stamped one.
"""

from __future__ import annotations

import logging

from tlsync.api.types import IndexedAsset
from tlsync.engine.context import Context
from tlsync.engine.index_registry import IndexRegistry
from tlsync.engine.stamps import STAMP_FINGERPRINT, Stamped, read_stamp, winner_of
from tlsync.engine.whole_hash import WholeHash
from tlsync.errors import NotFound
from tlsync.models import AssetId, IndexedAssetId, IndexId
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.contents import Content

log = logging.getLogger(__name__)

_MOST_CANDIDATES = 5


class Twins:
    """Looks for stamped entries and links files to them."""

    def __init__(self, context: Context, registry: IndexRegistry) -> None:
        self._context = context
        self._registry = registry
        self._contents = context.store.contents
        self._entries = context.client.indexes.indexed_assets

    def find(self, file: FileRow, content: Content, whole: WholeHash, *, is_expected: bool = False) -> Stamped | None:
        """The entry in the index of the file's root that holds this very content; None if there is none.

        Args:
            is_expected: Another machine is at it, so the index may have come into being since the last look.
        """
        index_id = self._registry.find(self._context.store.roots.get(file.root_id), is_doubted=is_expected)
        if index_id is None:
            return None
        stamped = self.stamped(index_id, content)
        if not stamped:
            return None
        sha256 = content.sha256 or whole.get()
        return winner_of(entry for entry in stamped if entry.sha256 == sha256)

    def stamped(self, index_id: IndexId, content: Content) -> list[Stamped]:
        """Entries with the content's fingerprint in their stamp, of any machine."""
        return self._stamps(index_id, content, self._likely(index_id, content))

    def look(
        self, index_id: IndexId, content: Content, indexed_asset_id: IndexedAssetId
    ) -> tuple[IndexedAsset | None, Stamped | None]:
        """One call for two questions: how a stamped entry is, and whether there are others for its content.

        Returns:
            The entry as the list has it, None if it is not in it.
            The entry that counts in its place, None if it counts itself.
        """
        listed = self._likely(index_id, content)
        entry = next((entry for entry in listed if entry.id == indexed_asset_id), None)
        others = self._stamps(index_id, content, [other for other in listed if other.id != indexed_asset_id])
        same = [other for other in others if other.sha256 == content.sha256]
        if entry is None or not same:
            return entry, None
        winner = winner_of([*same, *self._stamps(index_id, content, [entry])])
        return entry, None if winner is None or winner.indexed_asset_id == indexed_asset_id else winner

    def take_over(self, file: FileRow, content: Content, found: Stamped) -> None:
        """Link a file, and all that is known of its content, to an entry that was found."""
        root = self._context.store.roots.get(file.root_id)
        assert root.index_id is not None, "the registry noted it when it looked"
        with self._context.store.catalog.transaction():
            self._contents.prove(content.id, found.sha256)
            self.note(content, root.index_id, found)
            self._context.store.sessions.abandon(content.id)
            state = FileState.READY if found.status == "ready" else FileState.INDEXING
            if file.state == FileState.UPLOADING:  # this machine stood back while the other one sent it
                state = FileState.INDEXING
                self._context.follows.add(content.id)
            self._context.store.catalog.move(
                file, state, "found on the platform: nothing is sent", content_id=content.id, attempts=0
            )
        self._context.tally.link_done()
        for twin in self._context.store.catalog.of_content(content.id):
            if twin.state == FileState.IDENTIFIED:
                self._context.wake(twin.id)

    def note(self, content: Content, index_id: IndexId, found: Stamped) -> None:
        """Keep the ids of an entry as those of a content."""
        if found.status != "ready":
            self._context.follows.add(content.id)
        if found.asset_id and not self._contents.is_known_asset(AssetId(found.asset_id)):
            self._contents.set_asset(content.id, AssetId(found.asset_id), found.filename, "ready")
        self._contents.set_indexed(
            content.id, index_id, found.indexed_asset_id, found.status, indexed_at=found.indexed_at
        )
        self._contents.set_stamped(content.id, index_id)

    def _likely(self, index_id: IndexId, content: Content) -> list[IndexedAsset]:
        """A platform that ignores the filter answers with entries that are not ours; most differ in size."""
        page = self._entries.list(index_id, user_metadata={STAMP_FINGERPRINT: content.fingerprint}, page_limit=50).page(
            1
        )
        return [entry for entry in page.items if entry.id and may_have_size(entry, content.size_bytes)]

    def _stamps(self, index_id: IndexId, content: Content, entries: list[IndexedAsset]) -> list[Stamped]:
        removals = self._context.store.removals
        usable = [entry for entry in entries if not removals.is_orphan(entry.id)]
        found = [self._stamp_of(index_id, entry) for entry in usable[:_MOST_CANDIDATES]]
        return [stamp for stamp in found if stamp is not None and stamp.fingerprint == content.fingerprint]

    def _stamp_of(self, index_id: IndexId, entry: IndexedAsset) -> Stamped | None:
        listed = read_stamp(entry)
        if listed is not None:
            return listed
        try:
            return read_stamp(self._entries.retrieve(index_id, entry.id))
        except NotFound:
            return None  # it went away between the two calls


def may_have_size(entry: IndexedAsset, size_bytes: int) -> bool:
    """Whether the platform says nothing against the size; a new entry may not have one yet."""
    size = entry.system_metadata.size if entry.system_metadata else None
    return not size or size == size_bytes
