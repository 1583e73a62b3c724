"""Connections to the catalog that only read: a question waits for no transaction of another thread, nor for its disk.

They see what is committed, and so on disk. Few are kept open, as each has a cache of its own.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_MOST_IDLE = 4
_BUSY_TIMEOUT_S = 10.0


class ReadPool:
    """May be used from many threads."""

    def __init__(self, catalog: Path) -> None:
        self._uri = f"{catalog.absolute().as_uri()}?mode=ro"
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._is_closed = False

    def rows(self, sql: str, values: Sequence[Any]) -> list[sqlite3.Row] | None:
        """All rows of a query; None: no connection is to be had, for example since too many files are open.

        Raises:
            sqlite3.Error: The query fails.
            UnicodeDecodeError: A text in the catalog is none.
        """
        connection = self._take()
        if connection is None:
            return None
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            self._give_back(connection)

    def close(self) -> None:
        """Close what is not in use; the rest is closed when it has answered."""
        with self._lock:
            self._is_closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take(self) -> sqlite3.Connection | None:
        with self._lock:
            if self._is_closed:
                return None
            if self._idle:
                return self._idle.pop()
        try:
            connection = sqlite3.connect(
                self._uri, uri=True, timeout=_BUSY_TIMEOUT_S, check_same_thread=False, isolation_level=None
            )
        except sqlite3.Error:
            return None
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA trusted_schema = OFF")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._is_closed and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()
