"""The catalog, read-only and in bulk, for commands that compare it with the disk and the platform."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from tlsync.errors import CatalogDamaged
from tlsync.models import AssetId, ContentId, IndexedAssetId, IndexId
from tlsync.store import soundness
from tlsync.store.database import FILE_NAME
from tlsync.store.reader import CatalogReader


@dataclass(frozen=True, slots=True)
class KnownContent:
    """A content, and the platform's copy of it."""

    id: ContentId
    size_bytes: int
    fingerprint: str
    sha256: str | None
    asset_id: AssetId | None


@dataclass(frozen=True, slots=True)
class KnownEntry:
    """A content in an index."""

    content_id: ContentId
    index_id: IndexId
    indexed_asset_id: IndexedAssetId
    is_stamped: bool


class CatalogAudit(CatalogReader):
    """Works beside a running daemon. A catalog that does not exist yet answers like an empty one."""

    def __init__(self, state_dir: Path) -> None:
        super().__init__(state_dir)
        self._path = state_dir / FILE_NAME

    def check(self) -> None:
        """Let SQLite check the whole file.

        Raises:
            CatalogDamaged: It is damaged.
        """
        if self._connection is None:
            return
        try:
            soundness.check(self._connection, self._path)
            soundness.check_tables(self._connection, self._path)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise CatalogDamaged(f"{self._path}: the catalog is damaged ({error})", hint=soundness.HINT) from error

    def contents(self) -> dict[int, KnownContent]:
        """All contents by their id."""
        rows = self._rows("SELECT contents.*, asset_id FROM contents LEFT JOIN assets ON content_id = contents.id")
        return {
            row["id"]: KnownContent(
                ContentId(row["id"]), row["size_bytes"], row["fingerprint"], row["sha256"], row["asset_id"]
            )
            for row in rows
        }

    def entries(self) -> list[KnownEntry]:
        """All contents in all indexes, as far as they have an id there."""
        return [
            KnownEntry(ContentId(row["content_id"]), row["index_id"], row["indexed_asset_id"], bool(row["is_stamped"]))
            for row in self._rows("SELECT * FROM indexed_assets WHERE indexed_asset_id IS NOT NULL")
        ]

    def texts(self, content_id: int, index_id: str) -> dict[str, Any]:
        """What the platform said of a content, by kind; None where it could not say it."""
        rows = self._rows(
            "SELECT kind, value FROM enrichments WHERE content_id = ? AND index_id = ?", content_id, index_id
        )
        return {row["kind"]: None if row["value"] is None else msgspec.json.decode(row["value"]) for row in rows}

    def active_uploads(self) -> int:
        """Upload sessions that are not at their end."""
        rows = self._rows("SELECT count(*) FROM sessions WHERE state = 'active'")
        return int(rows[0][0]) if rows else 0
