"""The ledger of what was spent, read-only, for commands that look. Plain sqlite3; quick to import."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from tlsync.errors import CatalogError
from tlsync.local_days import next_month
from tlsync.store.spending import FILE_NAME, Amounts, Used


@dataclass(frozen=True, slots=True)
class DayUsage:
    """What one kind of work took on one day. `count`: uploads, orders or questions; `currency` "": no money."""

    day: str
    what: str
    currency: str
    count: int
    amounts: Amounts


class SpendingReader:
    """Questions to the ledger. One that does not exist yet answers like an empty one."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / FILE_NAME

    def days(self, since: date) -> list[DayUsage]:
        """All that was spent from a day on, the newest day first.

        Raises:
            CatalogError: The ledger can't be read.
        """
        rows = self._rows(
            "SELECT day, what, currency, count(*), sum(size_bytes), sum(duration_ms), sum(money_micros) FROM spending"
            " WHERE day >= ? GROUP BY day, what, currency ORDER BY day DESC, what",
            since.isoformat(),
        )
        return [DayUsage(day, what, currency, count, Amounts(*sums)) for day, what, currency, count, *sums in rows]

    def used(self, currency: str, day: date) -> Used:
        """What a day and its month have used up, as `Spending.used`."""
        until, today = next_month(day).isoformat(), day.isoformat()
        of_day, of_month = Amounts(), Amounts()
        for usage in self.days(day.replace(day=1)):
            if usage.day < until:
                money = usage.amounts.money_micros if usage.currency == currency else 0
                found = Amounts(usage.amounts.size_bytes, usage.amounts.duration_ms, money)
                of_month += found
                of_day += found if usage.day == today else Amounts()
        return Used(of_day, of_month)

    def _rows(self, sql: str, *values: Any) -> Iterator[Any]:
        if not self._path.exists():
            return iter(())
        try:
            with closing(self._connected()) as connection:
                return iter(connection.execute(sql, values).fetchall())
        except sqlite3.Error as error:
            if "no such table" in str(error):  # made a moment ago, and nothing is in it yet
                return iter(())
            raise CatalogError(
                f"{self._path}: the ledger of what was spent can't be read ({error})",
                hint="if it is damaged, move it away; caps then begin anew, as if nothing had been spent today",
            ) from error

    def _connected(self) -> sqlite3.Connection:
        """A connection that can read. Where nothing can be written beside the file, it is read as it stands."""
        place = self._path.absolute().as_uri()
        connection = sqlite3.connect(f"{place}?mode=ro", uri=True, timeout=5)
        try:
            connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1")
        except sqlite3.OperationalError:
            connection.close()
            return sqlite3.connect(f"{place}?immutable=1", uri=True, timeout=5)
        return connection
