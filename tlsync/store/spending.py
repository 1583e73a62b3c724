"""The ledger of what was sent and ordered: bytes, video and money, by the day of this machine's calendar.

It is a file of its own, `spending.db`, and no part of the catalog: commands write to it beside the daemon, and a
catalog that is set aside or rebuilt must not give back what a day has used up.

Kept here: what is checked against a cap and what is written are one transaction, so that no two threads or processes
take the same room; and an order whose answer was lost stays open, so that its repetition is not counted again.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from pathlib import Path

from tlsync.clock import Clock, to_text
from tlsync.errors import CatalogBusy, CatalogError
from tlsync.local_days import day_of, next_day, next_month

FILE_NAME = "spending.db"

_BUSY_TIMEOUT_S = 10.0
_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS spending (
        id INTEGER PRIMARY KEY,
        day TEXT NOT NULL,
        what TEXT NOT NULL,
        item TEXT NOT NULL,
        is_open INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        money_micros INTEGER NOT NULL,
        currency TEXT NOT NULL,
        noted_at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE UNIQUE INDEX IF NOT EXISTS open_spending ON spending (what, item) WHERE is_open",
    "CREATE INDEX IF NOT EXISTS spending_by_day ON spending (day, what, item)",
)
_SUM = (
    "coalesce(sum(size_bytes), 0), coalesce(sum(duration_ms), 0),"
    " coalesce(sum(CASE WHEN currency = ? THEN money_micros ELSE 0 END), 0)"
)


@dataclass(frozen=True, slots=True)
class Amounts:
    """What something takes. Money is in millionths of the currency's unit, so that sums are exact."""

    size_bytes: int = 0
    duration_ms: int = 0
    money_micros: int = 0

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            self.size_bytes + other.size_bytes,
            self.duration_ms + other.duration_ms,
            self.money_micros + other.money_micros,
        )


@dataclass(frozen=True, slots=True)
class Used:
    """What a day, and the month that it is in, have used up."""

    day: Amounts = Amounts()
    month: Amounts = Amounts()


