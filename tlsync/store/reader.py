"""The catalog, read-only, for commands that look while the daemon writes. Plain sqlite3; quick to import."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tlsync.clock import from_text
from tlsync.errors import CatalogError
from tlsync.states import FileState
from tlsync.store.file_view import FILES, LINES, FileLine, to_lines, to_view
from tlsync.store.file_view import FileView as FileView

_FILE_NAME = "catalog.db"
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DEAD_AFTER = timedelta(seconds=15)
_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
"""What a reader meets where the files that it shares with the writer can't be made."""


class CatalogReader:
    """Questions to the catalog. A catalog that does not exist yet answers like an empty one."""

    def __init__(self, state_dir: Path) -> None:
        """Open the catalog of a state folder.

        Raises:
            CatalogError: There is one, and it can't be read.
        """
        path = state_dir / _FILE_NAME
        self._connection: sqlite3.Connection | None = None
        self.note = ""
        """Why the answers may be old, for people; "" when they are not."""
        if not path.exists():
            return
        try:
            try:
                self._connection = _connect(path, "mode=ro")
            except sqlite3.Error as error:
                if error.sqlite_errorcode & 0xFF not in _NO_ROOM:
                    raise
                self._connection = _connect(path, "immutable=1")
                self.note = (
                    f"{path.parent}: nothing can be written there (disk full, or read-only), so this is the catalog"
                    " without what was noted last"
                )
        except sqlite3.Error as error:
            raise CatalogError(f"{path}: can't be read ({error})", hint="tlsync sync brings it up to date") from error

    @property
    def exists(self) -> bool:
        return self._connection is not None

    def _rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return list(self.walk(sql, *values))

    def walk(self, sql: str, *values: Any) -> Iterator[sqlite3.Row]:
        """Rows one by one, for whoever may have enough before the last."""
        try:
            if self._connection is not None:
                for row in self._connection.execute(sql, values):  # noqa: UP028 (it would be closed, perhaps too late)
                    yield row
        except (sqlite3.Error, UnicodeDecodeError) as error:
            # What Python itself can't read of an answer has no code.
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF not in _DAMAGE:
                raise
            raise CatalogError(
                f"the catalog can't be read ({error})",
                hint="tlsync sync checks it; a damaged one is set aside, and nothing is sent again",
            ) from error

    def counts(self) -> dict[str, int]:
        """Number of files by state; every state is named."""
        found = self.totals()
        return {state.value: found.get(state.value, (0, 0))[0] for state in FileState}

    def totals(self) -> dict[str, tuple[int, int]]:
        """Number of files and their bytes, by state; states without files are left out."""
        is_counted = self._rows("SELECT 1 FROM sqlite_schema WHERE name = 'counts'")  # not so by earlier versions
        sums = "sum(files), sum(size_bytes) FROM counts" if is_counted else "count(*), sum(size_bytes) FROM files"
        rows = self._rows(f"SELECT state, {sums} GROUP BY state")
        return {row[0]: (row[1], row[2]) for row in rows if row[1]}

    def roots(self) -> list[dict[str, Any]]:
        """The roots, with the keys of `status --json` and those that other commands need."""
        return [
            {
                "path": os.fsdecode(row["path"]),
                "index": row["index_name"],
                "index_id": row["index_id"],
                "online": bool(row["is_online"]),
                "condition": condition,
                "trouble": row["trouble"],
                "note": note,
                "last_scan_at": row["last_scan_at"],
                "watching": row["watching"],
            }
            for row in self._rows("SELECT * FROM roots ORDER BY path")
            for condition, note in [_condition_of(row)]
        ]

    def models(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """The models of each root's index, by the path of the root and the name of the index."""
        import json

        rows = self._rows("SELECT path, index_name, index_models FROM roots")
        return {(os.fsdecode(path), index): tuple(json.loads(models)) for path, index, models in rows}

    def daemon(self, now: datetime) -> dict[str, Any] | None:
        """What the daemon last said of itself, None when it is silent for too long or gone."""
        rows = self._rows("SELECT * FROM heartbeat")
        if not rows or now.astimezone(UTC) - from_text(rows[0]["beat_at"]) > _DEAD_AFTER:
            return None
        return _report_of(rows[0])

    def last_beat(self) -> dict[str, Any] | None:
        """What the daemon last said of itself, however long ago; None when it ended in good order."""
        rows = self._rows("SELECT * FROM heartbeat")
        return _report_of(rows[0]) if rows else None

    def files(self, below: Path | None = None, *, states: tuple[FileState, ...] = ()) -> list[FileView]:
        """Files at or below a path, in the order of their paths."""
        where, values = self._where(below, states)
        return sorted(map(to_view, self.walk(FILES + where, *values)), key=lambda view: os.fsencode(view.path))

    def lines(self, below: Path | None = None, *, states: tuple[FileState, ...] = ()) -> list[FileLine]:
        """As `files`, with no more than a listing shows: several times as quick."""
        where, values = self._where(below, states)
        return to_lines(self.walk(LINES + where, *values))

    def _where(self, below: Path | None, states: tuple[FileState, ...]) -> tuple[str, list[Any]]:
        conditions, values = list[str](), list[Any]()
        if states:
            # The plus keeps SQLite from going through all files of a state where a folder is asked for.
            own = "+" if below is not None else ""
            conditions.append(f"{own}files.state IN ({','.join('?' * len(states))})")
            values += states
        if below is not None:
            condition, bounds = self.at_or_below(below)
            conditions.append(condition)
            values += bounds
        return f"WHERE {' AND '.join(conditions)}" if conditions else "", values

    def file(self, path: Path) -> FileView | None:
        """The file at a path."""
        for row in self._rows("SELECT id, path FROM roots"):
            root = Path(os.fsdecode(row["path"]))
            if root in path.parents:
                relative = os.fsencode(path.relative_to(root))
                found = self._rows(FILES + "WHERE files.root_id = ? AND files.path = ?", row["id"], relative)
                if found:
                    return to_view(found[0])
        return None

    def at_or_below(self, path: Path) -> tuple[str, list[Any]]:
        """A condition on files that the catalog's own order of paths answers, and its values."""
        conditions, values = list[str](), list[Any]()
        for row in self._rows("SELECT id, path FROM roots"):
            root = Path(os.fsdecode(row["path"]))
            if path == root or path in root.parents:
                conditions.append("files.root_id = ?")
                values.append(row["id"])
            elif root in path.parents:
                relative = os.fsencode(path.relative_to(root))
                # What begins with "folder/" lies between "folder/" and "folder0", the next byte.
                conditions.append("(files.root_id = ? AND (files.path = ? OR files.path >= ? AND files.path < ?))")
                values += [row["id"], relative, relative + b"/", relative + b"0"]
        return f"({' OR '.join(conditions) or '0'})", values

    def is_known_content(self, size_bytes: int, fingerprint: str) -> bool:
        """Whether a content that looks so was read whole before."""
        return bool(
            self._rows(
                "SELECT 1 FROM contents WHERE size_bytes = ? AND fingerprint = ? AND sha256 IS NOT NULL",
                size_bytes,
                fingerprint,
            )
        )

    def history(self, file_id: int) -> list[dict[str, Any]]:
        """The moves of a file, oldest first."""
        return [
            {"at": row["at"], "from": row["from_state"], "to": row["to_state"], "reason": row["reason"]}
            for row in self._rows("SELECT * FROM history WHERE file_id = ? ORDER BY id", file_id)
        ]

    def notice_troubles(self) -> list[str]:
        """What is wrong with hooks, webhook and notices; nothing in a catalog of an earlier version."""
        if not self._rows("SELECT 1 FROM sqlite_schema WHERE name = 'cursors'"):
            return []
        return [row["trouble"] for row in self._rows("SELECT trouble FROM cursors WHERE trouble != '' ORDER BY reader")]

    def files_of_indexed_asset(self, index_id: str, indexed_asset_id: str) -> list[FileView]:
        """Local files with the content of an indexed asset; those that are there come first."""
        rows = self._rows(
            FILES + "WHERE indexed_assets.indexed_asset_id = ? AND indexed_assets.index_id = ?",
            indexed_asset_id,
            index_id,
        )
        return sorted(map(to_view, rows), key=lambda view: (view.state == FileState.MISSING, os.fsencode(view.path)))

    def learned(self, topic: str, *, valid_for: timedelta) -> str | None:
        """What was found out about the platform, unless that is too long ago."""
        rows = self._rows("SELECT value, learned_at FROM learned WHERE topic = ?", topic)
        if not rows or datetime.now(UTC) - from_text(rows[0]["learned_at"]) > valid_for:
            return None
        return str(rows[0]["value"])

    def transfers(self) -> list[dict[str, Any]]:
        """Uploads under way, from the journal: bytes that storage acknowledged."""
        done = {
            row["content_id"]: row["bytes_done"]
            for row in self._rows(
                "SELECT content_id, sum(chunks.size_bytes) AS bytes_done FROM sessions"
                " JOIN chunks ON chunks.session_id = sessions.id WHERE sessions.state = 'active' GROUP BY content_id"
            )
        }
        return [
            {"path": str(view.path), "bytes_done": done.get(view.content_id, 0), "bytes_total": view.size_bytes}
            for view in self.files(states=(FileState.UPLOADING,))
        ]

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _connect(path: Path, how: str) -> sqlite3.Connection | None:
    """Open a catalog for reading, and see that it can be read; None for one that is just being made.

    Raises:
        sqlite3.Error: It can't.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=5)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA query_only = ON")
        if connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is None:
            connection.close()
            return None
        connection.execute("SELECT 1 FROM files LIMIT 1")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _report_of(row: sqlite3.Row) -> dict[str, Any]:
    import json

    return {**json.loads(row["report"]), "pid": row["pid"], "beat_at": row["beat_at"]}


def _condition_of(row: sqlite3.Row) -> tuple[str, str]:
    """The condition of a root and the note about it, also from a catalog of an earlier version."""
    if "condition" not in row.keys():  # noqa: SIM118 (a row is searched by value)
        return "online" if row["is_online"] else "offline", ""
    return row["condition"], "; ".join(filter(None, (row["held"], row["note"])))
