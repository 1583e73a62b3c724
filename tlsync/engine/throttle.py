"""One bandwidth limit over all uploads: a token bucket that holds a fifth of a second."""

from __future__ import annotations

import threading

from tlsync.clock import Clock
from tlsync.errors import Interrupted


class Throttle:
    """Lets bytes through at a rate; without a rate, at once."""

    def __init__(self, bytes_per_s: float | None, clock: Clock, stop: threading.Event) -> None:
        self._bytes_per_s = bytes_per_s
        self._clock = clock
        self._stop = stop
        self._lock = threading.Lock()
        self._free_at_s = 0.0

    def pass_bytes(self, count: int) -> None:
        """Wait until `count` bytes may go.

        Raises:
            Interrupted: tlsync is stopping.
        """
        if self._stop.is_set():
            raise Interrupted("stopped between two blocks of a chunk")
        if self._bytes_per_s is None:
            return
        with self._lock:
            now_s = self._clock.monotonic_s()
            start_s = max(self._free_at_s, now_s - 0.2)
            self._free_at_s = start_s + count / self._bytes_per_s
            wait_s = start_s - now_s
        if wait_s > 0 and self._clock.wait(self._stop, wait_s):
            raise Interrupted("stopped between two blocks of a chunk")
