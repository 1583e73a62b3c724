"""The one writing connection to the catalog: how it is opened, and what a transaction is.

Kept here: every write is inside `BEGIN IMMEDIATE … COMMIT` on this connection, with
`synchronous=FULL`, so an acknowledged fact survives a power cut, and no reader or second
process can make a transaction fail between its read and its write.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from tlsync.errors import CatalogBusy, CatalogError
from tlsync.store.migrations import catalog_schema

FILE_NAME = "catalog.db"
_BUSY_TIMEOUT_S = 10.0


class CatalogDatabase:
    """The catalog's database, shared by all threads of this process behind a lock."""

    def __init__(self, state_dir: Path) -> None:
        """Open or create the catalog in `state_dir` and bring its schema up to date.

        Raises:
            CatalogError: It can't be opened, is damaged, or was made by a newer tlsync.
        """
        self.path = state_dir / FILE_NAME
        self._lock = threading.RLock()
        self._depth = 0
        old_mask = os.umask(0o077)  # SQLite gives its -wal and -shm files the mode of the main file
        try:
            self._connection = self._open()
        finally:
            os.umask(old_mask)

    def _open(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_TIMEOUT_S, check_same_thread=False, isolation_level=None
            )
        except sqlite3.Error as error:
            raise self._translate(error) from error
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA journal_size_limit = 16777216")
            connection.execute("BEGIN IMMEDIATE")
            schema = Database(connection, execute_plugins=False)
            known = {step.name for step in catalog_schema._migrations}
            newer = {step.name for step in catalog_schema.applied(schema)} - known
            if newer:
                raise CatalogError(
                    f"{self.path}: made by a newer tlsync (it knows {', '.join(sorted(newer))})",
                    hint="update tlsync, or use another state_dir",
                )
            catalog_schema.apply(schema)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            connection.close()
            raise self._translate(error) from error
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One transaction; inside another one of the same thread it is part of that."""
        with self._lock:
            outermost = self._depth == 0
            try:
                if outermost:
                    self._connection.execute("BEGIN IMMEDIATE")
                self._depth += 1
                try:
                    yield self._connection
                finally:
                    self._depth -= 1
                if outermost:
                    self._connection.execute("COMMIT")
            except BaseException as error:
                if outermost and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise self._translate(error) from error
                raise

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise self._translate(error) from error

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        found = self.rows(sql, *values)
        return found[0] if found else None

    def close(self) -> None:
        """Check the WAL in and close. Nothing may use the catalog afterwards."""
        with self._lock:
            self._connection.close()

    def _translate(self, error: sqlite3.Error) -> CatalogError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return CatalogBusy(
                f"{self.path}: the disk of the catalog is full", hint="free some space; tlsync goes on by itself"
            )
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return CatalogBusy(
                f"{self.path}: another program holds the catalog", hint="close it; tlsync goes on by itself"
            )
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return CatalogError(
                f"{self.path}: the catalog is damaged ({error})",
                hint="move the file away and start again: content that the platform knows is found, not sent again",
            )
        return CatalogError(f"{self.path}: {error}", hint="check that the state folder can be written")
