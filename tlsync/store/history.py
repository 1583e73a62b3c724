"""How long the history of files is kept: old moves go, a few at a time, and each file keeps its last one."""

from __future__ import annotations

from datetime import timedelta

from tlsync.clock import Clock, to_text
from tlsync.store.database import CatalogDatabase

_BATCH = 2000
"""Rows in one transaction: other writers wait some milliseconds for it."""
_EVERY_S = 86_400.0
_OLD = """
SELECT id FROM history AS old
WHERE id < coalesce((SELECT id FROM history WHERE at >= ? ORDER BY id LIMIT 1), 9223372036854775807)
AND EXISTS (SELECT 1 FROM history AS newer WHERE newer.file_id = old.file_id AND newer.id > old.id)
ORDER BY id LIMIT ?
"""


class History:
    """The moves of files, as far as they grow old."""

    def __init__(self, db: CatalogDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._next_s = 0.0
        self.kept_s: float | None = None
        """How long moves are kept; None is for ever."""

    def prune_if_due(self) -> int:
        """Once a day, and then until it is done, drop a batch of what is too old; says how many rows."""
        if self.kept_s is None or self._clock.monotonic_s() < self._next_s:
            return 0
        try:
            earliest = self._clock.now() - timedelta(seconds=self.kept_s)
        except OverflowError:  # before the calendar begins
            return 0
        ids = [row["id"] for row in self._db.rows(_OLD, to_text(earliest), _BATCH)]
        if ids:
            with self._db.write() as connection:
                connection.executemany("DELETE FROM history WHERE id = ?", [(number,) for number in ids])
                connection.execute("DELETE FROM done WHERE quarter < ?", (to_text(earliest)[:16],))
        if len(ids) < _BATCH:
            self._next_s = self._clock.monotonic_s() + _EVERY_S
        return len(ids)
