"""What a person removed from the platform on purpose: it is not sent again until that person says so.

The note is with the content, so that a rename, a copy or a touched file does not undo the decision.
"""

from __future__ import annotations

from tlsync.clock import Clock, to_text
from tlsync.models import ContentId, IndexedAssetId, IndexId
from tlsync.store.database import CatalogDatabase

_EVERYWHERE = ""


class Removals:
    """Contents that must not come back to the platform, or to one index of it, by themselves."""

    def __init__(self, db: CatalogDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def note(self, content_id: ContentId, index_id: IndexId | None) -> None:
        """Note that a content was taken out of an index; None: that its asset is gone, and with it all.

        What the catalog knew of it on the platform is dropped in the same transaction; texts stay.
        """
        with self._db.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO removals (content_id, index_id, removed_at) VALUES (?, ?, ?)",
                (content_id, index_id or _EVERYWHERE, to_text(self._clock.now())),
            )
            if index_id is None:
                connection.execute("DELETE FROM assets WHERE content_id = ?", (content_id,))
            connection.execute(
                "DELETE FROM indexed_assets WHERE content_id = ? AND index_id = COALESCE(?, index_id)",
                (content_id, index_id),
            )

    def content_of(self, remote_id: str) -> ContentId | None:
        """The content of which an asset or an indexed asset is the one that the catalog uses."""
        row = self._db.row(
            "SELECT content_id FROM assets WHERE asset_id = ?1"
            " UNION SELECT content_id FROM indexed_assets WHERE indexed_asset_id = ?1",
            remote_id,
        )
        return ContentId(row["content_id"]) if row else None

    def is_removed(self, content_id: ContentId, index_id: IndexId | None) -> bool:
        """Whether a content is to stay away from an index."""
        return (
            self._db.row(
                "SELECT 1 FROM removals WHERE content_id = ? AND index_id IN (?, ?)",
                content_id,
                _EVERYWHERE,
                index_id or _EVERYWHERE,
            )
            is not None
        )

    def note_orphan(self, content_id: ContentId, index_id: IndexId, indexed_asset_id: IndexedAssetId) -> None:
        """Somebody removed an asset, and left its entry in an index: it is searchable, and no text can be had of it.

        What the catalog knew of the content on the platform is dropped in the same transaction; nothing is forbidden.
        """
        with self._db.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO orphans (indexed_asset_id, noted_at) VALUES (?, ?)",
                (indexed_asset_id, to_text(self._clock.now())),
            )
            connection.execute("DELETE FROM assets WHERE content_id = ?", (content_id,))
            connection.execute(
                "DELETE FROM indexed_assets WHERE content_id = ? AND index_id = ?", (content_id, index_id)
            )

    def is_orphan(self, indexed_asset_id: IndexedAssetId) -> bool:
        """Whether the asset of an entry was found to be gone."""
        return self._db.row("SELECT 1 FROM orphans WHERE indexed_asset_id = ?", indexed_asset_id) is not None

    def revoke(self, content_id: ContentId) -> None:
        """The person wants it there again."""
        with self._db.write() as connection:
            connection.execute("DELETE FROM removals WHERE content_id = ?", (content_id,))
