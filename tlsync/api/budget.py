"""How many repeats there may be: a tenth of the requests and ten more, so that an outage does not multiply load."""

from __future__ import annotations

import threading
from collections import deque

from tlsync.clock import Clock

_WINDOW_S = 60.0
_FREE = 10
_SHARE = 0.1


class RetryBudget:
    """Counts over the last minute. Shared by all calls of a client, from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._requests: deque[float] = deque()
        self._repeats: deque[float] = deque()

    def note_request(self) -> None:
        """A call is made for the first time."""
        with self._lock:
            self._forget_old(self._requests)
            self._requests.append(self._clock.monotonic_s())

    def take(self) -> bool:
        """Whether there may be one more repeat now; it is counted."""
        with self._lock:
            self._forget_old(self._requests)
            self._forget_old(self._repeats)
            if len(self._repeats) >= _FREE + _SHARE * len(self._requests):
                return False
            self._repeats.append(self._clock.monotonic_s())
            return True

    def _forget_old(self, times: deque[float]) -> None:
        begin_s = self._clock.monotonic_s() - _WINDOW_S
        while times and times[0] <= begin_s:
            times.popleft()
