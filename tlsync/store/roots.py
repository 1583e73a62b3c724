"""Watched folders, as the catalog knows them."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from tlsync.clock import Clock, from_text, to_text
from tlsync.models import IndexId, RootId
from tlsync.store.database import CatalogDatabase

Watching = Literal["events", "polling"]


@dataclass(frozen=True, slots=True)
class RootRow:
    """A root. `inode` is that of the folder when it was first seen; `trouble` says why it is offline."""

    id: RootId
    path: Path
    index_name: str
    index_id: IndexId | None
    index_models: tuple[str, ...]
    inode: int | None
    is_online: bool
    trouble: str
    watching: Watching
    last_scan_at: datetime | None


def _to_root(row: sqlite3.Row) -> RootRow:
    return RootRow(
        id=RootId(row["id"]),
        path=Path(os.fsdecode(row["path"])),
        index_name=row["index_name"],
        index_id=row["index_id"],
        index_models=tuple(json.loads(row["index_models"])),
        inode=row["inode"],
        is_online=bool(row["is_online"]),
        trouble=row["trouble"],
        watching=row["watching"],
        last_scan_at=from_text(row["last_scan_at"]) if row["last_scan_at"] else None,
    )


class Roots:
    """The roots of the catalog; rows of roots that left the settings stay, for when they come back."""

    def __init__(self, db: CatalogDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def ensure(self, path: Path, index_name: str) -> RootRow:
        """The row of a root, made if need be. Another index name drops what was known of the old index."""
        key = os.fsencode(path)
        with self._db.write() as connection:
            connection.execute(
                "INSERT INTO roots (path, index_name) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET"
                " index_id = CASE WHEN index_name = excluded.index_name THEN index_id END,"
                " index_models = CASE WHEN index_name = excluded.index_name THEN index_models ELSE '[]' END,"
                " index_name = excluded.index_name",
                (key, index_name),
            )
        row = self._db.row("SELECT * FROM roots WHERE path = ?", key)
        assert row is not None
        return _to_root(row)

    def get(self, root_id: RootId) -> RootRow:
        row = self._db.row("SELECT * FROM roots WHERE id = ?", root_id)
        assert row is not None, "files refer to roots, and roots are never deleted"
        return _to_root(row)

    def set_index(self, index_name: str, index_id: IndexId, models: tuple[str, ...]) -> None:
        """Note the platform's id of an index, for all roots that use it."""
        with self._db.write() as connection:
            connection.execute(
                "UPDATE roots SET index_id = ?, index_models = ? WHERE index_name = ?",
                (index_id, json.dumps(models), index_name),
            )

    def set_health(self, root_id: RootId, *, is_online: bool, trouble: str = "", inode: int | None = None) -> None:
        """Note whether a root is there; `inode` is set once, at the first time."""
        with self._db.write() as connection:
            connection.execute(
                "UPDATE roots SET is_online = ?, trouble = ?, inode = COALESCE(inode, ?) WHERE id = ?",
                (is_online, trouble, inode, root_id),
            )

    def set_watching(self, root_id: RootId, watching: Watching) -> None:
        with self._db.write() as connection:
            connection.execute("UPDATE roots SET watching = ? WHERE id = ?", (watching, root_id))

    def scanned(self, root_id: RootId) -> None:
        """Note that a whole scan of a root ended now."""
        with self._db.write() as connection:
            connection.execute("UPDATE roots SET last_scan_at = ? WHERE id = ?", (to_text(self._clock.now()), root_id))
