"""How far each reader of the history has come: the moves of files after a place, and the place that is kept.

Kept here: numbers in the history are never given twice, also after its newest rows were deleted, so a place once kept
has neither lost moves behind it nor seen ones before it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tlsync.clock import Clock, from_text, to_text
from tlsync.models import FileId, RootId
from tlsync.states import AT_REST, FileState
from tlsync.store.database import CatalogDatabase

_WINDOW = 5000
"""Rows of history looked at in one query: a few milliseconds, whatever is searched for."""


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the history, with what is known of its file now: the ids may have come after the move."""

    number: int
    at: datetime
    from_state: FileState | None
    to_state: FileState
    reason: str
    file_id: FileId
    path: Path
    root: Path
    size_bytes: int
    hint: str
    asset_id: str | None
    index_id: str | None
    indexed_asset_id: str | None
    sidecar: Path | None


_MOVES = """
SELECT history.id AS number, history.at, history.from_state, history.to_state, history.reason, history.file_id,
       files.path, files.size_bytes, files.state AS state_now, files.hint, files.sidecar,
       roots.path AS root_path, roots.index_id, assets.asset_id, indexed_assets.indexed_asset_id
FROM history JOIN files ON files.id = history.file_id JOIN roots ON roots.id = files.root_id
LEFT JOIN assets ON assets.content_id = files.content_id
LEFT JOIN indexed_assets ON indexed_assets.content_id = files.content_id AND indexed_assets.index_id = roots.index_id
"""


class Cursors:
    """Readers of the history by name. Their names come from the settings."""

    def __init__(self, db: CatalogDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def newest(self) -> int:
        """The number of the last move; 0 before the first one."""
        row = self._db.row("SELECT max(id) FROM history")
        return int(row[0] or 0) if row else 0

    def moves(self, after: int, states: Collection[FileState], most: int) -> tuple[list[Move], int]:
        """The next moves to any of these states, oldest first.

        Returns:
            At most `most` moves, perhaps none, and the number up to which all was looked at: where to go on.
        """
        upto = min(after + _WINDOW, self.newest())
        if upto <= after:
            return [], after
        marks = ",".join("?" * len(states))
        rows = self._db.rows(
            _MOVES + f"WHERE history.id > ? AND history.id <= ? AND history.to_state IN ({marks})"
            " ORDER BY history.id LIMIT ?",
            *(after, upto, *states, most),
        )
        found = [_to_move(row) for row in rows]
        return found, found[-1].number if len(found) == most else upto

    def counts(self, after: int, upto: int) -> dict[str, int]:
        """How many moves to each state there were."""
        rows = self._db.rows(
            "SELECT to_state, count(*) FROM history WHERE id > ? AND id <= ? GROUP BY to_state", after, upto
        )
        return {row[0]: row[1] for row in rows}

    def is_busy(self, roots: Collection[RootId]) -> bool:
        """Whether a file below these roots is still on its way."""
        busy = [state for state in FileState if state not in AT_REST]
        row = self._db.row(
            f"SELECT 1 FROM counts WHERE files > 0 AND root_id IN ({','.join('?' * len(roots))})"  # noqa: S608 (marks)
            f" AND state IN ({','.join('?' * len(busy))})",
            *(*roots, *busy),
        )
        return row is not None

    def begin(self, readers: Collection[str]) -> dict[str, int]:
        """Where each reader goes on; a new one begins now. What is kept of others is dropped: they left the settings,
        and if they come back they begin anew."""
        known = {row["reader"]: row["place"] for row in self._db.rows("SELECT reader, place FROM cursors")}
        now, newest = to_text(self._clock.now()), self.newest()
        if known.keys() != set(readers):
            with self._db.write() as connection:
                for reader in known.keys() - set(readers):
                    connection.execute("DELETE FROM cursors WHERE reader = ?", (reader,))
                for reader in set(readers) - known.keys():
                    connection.execute(
                        "INSERT INTO cursors (reader, place, kept_at) VALUES (?, ?, ?)", (reader, newest, now)
                    )
        return {reader: known.get(reader, newest) for reader in readers}

    def keep(self, reader: str, place: int, trouble: str) -> None:
        """Note that a reader is done with everything up to a place, and what is wrong with it ("": nothing)."""
        with self._db.write() as connection:
            connection.execute(
                "UPDATE cursors SET place = ?, trouble = ?, kept_at = ? WHERE reader = ?",
                (place, trouble, to_text(self._clock.now()), reader),
            )


def _to_move(row: sqlite3.Row) -> Move:
    root = os.fsdecode(row["root_path"])
    is_latest = row["state_now"] == row["to_state"]
    return Move(
        number=row["number"],
        at=from_text(row["at"]),
        from_state=FileState(row["from_state"]) if row["from_state"] else None,
        to_state=FileState(row["to_state"]),
        reason=row["reason"],
        file_id=FileId(row["file_id"]),
        path=Path(root, os.fsdecode(row["path"])),
        root=Path(root),
        size_bytes=row["size_bytes"],
        hint=row["hint"] if is_latest else "",
        asset_id=row["asset_id"],
        index_id=row["index_id"],
        indexed_asset_id=row["indexed_asset_id"],
        sidecar=Path(os.fsdecode(row["sidecar"])) if row["sidecar"] else None,
    )
