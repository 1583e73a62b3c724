"""Files and their moves: the one gate through which a file changes its state."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tlsync.clock import Clock, from_text, to_text
from tlsync.errors import CatalogError
from tlsync.models import ContentId, FileId, RootId, StatSignature
from tlsync.states import FileState, may_move
from tlsync.store.database import CatalogDatabase

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file as the catalog knows it. `path` is absolute, `root` the watched folder above it."""

    id: FileId
    root_id: RootId
    path: Path
    state: FileState
    reason: str
    signature: StatSignature
    content_id: ContentId | None
    error_code: str | None
    hint: str
    attempts: int
    retry_at: datetime | None
    came_from: FileState | None
    sidecar: Path | None
    sidecar_look: str | None
    root: Path


class StaleMove(CatalogError):
    """The file's state was changed by somebody else meanwhile; the caller looks again."""

    code = "stale_move"
    concerns = "file"
    is_temporary = True


PATH, STATE, ID, IS_KNOWN, HAS_RETRY, SIDECAR, SIDECAR_LOOK = 0, *range(5, 11)
LOOKS = slice(1, 5)
"""Places in a row of `Catalog.page`: compared by the hundred thousand, so these are no objects of their own."""

_PAGE = (
    "SELECT path, size_bytes, mtime_ns, ctime_ns, inode, state, id, content_id IS NOT NULL, retry_at IS NOT NULL,"
    " sidecar, sidecar_look FROM files WHERE root_id = ? AND path >= ? AND path < ? ORDER BY path LIMIT ?"
)

_SELECT = "SELECT files.*, roots.path AS root_path FROM files JOIN roots ON roots.id = files.root_id "


def _to_file(row: sqlite3.Row) -> FileRow:
    return FileRow(
        id=FileId(row["id"]),
        root_id=RootId(row["root_id"]),
        path=Path(os.fsdecode(os.path.join(row["root_path"], row["path"]))),  # noqa: PTH118 (bytes)
        state=FileState(row["state"]),
        reason=row["reason"],
        signature=StatSignature(row["size_bytes"], row["mtime_ns"], row["ctime_ns"], row["inode"]),
        content_id=row["content_id"],
        error_code=row["error_code"],
        hint=row["hint"],
        attempts=row["attempts"],
        retry_at=from_text(row["retry_at"]) if row["retry_at"] else None,
        came_from=FileState(row["came_from"]) if row["came_from"] else None,
        sidecar=Path(os.fsdecode(row["sidecar"])) if row["sidecar"] else None,
        sidecar_look=row["sidecar_look"],
        root=Path(os.fsdecode(row["root_path"])),
    )


_MANY = 500
"""Files in one statement: half the time that as many statements would take, and other threads go on meanwhile."""


def _insert(count: int) -> str:
    """Notes so many files of a root. Values are what they share, then path and looks of each."""
    rows = (f"(?1, ?{n}, ?2, ?{n + 1}, ?{n + 2}, ?{n + 3}, ?{n + 4}, ?3)" for n in range(4, 4 + 5 * count, 5))
    columns = "root_id, path, state, size_bytes, mtime_ns, ctime_ns, inode, changed_at"
    return f"INSERT INTO files ({columns}) VALUES {', '.join(rows)} ON CONFLICT DO NOTHING"  # noqa: S608 (only marks)


_INSERT_ONE, _INSERT_MANY = _insert(1), _insert(_MANY)
_HISTORY_SINCE = (
    "INSERT INTO history (file_id, at, from_state, to_state, reason)"
    " SELECT id, changed_at, NULL, state, 'seen' FROM files WHERE id > ?"
)
_COUNT_SINCE = (
    "INSERT INTO counts SELECT ?, ?, count(*), sum(size_bytes) FROM files WHERE id > ?"
    " ON CONFLICT DO UPDATE SET files = files + excluded.files, size_bytes = size_bytes + excluded.size_bytes"
)
_NOT_RECOGNISED = (FileState.DISCOVERED, FileState.SETTLING, FileState.IDENTIFIED)
_BEYOND = b"\xff" * 65536
"""After every path there can be."""


def span_of(folder: bytes) -> tuple[bytes, bytes]:
    """Between which paths all files of a folder and its subfolders are; empty: the root itself."""
    # "/" is followed by "0" in byte order, so this is exactly what starts with "folder/".
    return (folder + b"/", folder + b"0") if folder else (b"", _BEYOND)


