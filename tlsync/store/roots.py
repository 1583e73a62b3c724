"""Watched folders, as the catalog knows them."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tlsync.clock import Clock, from_text, to_text
from tlsync.models import IndexId, RootId
from tlsync.store.conditions import Condition, Watching
from tlsync.store.database import CatalogDatabase


@dataclass(frozen=True, slots=True)
class RootRow:
    """A root.

    `volume` and `inode` are those of the folder that was taken for it: the file system's lasting name (None:
    it has none) and the folder's number. `trouble` says why it is not online, `held` why files that are gone
    are not taken for missing, `note` how it is watched; all three for people, empty when all is well.
    """

    id: RootId
    path: Path
    index_name: str
    index_id: IndexId | None
    index_models: tuple[str, ...]
    volume: str | None
    inode: int | None
    condition: Condition
    trouble: str
    held: str
    watching: Watching
    note: str
    last_scan_at: datetime | None

    @property
    def is_online(self) -> bool:
        return self.condition == "online"


def _to_root(row: sqlite3.Row) -> RootRow:
    return RootRow(
        id=RootId(row["id"]),
        path=Path(os.fsdecode(row["path"])),
        index_name=row["index_name"],
        index_id=row["index_id"],
        index_models=tuple(json.loads(row["index_models"])),
        volume=row["volume"],
        inode=row["inode"],
        condition=row["condition"],
        trouble=row["trouble"],
        held=row["held"],
        watching=row["watching"],
        note=row["note"],
        last_scan_at=from_text(row["last_scan_at"]) if row["last_scan_at"] else None,
    )


class Roots:
    """The roots of the catalog; rows of roots that left the settings stay, for when they come back."""

    def __init__(self, db: CatalogDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def ensure(self, path: Path, index_name: str) -> RootRow:
        """The row of a root, made if need be. Another index name drops what was known of the old index.

        A root that did not answer in an earlier run is asked again.
        """
        key = os.fsencode(path)
        with self._db.write() as connection:
            connection.execute(
                "INSERT INTO roots (path, index_name) VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET"
                " index_id = CASE WHEN index_name = excluded.index_name THEN index_id END,"
                " index_models = CASE WHEN index_name = excluded.index_name THEN index_models ELSE '[]' END,"
                " index_name = excluded.index_name",
                (key, index_name),
            )
            connection.execute(
                "UPDATE roots SET condition = 'offline', trouble = '' WHERE path = ? AND condition = 'hung'", (key,)
            )
        row = self._db.row("SELECT * FROM roots WHERE path = ?", key)
        assert row is not None
        return _to_root(row)

    def all(self) -> list[RootRow]:
        """Every root, also those that left the settings."""
        return [_to_root(row) for row in self._db.rows("SELECT * FROM roots ORDER BY path")]

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

    def set_health(self, root_id: RootId, condition: Condition, trouble: str, *, ends_hang: bool) -> None:
        """Note whether a root is there. Of one that hangs only who saw it answer again may say otherwise."""
        with self._db.write() as connection:
            connection.execute(
                "UPDATE roots SET condition = ?, is_online = ?, trouble = ?"
                " WHERE id = ? AND (condition != 'hung' OR ?)",
                (condition, condition == "online", trouble, root_id, ends_hang),
            )

    def set_identity(self, root_id: RootId, *, volume: str | None, inode: int) -> None:
        """Note which folder of which volume is the root."""
        with self._db.write() as connection:
            connection.execute("UPDATE roots SET volume = ?, inode = ? WHERE id = ?", (volume, inode, root_id))

    def adopt(self, root_id: RootId) -> None:
        """Forget what the root is known by: the next look takes what is at its path then, and absence counts there.

        The way out when footage was moved to a new disk on purpose, or when files are gone on purpose.
        """
        with self._db.write() as connection:
            connection.execute("UPDATE roots SET volume = NULL, inode = NULL, held = '' WHERE id = ?", (root_id,))

    def hold(self, root_id: RootId, why: str) -> None:
        """Note why absent files are not taken for missing; "" ends it."""
        with self._db.write() as connection:
            connection.execute("UPDATE roots SET held = ? WHERE id = ?", (why, root_id))

    def set_watching(self, root_id: RootId, watching: Watching, note: str = "") -> None:
        with self._db.write() as connection:
            connection.execute("UPDATE roots SET watching = ?, note = ? WHERE id = ?", (watching, note, root_id))

    def known_paths(self, root_id: RootId, limit: int) -> list[Path]:
        """Some of the files that were seen below a root and are not missing."""
        rows = self._db.rows(
            "SELECT roots.path AS root_path, files.path FROM files JOIN roots ON roots.id = files.root_id"
            " WHERE root_id = ? AND content_id IS NOT NULL AND state != 'missing' LIMIT ?",
            root_id,
            limit,
        )
        return [Path(os.fsdecode(os.path.join(row["root_path"], row["path"]))) for row in rows]  # noqa: PTH118 (bytes)

    def known_count(self, root_id: RootId) -> int:
        """How many files below a root are known by their content and not missing."""
        row = self._db.row(
            "SELECT count(*) FROM files WHERE root_id = ? AND content_id IS NOT NULL AND state != 'missing'", root_id
        )
        return int(row[0]) if row else 0

    def scanned(self, root_id: RootId) -> None:
        """Note that a whole scan of a root ended now."""
        with self._db.write() as connection:
            connection.execute("UPDATE roots SET last_scan_at = ? WHERE id = ?", (to_text(self._clock.now()), root_id))
