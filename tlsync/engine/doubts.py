"""Paths of which an event or a step said that they are gone, until somebody judges them together.

Kept here: one by one each absence looks like a decision; an unplugged drive or half a share shows only in the mass.
"""

from __future__ import annotations

import threading
from collections import defaultdict

from tlsync.models import RootId

_QUIET_S = 1.0
_LONGEST_S = 10.0
"""Removing a large folder from a share takes long: what has gone by then is judged."""


class Doubts:
    """Paths by root. May be used from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._paths: defaultdict[RootId, set[bytes]] = defaultdict(set)

    def add(self, root_id: RootId, relative: bytes) -> None:
        with self._lock:
            self._paths[root_id].add(relative)

    def count(self, root_id: RootId) -> int:
        with self._lock:
            return len(self._paths.get(root_id, ()))

    def take(self, root_id: RootId) -> set[bytes]:
        """All paths of a root, which are not doubted any more."""
        with self._lock:
            return self._paths.pop(root_id, set())


class Quiet:
    """Says when no more are coming, for one root. Pure: the time is an argument."""

    def __init__(self) -> None:
        self._count = 0
        self._since_s = self._changed_s = 0.0

    def is_due(self, count: int, now_s: float) -> bool:
        """Whether so many doubts are to be judged now."""
        if count != self._count:
            self._since_s = self._since_s if self._count else now_s
            self._count, self._changed_s = count, now_s
        is_due = count > 0 and (now_s - self._changed_s >= _QUIET_S or now_s - self._since_s >= _LONGEST_S)
        self._count = 0 if is_due else self._count
        return is_due
