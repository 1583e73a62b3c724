"""The catalog, read-only, for commands that look while the daemon writes. Plain sqlite3; quick to import."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tlsync.clock import from_text
from tlsync.errors import CatalogError
from tlsync.models import StatSignature
from tlsync.states import FileState

_FILE_NAME = "catalog.db"
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DEAD_AFTER = timedelta(seconds=15)
_NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
"""What a reader meets where the files that it shares with the writer can't be made."""


@dataclass(frozen=True, slots=True)
class FileView:
    """One file, as `ls` and `show` print it."""

    id: int
    path: Path
    root: Path
    state: FileState
    reason: str
    hint: str
    error_code: str | None
    signature: StatSignature
    attempts: int
    retry_at: str | None
    changed_at: str
    content_id: int | None
    content_bytes: int | None
    sha256: str | None
    duration_s: float | None
    asset_id: str | None
    index_id: str | None
    indexed_asset_id: str | None
    sidecar: Path | None

    @property
    def size_bytes(self) -> int:
        return self.signature.size_bytes


_FILES = """
SELECT files.*, roots.path AS root_path, roots.index_id,
       contents.size_bytes AS content_bytes, contents.sha256, contents.duration_s,
       assets.asset_id, indexed_assets.indexed_asset_id
FROM files JOIN roots ON roots.id = files.root_id
LEFT JOIN contents ON contents.id = files.content_id
LEFT JOIN assets ON assets.content_id = files.content_id
LEFT JOIN indexed_assets ON indexed_assets.content_id = files.content_id AND indexed_assets.index_id = roots.index_id
"""


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
        try:
            return self._connection.execute(sql, values).fetchall() if self._connection else []
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
        found = {row[0]: row[1] for row in self._rows("SELECT state, count(*) FROM files GROUP BY state")}
        return {state.value: found.get(state.value, 0) for state in FileState}

    def roots(self) -> list[dict[str, Any]]:
        """The roots, with the keys of `status --json` and those that other commands need."""
        return [
            {
                "path": os.fsdecode(row["path"]),
                "index": row["index_name"],
                "index_id": row["index_id"],
                "models": tuple(json.loads(row["index_models"])),
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

    def daemon(self, now: datetime) -> dict[str, Any] | None:
        """What the daemon last said of itself, None when it is silent for too long or gone."""
        rows = self._rows("SELECT * FROM heartbeat")
        if not rows or now.astimezone(UTC) - from_text(rows[0]["beat_at"]) > _DEAD_AFTER:
            return None
        report: dict[str, Any] = json.loads(rows[0]["report"])
        return {"pid": rows[0]["pid"], "beat_at": rows[0]["beat_at"], **report}

    def last_beat(self) -> dict[str, Any] | None:
        """What the daemon last said of itself, however long ago; None when it ended in good order."""
        rows = self._rows("SELECT * FROM heartbeat")
        return {**json.loads(rows[0]["report"]), "pid": rows[0]["pid"], "beat_at": rows[0]["beat_at"]} if rows else None

    def files(self, below: Path | None = None, *, states: tuple[FileState, ...] = ()) -> list[FileView]:
        """Files at or below a path, in the order of their paths."""
        conditions, values = list[str](), list[Any]()
        if states:
            conditions.append(f"files.state IN ({','.join('?' * len(states))})")
            values += states
        if below is not None:
            condition, bounds = self._at_or_below(below)
            conditions.append(condition)
            values += bounds
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        views = [_to_view(row) for row in self._rows(_FILES + where, *values)]
        return sorted(views, key=lambda view: os.fsencode(view.path))

    def file(self, path: Path) -> FileView | None:
        """The file at a path."""
        found = [view for view in self.files(path) if view.path == path]
        return found[0] if found else None

    def _at_or_below(self, path: Path) -> tuple[str, list[Any]]:
        """A condition on files that the catalog's own order of paths answers, and its values."""
        conditions, values = ["0"], list[Any]()
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
        return f"({' OR '.join(conditions)})", values

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

    def files_of_indexed_asset(self, index_id: str, indexed_asset_id: str) -> list[FileView]:
        """Local files with the content of an indexed asset; those that are there come first."""
        rows = self._rows(
            _FILES + "WHERE indexed_assets.indexed_asset_id = ? AND indexed_assets.index_id = ?",
            indexed_asset_id,
            index_id,
        )
        return sorted(map(_to_view, rows), key=lambda view: (view.state == FileState.MISSING, os.fsencode(view.path)))

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


def _connect(path: Path, how: str) -> sqlite3.Connection:
    """Open a catalog for reading, and see that it can be read.

    Raises:
        sqlite3.Error: It can't.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?{how}", uri=True, timeout=5)
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT 1 FROM files LIMIT 1")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _condition_of(row: sqlite3.Row) -> tuple[str, str]:
    """The condition of a root and the note about it, also from a catalog of an earlier version."""
    if "condition" not in row.keys():  # noqa: SIM118 (a row is searched by value)
        return "online" if row["is_online"] else "offline", ""
    return row["condition"], "; ".join(filter(None, (row["held"], row["note"])))


def _to_view(row: sqlite3.Row) -> FileView:
    root = os.fsdecode(row["root_path"])
    return FileView(
        id=row["id"],
        path=Path(root, os.fsdecode(row["path"])),
        root=Path(root),
        state=FileState(row["state"]),
        reason=row["reason"],
        hint=row["hint"],
        error_code=row["error_code"],
        signature=StatSignature(row["size_bytes"], row["mtime_ns"], row["ctime_ns"], row["inode"]),
        attempts=row["attempts"],
        retry_at=row["retry_at"],
        changed_at=row["changed_at"],
        content_id=row["content_id"],
        content_bytes=row["content_bytes"],
        sha256=row["sha256"],
        duration_s=row["duration_s"],
        asset_id=row["asset_id"],
        index_id=row["index_id"],
        indexed_asset_id=row["indexed_asset_id"],
        sidecar=Path(os.fsdecode(row["sidecar"])) if row["sidecar"] else None,
    )