class Catalog:
    """The files of all roots."""

    def __init__(self, db: CatalogDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._holder: int | None = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what is inside one step: all of it is on disk, or none."""
        with self._db.write():
            before, self._holder = self._holder, threading.get_ident()
            try:
                yield
            finally:
                self._holder = before

    @property
    def is_in_transaction(self) -> bool:
        """Whether this thread is inside `transaction`: then it must not wait for another that writes."""
        return self._holder == threading.get_ident()

    # Reading

    def get(self, file_id: FileId) -> FileRow | None:
        """One file, None if there is no such row."""
        row = self._db.row(_SELECT + "WHERE files.id = ?", file_id)
        return _to_file(row) if row else None

    def find(self, root_id: RootId, relative: bytes) -> FileRow | None:
        """The file at a path below a root."""
        row = self._db.row(_SELECT + "WHERE root_id = ? AND files.path = ?", root_id, relative)
        return _to_file(row) if row else None

    def below(self, root_id: RootId, folder: bytes = b"") -> dict[bytes, FileRow]:
        """All files of a folder and its subfolders, by their path below the root."""
        if not folder:
            rows = self._db.rows(_SELECT + "WHERE root_id = ?", root_id)
        else:
            rows = self._db.rows(
                _SELECT + "WHERE root_id = ? AND files.path >= ? AND files.path < ?", root_id, *span_of(folder)
            )
        return {row["path"]: _to_file(row) for row in rows}

    def page(self, root_id: RootId, first: bytes, end: bytes, limit: int) -> list[sqlite3.Row]:
        """Files of a root from one path up to before another, in the order of paths: what a scan compares."""
        return self._db.rows(_PAGE, root_id, first, end, limit)

    def ids_in(self, state: FileState, after: FileId, limit: int) -> list[FileId]:
        """Some files in a state, in the order in which they were found. A failed one counts if it is to be retried."""
        retried = " AND retry_at IS NOT NULL" if state == FileState.FAILED else ""
        rows = self._db.rows(
            f"SELECT id FROM files WHERE state = ? AND id > ?{retried} ORDER BY id LIMIT ?",  # noqa: S608 (ours)
            state,
            after,
            limit,
        )
        return [FileId(row[0]) for row in rows]

    def count_as_large(self, root_id: RootId, sizes: Counter[int]) -> int:
        """How many of so many sizes have a file of a root that is not recognised yet."""
        left, found = Counter(sizes), 0
        for state in _NOT_RECOGNISED:
            for (size_bytes,) in self._db.rows(
                "SELECT size_bytes FROM files WHERE state = ? AND root_id = ?", state, root_id
            ):
                if left[size_bytes] > 0:
                    left[size_bytes] -= 1
                    found += 1
        return found

    def in_states(self, *states: FileState) -> list[FileRow]:
        """All files in any of these states."""
        marks = ",".join("?" * len(states))
        return [_to_file(row) for row in self._db.rows(_SELECT + f"WHERE state IN ({marks})", *states)]

    def of_content(self, content_id: ContentId) -> list[FileRow]:
        """All files with this content, in the order in which they were found."""
        return [_to_file(row) for row in self._db.rows(_SELECT + "WHERE content_id = ? ORDER BY files.id", content_id)]

    def counts(self) -> dict[FileState, int]:
        """How many files are in each state; all states are named."""
        found = {row[0]: row[1] for row in self._db.rows("SELECT state, sum(files) FROM counts GROUP BY state")}
        return {state: found.get(state, 0) for state in FileState}

    # Writing

    def add(self, root_id: RootId, relative: bytes, signature: StatSignature) -> FileRow:
        """Note a path that was seen for the first time, as `discovered`; a known one is returned as it is."""
        with self._db.write() as connection:
            known = self.find(root_id, relative)
            if known is not None:
                return known
            (file_id,) = self._note_found(connection, root_id, [(relative, signature)])
            added = self.get(file_id)
            assert added is not None
            return added

    def add_all(self, root_id: RootId, found: Sequence[tuple[bytes, StatSignature]]) -> list[FileId]:
        """Note many paths that were seen for the first time, in one transaction; known ones stay as they are.

        Returns:
            The new files.
        """
        with self._db.write() as connection:
            return self._note_found(connection, root_id, found)

    def _note_found(
        self, connection: sqlite3.Connection, root_id: RootId, found: Sequence[tuple[bytes, StatSignature]]
    ) -> list[FileId]:
        """The only way in: what is new of these gets a row, and each row its history. They are counted together."""
        shared = (root_id, FileState.DISCOVERED.value, to_text(self._clock.now()))
        (before,) = connection.execute("SELECT COALESCE(max(id), 0) FROM files").fetchone()
        whole = len(found) - len(found) % _MANY
        for start in range(0, whole, _MANY):
            values: list[Any] = [*shared]
            for relative, signature in found[start : start + _MANY]:
                values.append(relative)
                values += signature
            connection.execute(_INSERT_MANY, values)
        connection.executemany(_INSERT_ONE, [(*shared, path, *signature) for path, signature in found[whole:]])
        (last,) = connection.execute("SELECT COALESCE(max(id), 0) FROM files").fetchone()
        if last > before:
            connection.execute(_HISTORY_SINCE, (before,))
            connection.execute(_COUNT_SINCE, (*shared[:2], before))
        return [FileId(number) for number in range(before + 1, last + 1)]  # SQLite counts on from the highest id

    def move(self, file: FileRow, to: FileState, reason: str = "", **facts: Any) -> FileRow:
        """Take a file to another state, with the facts that belong to it. The only way to change a state.

        Args:
            file: The file as the caller knows it; its state must still be the one in the catalog.
            to: The new state.
            reason: Why, for people; it is what `why` shows.
            facts: Columns to set: `signature`, `content_id`, `error_code`, `hint`, `attempts`, `retry_at`,
                `sidecar`, `sidecar_look`. An error's facts are cleared unless given; the others stay.

        Raises:
            StaleMove: The catalog says that the file is in another state by now.
            ValueError: The table of states does not allow this move.
        """
        if not may_move(file.state, to):
            raise ValueError(f"{file.path}: no way from {file.state} to {to}")
        columns: dict[str, Any] = {"error_code": None, "hint": "", "retry_at": None, "came_from": None}
        if to in (FileState.FAILED, FileState.MISSING):
            came_from = file.came_from if file.state in (FileState.FAILED, FileState.MISSING) else file.state
            columns["came_from"] = came_from or FileState.SETTLING
        columns |= _columns(facts)
        now = to_text(self._clock.now())
        columns |= {"state": to, "reason": reason, "changed_at": now}
        assignments = ", ".join(f"{name} = ?" for name in columns)
        with self._db.write() as connection:
            done = connection.execute(
                f"UPDATE files SET {assignments} WHERE id = ? AND state = ?",  # noqa: S608 (names are ours)
                (*columns.values(), file.id, file.state),
            )
            if done.rowcount != 1:
                raise StaleMove(f"{file.path}: was no longer {file.state}")
            self._write_history(connection, file.id, file.state, to, reason, now)
            moved = self.get(file.id)
        assert moved is not None
        log.info("%s → %s path=%s%s", file.state, to, moved.path, f" reason={reason}" if reason else "")
        return moved

    def note(self, file: FileRow, reason: str, **facts: Any) -> None:
        """Say why a file stays where it is (or note facts) without a move. No history is written."""
        columns = {"reason": reason} | _columns(facts)
        assignments = ", ".join(f"{name} = ?" for name in columns)
        with self._db.write() as connection:
            connection.execute(
                f"UPDATE files SET {assignments} WHERE id = ? AND state = ?",  # noqa: S608
                (*columns.values(), file.id, file.state),
            )

    def relocate(self, missing: FileRow, arrived: FileRow) -> FileRow:
        """A file was renamed: give the row of the missing one the path of the one that arrived.

        Ids, history and state of the old row live on; the row of the arrival goes. Both files hold the same
        content, which the caller has proven. The row comes back in the state from which it went missing.
        """
        with self._db.write() as connection:
            back_to = missing.came_from or FileState.SETTLING
            old_path = missing.path
            (relative,) = connection.execute("SELECT path FROM files WHERE id = ?", (arrived.id,)).fetchone()
            connection.execute("DELETE FROM files WHERE id = ?", (arrived.id,))
            connection.execute(
                "UPDATE files SET root_id = ?, path = ? WHERE id = ?", (arrived.root_id, relative, missing.id)
            )
            return self.move(
                missing, back_to, f"renamed; it was {_shown(old_path)}", signature=arrived.signature, attempts=0
            )

    def forget(self, file: FileRow) -> None:
        """Drop a row. Content, assets and enrichments stay known."""
        with self._db.write() as connection:
            connection.execute("DELETE FROM files WHERE id = ?", (file.id,))

    def _write_history(
        self,
        connection: sqlite3.Connection,
        file_id: FileId,
        old: FileState | None,
        new: FileState,
        reason: str,
        now: str,
    ) -> None:
        connection.execute(
            "INSERT INTO history (file_id, at, from_state, to_state, reason) VALUES (?, ?, ?, ?, ?)",
            (file_id, now, old, new, reason),
        )


_FACTS = frozenset({"content_id", "error_code", "hint", "attempts", "retry_at", "sidecar", "sidecar_look", "came_from"})


def _columns(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts as columns: a signature is four of them, instants are text, paths bytes."""
    columns: dict[str, Any] = {}
    for name, value in facts.items():
        if name == "signature":
            columns |= {
                "size_bytes": value.size_bytes,
                "mtime_ns": value.mtime_ns,
                "ctime_ns": value.ctime_ns,
                "inode": value.inode,
            }
        elif name not in _FACTS:
            raise ValueError(f"no such fact: {name}")
        elif isinstance(value, datetime):
            columns[name] = to_text(value)
        elif isinstance(value, Path):
            columns[name] = os.fsencode(value)
        else:
            columns[name] = value
    return columns


def _shown(path: Path) -> str:
    """A path as text that SQLite takes: names that are not UTF-8 are shown, not kept."""
    return os.fsencode(path).decode("utf-8", "replace")
