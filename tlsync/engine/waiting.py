"""The files that wait for the platform: for what, and for how long the next time. Kept in memory only."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterable

from tlsync.models import FileId

_FIRST_WAIT_S = 1.0
_SPREAD_S = 0.02
_LONGEST_SPREAD_S = 60.0


class WaitingRoom:
    """May be used from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[str, set[FileId]] = {}
        self._tries: dict[FileId, int] = {}

    def sit_down(self, file_id: FileId, group: str) -> float:
        """A file waits for a group of calls. Answers with seconds to add, so that not all come back at once."""
        with self._lock:
            waiting = self._groups.setdefault(group, set())
            spread_s = min(_LONGEST_SPREAD_S, _SPREAD_S * len(waiting))
            waiting.add(file_id)
            return spread_s

    def next_wait_s(self, file_id: FileId, longest_s: float) -> float:
        """How long a file waits whose own call failed: longer each time, until `done`."""
        with self._lock:
            tries = self._tries[file_id] = self._tries.get(file_id, 0) + 1
        return min(longest_s, _FIRST_WAIT_S * 4.0 ** min(tries - 1, 20)) * random.uniform(0.8, 1.2)  # noqa: S311

    def done(self, file_id: FileId) -> None:
        """A file got further."""
        with self._lock:
            self._tries.pop(file_id, None)
            for waiting in self._groups.values():
                waiting.discard(file_id)

    def call_in(self, groups: Iterable[str]) -> list[FileId]:
        """The files that waited for these; they no longer do."""
        with self._lock:
            return [file_id for group in groups for file_id in self._groups.pop(group, ())]
