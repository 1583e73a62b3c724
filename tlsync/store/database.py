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
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from tlsync.clock import Clock
from tlsync.errors import CatalogBusy, CatalogDamaged, CatalogError
from tlsync.store import soundness
from tlsync.store.migrations import catalog_schema

FILE_NAME = "catalog.db"
_BUSY_TIMEOUT_S = 10.0


class CatalogDatabase:
    """The catalog's database, shared by all threads of this process behind a lock."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        """Open or create the catalog in `state_dir`, check it as far as need be, and bring its schema up to date.

        Raises:
            CatalogDamaged: It can't be believed; it is as it was.
            CatalogError: It can't be opened, or was made by a newer tlsync.
        """
        self.path = state_dir / FILE_NAME
        self._clock = clock
        self._lock = threading.RLock()
        self._depth = 0
        self.damage: CatalogDamaged | None = None
        """What was found while the catalog was in use; nothing should be written any more."""
        old_mask = os.umask(0o077)  # SQLite gives its -wal and -shm files the mode of the main file
        try:
            self._connection = self._open()
        finally:
            os.umask(old_mask)

    def _open(self) -> sqlite3.Connection:
        look = soundness.look_at_seal(self.path)
        soundness.refuse_rotten(self.path, look)
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
            is_new = connection.execute("SELECT 1 FROM sqlite_schema").fetchone() is None
            is_in_doubt = not is_new and soundness.check_at_open(connection, self.path, look, self._clock)
            schema = Database(connection, execute_plugins=False)
            applied = {step.name for step in catalog_schema.applied(schema)}
            newer = applied - {step.name for step in catalog_schema._migrations}
            if newer:
                raise CatalogError(
                    f"{self.path}: made by a newer tlsync (it knows {', '.join(sorted(newer))})",
                    hint="update tlsync, or use another state_dir",
                )
            catalog_schema.apply(schema)
            if is_in_doubt:
                soundness.check_tables(connection, self.path)
            elif is_new:
                soundness.note_check(connection, self._clock)
            connection.execute("COMMIT")
            soundness.seal_path(self.path).unlink(missing_ok=True)
        except (sqlite3.Error, UnicodeDecodeError) as error:
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
            except (sqlite3.Error, UnicodeDecodeError) as error:
                raise self._translate(error) from error

    def row(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """The first row of a query, or None."""
        found = self.rows(sql, *values)
        return found[0] if found else None

    def check_if_due(self) -> None:
        """Once a week, look whether the catalog is sound, on a connection that lets others write meanwhile.

        Raises:
            CatalogDamaged: It is not.
        """
        with self._lock:
            if not soundness.is_check_due(self._connection, self._clock):
                return
        try:
            with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as reader:
                soundness.check(reader, self.path)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise self._translate(error) from error
        except CatalogDamaged as damage:
            self.damage = damage
            raise
        with self.write() as connection:
            soundness.note_check(connection, self._clock)

    def close(self) -> None:
        """Check the WAL in, close and seal. Nothing may use the catalog afterwards."""
        with self._lock:
            if self.damage is not None:
                self._connection.close()
            else:
                soundness.close_sealed(self._connection, self.path)

    def _translate(self, error: sqlite3.Error | UnicodeDecodeError) -> CatalogError:
        """SQLite's error as ours. Names and texts that are no UTF-8 are damage; Python says so in two ways."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return CatalogBusy(
                f"{self.path}: the disk of the catalog is full", hint="free some space; tlsync goes on by itself"
            )
        if code == sqlite3.SQLITE_IOERR:  # a quota, a failed flush, a drive that hiccups: nothing was written
            return CatalogBusy(
                f"{self.path}: the disk of the catalog fails ({error})",
                hint="check that disk and its quota; tlsync goes on by itself",
            )
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return CatalogBusy(
                f"{self.path}: another program holds the catalog", hint="close it; tlsync goes on by itself"
            )
        is_garbled = isinstance(error, UnicodeDecodeError) or "Could not decode" in str(error)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) or is_garbled:
            self.damage = CatalogDamaged(f"{self.path}: the catalog is damaged ({error})", hint=soundness.HINT)
            return self.damage
        return CatalogError(f"{self.path}: {error}", hint="check that the state folder can be written")
