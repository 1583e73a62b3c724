"""The daemon's sign of life, for `status` in other processes."""

from __future__ import annotations

import json
from typing import Any

from tlsync.clock import Clock, to_text
from tlsync.store.database import CatalogDatabase

BEAT_S = 5.0
"""How often the daemon writes. A late beat is no proof of death (the disk may be full); the lock is."""


class Heartbeat:
    """One row, written by the daemon alone."""

    def __init__(self, db: CatalogDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def beat(self, pid: int, report: dict[str, Any]) -> None:
        """Say that process `pid` lives; `report` is what `status` shows beyond the catalog."""
        with self._db.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO heartbeat (id, pid, beat_at, report) VALUES (1, ?, ?, ?)",
                (pid, to_text(self._clock.now()), json.dumps(report)),
            )

    def stop(self) -> None:
        """The daemon ends in good order."""
        with self._db.write() as connection:
            connection.execute("DELETE FROM heartbeat")
