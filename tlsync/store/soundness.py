"""Whether the catalog's file can be believed: the seal of a clean stop, and the checks that replace it.

At a clean stop the file's digest is put beside it, in `catalog.seal`. At the next start an equal digest proves every
byte. Without one (a crash, an older copy, a program that wrote to it) SQLite checks the file, its indexes, its
references and its tables. The files are read only while this process has no connection to them: closing one would
drop the locks that SQLite holds.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from sqlite_utils import Database

from tlsync.clock import Clock, from_text, to_text
from tlsync.errors import CatalogDamaged
from tlsync.store.atomic import write_whole
from tlsync.store.migrations import catalog_schema

CHECK_EVERY = timedelta(days=7)
"""A catalog that always stops cleanly is checked as often as this, which finds what was sealed already damaged."""

_CHECKED_AT = "integrity_checked_at"
_BACK_NS = 1_000_000_000
HINT = "tlsync sync (or run) sets it aside and links all content anew; nothing is sent again"

Look = Literal["as_left", "unknown", "rotten"]
"""`as_left`: byte for byte what a clean stop left. `rotten`: other bytes, and nobody wrote to the file since."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What the file was when the last connection was closed."""

    mtime_ns: int
    sha256: str


def seal_path(catalog: Path) -> Path:
    return catalog.with_suffix(".seal")


def look_at_seal(catalog: Path) -> Look:
    """Compare the file with its seal, before it is opened."""
    try:
        seal = Seal(**json.loads(seal_path(catalog).read_bytes()))
        found = catalog.stat()
    except (OSError, ValueError, TypeError):
        return "unknown"
    if _wal_bytes(catalog) > 0:
        return "unknown"  # somebody wrote after the seal
    if _digest(catalog) == seal.sha256:
        return "as_left"
    # A disk that forgets does not touch the time. Who changes the file by a program has it checked, not refused.
    return "rotten" if found.st_mtime_ns == seal.mtime_ns else "unknown"


def refuse_rotten(catalog: Path, look: Look) -> None:
    """
    Raises:
        CatalogDamaged: The file's bytes are not those that were sealed.
    """
    if look == "rotten":
        raise CatalogDamaged(f"{catalog}: its bytes changed while nobody wrote to it (a failing disk?)", hint=HINT)


def check_at_open(connection: sqlite3.Connection, catalog: Path, look: Look, clock: Clock) -> bool:
    """Check a catalog that exists, if its seal leaves doubts or the last check is long ago. In a transaction.

    Returns:
        Whether it was checked.

    Raises:
        CatalogDamaged: It can't be believed.
        sqlite3.DatabaseError: SQLite can't even read it.
    """
    try:
        is_in_doubt = look != "as_left" or is_check_due(connection, clock)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
            raise
        raise CatalogDamaged(f"{catalog}: no catalog of tlsync, or a damaged one ({error})", hint=HINT) from error
    if is_in_doubt:
        check(connection, catalog)
        note_check(connection, clock)
    return is_in_doubt


def check(connection: sqlite3.Connection, catalog: Path) -> None:
    """Let SQLite check pages, rows, indexes and references: about three seconds for a million files.

    `quick_check` would be faster, and would not compare indexes with rows; these decide what counts as known.

    Raises:
        CatalogDamaged: With the first thing that is wrong.
    """
    wrong = [row[0] for row in connection.execute("PRAGMA integrity_check(1)") if row[0] != "ok"]
    if not wrong:
        wrong = [f"a row of {row[0]} refers to nothing" for row in connection.execute("PRAGMA foreign_key_check")]
    if wrong:
        raise CatalogDamaged(f"{catalog}: the catalog is damaged ({wrong[0]})", hint=HINT)


def check_tables(connection: sqlite3.Connection, catalog: Path) -> None:
    """Whether all tables have the columns that this version's steps make; after the steps.

    Raises:
        CatalogDamaged: One does not.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        catalog_schema.apply(Database(fresh, execute_plugins=False))
        lacking = _columns(fresh) - _columns(connection)
    if lacking:
        table, column, _ = min(lacking)
        raise CatalogDamaged(f"{catalog}: the catalog is damaged (no {column} in {table})", hint=HINT)


def is_check_due(connection: sqlite3.Connection, clock: Clock) -> bool:
    """Whether the last thorough check is long ago; a time in the future counts as long ago."""
    row = connection.execute("SELECT value FROM about WHERE key = ?", (_CHECKED_AT,)).fetchone()
    try:
        age = clock.now() - from_text(row[0]) if row else CHECK_EVERY
    except ValueError:
        return True
    return not timedelta(0) <= age < CHECK_EVERY


def note_check(connection: sqlite3.Connection, clock: Clock) -> None:
    connection.execute("INSERT OR REPLACE INTO about (key, value) VALUES (?, ?)", (_CHECKED_AT, to_text(clock.now())))


def close_sealed(connection: sqlite3.Connection, catalog: Path) -> None:
    """Close the last connection, and seal the file. Where that can't be done, the next start checks instead."""
    try:
        connection.execute("PRAGMA busy_timeout = 1000")
        is_reader_on_it, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        is_reader_on_it = True
    finally:
        connection.close()
    if is_reader_on_it:
        return
    with suppress(OSError):
        if _wal_bytes(catalog) == 0:
            # Clocks of file systems tick slowly: a second back, whoever writes next gives it another time for certain.
            found = catalog.stat()
            os.utime(catalog, ns=(found.st_atime_ns, found.st_mtime_ns - _BACK_NS))
            seal = Seal(catalog.stat().st_mtime_ns, _digest(catalog))
            write_whole(seal_path(catalog), json.dumps(asdict(seal)).encode(), mode=0o600)


def _columns(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    return {
        (row[0], row[1], row[2])
        for row in connection.execute(
            "SELECT tables.name, columns.name, columns.type FROM sqlite_schema AS tables"
            " JOIN pragma_table_xinfo(tables.name) AS columns WHERE tables.type = 'table'"
            " AND tables.name NOT LIKE 'sqlite%' AND tables.name NOT LIKE '\\_sqlite%' ESCAPE '\\'"
        )
    }


def _wal_bytes(catalog: Path) -> int:
    try:
        return os.stat(f"{catalog}-wal").st_size  # noqa: PTH116 (a name, not a path of its own)
    except FileNotFoundError:
        return 0


def _digest(catalog: Path) -> str:
    with catalog.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