class Spending:
    """The ledger, for writing. May be used from many threads, and by several processes."""

    def __init__(self, state_dir: Path, clock: Clock, zone: tzinfo | None = None) -> None:
        """
        Args:
            zone: Whose calendar counts; None is that of the system.
        """
        self._path = state_dir / FILE_NAME
        self._clock = clock
        self._zone = zone
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None

    def now(self) -> datetime:
        return self._clock.now()

    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()

    @property
    def zone(self) -> tzinfo | None:
        return self._zone

    def today(self) -> date:
        return day_of(self._clock.now(), self._zone)

    def used(self, currency: str, day: date | None = None) -> Used:
        """What a day (None: today) and its month have used up; money only where it is in this currency.

        Raises:
            CatalogError: The ledger can't be read.
        """
        with self._transaction("BEGIN") as connection:
            return _used(connection, day or self.today(), currency)

    def add_bytes(self, day: date, item: str, size_bytes: int) -> None:
        """So many bytes of an upload went out.

        Raises:
            CatalogError: It can't be written.
        """
        # A power cut may lose the last of these; a process that is killed loses none.
        with self._transaction(is_flushed=False) as connection:
            done = connection.execute(
                "UPDATE spending SET size_bytes = size_bytes + ? WHERE day = ? AND what = 'upload' AND item = ?",
                (size_bytes, day.isoformat(), item),
            )
            if done.rowcount == 0:
                self._insert(connection, day, "upload", item, Amounts(size_bytes), "", is_open=False)

    def order(
        self,
        what: str,
        item: str,
        amounts: Amounts,
        currency: str,
        check: Callable[[Used], None] | None = None,
        *,
        is_flushed: bool = True,
    ) -> bool:
        """Note an order before it is placed. It stays open until `settle` or `take_back`.

        Args:
            item: What tells this order from others of its kind.
            check: Is given what is used up by now, and raises if there is no room; then nothing is noted.
            is_flushed: False: a power cut may lose the last orders; a process that is killed loses none.

        Returns:
            False: it is open already; what it takes was counted when it was noted first.

        Raises:
            CatalogError: It can't be written.
        """
        with self._transaction(is_flushed=is_flushed) as connection:
            known = connection.execute(
                "SELECT 1 FROM spending WHERE what = ? AND item = ? AND is_open", (what, item)
            ).fetchone()
            if known is not None:
                return False
            day = self.today()
            if check is not None:
                check(_used(connection, day, currency))
            self._insert(connection, day, what, item, amounts, currency, is_open=True)
            return True

    def settle(self, what: str, item: str, money_micros: int | None = None) -> None:
        """The platform answered an order. It may have cost less than was set aside, never more.

        Raises:
            CatalogError: It can't be written.
        """
        with self._transaction(is_flushed=False) as connection:
            connection.execute(
                "UPDATE spending SET is_open = 0, money_micros = min(money_micros, coalesce(?, money_micros))"
                " WHERE what = ? AND item = ? AND is_open",
                (money_micros, what, item),
            )

    def take_back(self, what: str, item: str) -> None:
        """The platform refused an open order for certain.

        Raises:
            CatalogError: It can't be written.
        """
        with self._transaction(is_flushed=False) as connection:
            connection.execute("DELETE FROM spending WHERE what = ? AND item = ? AND is_open", (what, item))

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _transaction(self, begin: str = "BEGIN IMMEDIATE", *, is_flushed: bool = True) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._opened()
                connection.execute(f"PRAGMA synchronous = {'FULL' if is_flushed else 'NORMAL'}")
                connection.execute(begin)
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise _translated(error, self._path) from error

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            try:  # before SQLite makes it readable by all; its journals get the mode of this file
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
                os.close(os.open(self._path, flags, 0o600))
            except FileExistsError:
                pass  # and it is not touched: closing it would drop the locks that this process has on it
            except OSError as error:
                raise CatalogError(
                    f"{self._path}: can't be written: {error.strerror}", hint="check the state folder and its disk"
                ) from error
            connection = sqlite3.connect(
                self._path, timeout=_BUSY_TIMEOUT_S, check_same_thread=False, isolation_level=None
            )
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                for statement in _SCHEMA:
                    connection.execute(statement)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _insert(
        self,
        connection: sqlite3.Connection,
        day: date,
        what: str,
        item: str,
        amounts: Amounts,
        currency: str,
        *,
        is_open: bool,
    ) -> None:
        connection.execute(
            "INSERT INTO spending (day, what, item, is_open, size_bytes, duration_ms, money_micros, currency, noted_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                day.isoformat(),
                what,
                item,
                is_open,
                amounts.size_bytes,
                amounts.duration_ms,
                amounts.money_micros,
                currency,
                to_text(self._clock.now()),
            ),
        )


def _used(connection: sqlite3.Connection, day: date, currency: str) -> Used:
    def total(first: date, until: date) -> Amounts:
        row: tuple[int, int, int] = connection.execute(
            f"SELECT {_SUM} FROM spending WHERE day >= ? AND day < ?",  # noqa: S608 (ours)
            (currency, first.isoformat(), until.isoformat()),
        ).fetchone()
        return Amounts(*row)

    return Used(day=total(day, next_day(day)), month=total(day.replace(day=1), next_month(day)))


def _translated(error: sqlite3.Error, path: Path) -> CatalogError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return CatalogError(
            f"{path}: the ledger of what was spent is damaged ({error})",
            hint="move it away; caps then begin anew, as if nothing had been spent today",
        )
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return CatalogBusy(
            f"{path}: what is spent can't be noted ({error})", hint="free some space there; tlsync goes on by itself"
        )
    return CatalogError(f"{path}: {error}", hint="check that the state folder can be written")
