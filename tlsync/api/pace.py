"""How fast one group of calls may go: what the platform's limits leave, and the pauses that it asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tlsync.api.server_time import Quota
from tlsync.clock import Clock

LONGEST_PAUSE_S = 3600.0
"""After an hour a group is asked again, whatever the platform said: the limit may have been lifted."""
_SAME_WINDOW_S = 2.0
"""Ends of one window, told by two answers, differ by no more: they are whole seconds on another clock."""


class Pace:
    """A bucket that the platform fills. May be used from many threads."""

    def __init__(self, clock: Clock, backoff_s: Callable[[int], float]) -> None:
        """
        Args:
            backoff_s: Seconds to wait after the n-th 429 in a row that does not say how long.
        """
        self._clock = clock
        self._backoff_s = backoff_s
        self._lock = threading.Lock()
        self._until_s = 0.0
        self._silent = 0
        self._left: int | None = None
        self._window_ends_s = 0.0
        self._flying = 0

    def take(self) -> float:
        """Take leave for one call, to be followed by `done`. Not 0: the seconds to wait before asking again."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if now_s < self._until_s:
                return self._until_s - now_s
            if now_s >= self._window_ends_s:
                self._left = None
            if self._left is not None:
                if self._left <= 0:
                    return self._window_ends_s - now_s
                self._left -= 1
            self._flying += 1
            return 0.0

    def done(self, *, was_sent: bool = True) -> None:
        """The call is over."""
        with self._lock:
            self._flying -= 1
            if not was_sent and self._left is not None:
                self._left += 1

    def told(self, quota: Quota) -> None:
        """An answer to a call that is still under way said what is left of the limit."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            ends_s = now_s + min(quota.reset_in_s, LONGEST_PAUSE_S)
            # The other calls under way may not be in the platform's count yet.
            left = max(0, quota.remaining - max(0, self._flying - 1))
            is_known = self._left is not None and now_s < self._window_ends_s
            if self._left is not None and is_known and ends_s <= self._window_ends_s + _SAME_WINDOW_S:
                self._left = min(self._left, left)
                self._window_ends_s = max(self._window_ends_s, ends_s)
            else:
                self._left, self._window_ends_s = left, ends_s

    def limited(self, wait_s: float | None) -> float:
        """429: pause. Answers with the seconds, which are a growing back-off where none were told."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if wait_s:
                self._silent = 0
                wait_s = min(wait_s, LONGEST_PAUSE_S)
            elif now_s < self._until_s:
                return self._until_s - now_s  # several at once are one
            else:
                self._silent += 1
                wait_s = min(self._backoff_s(self._silent), LONGEST_PAUSE_S)
            self._until_s = max(self._until_s, now_s + wait_s)
            return wait_s

    def passed(self) -> None:
        """A call was let through: the next 429 without a span is the first again."""
        with self._lock:
            self._silent = 0

    def held_s(self) -> float:
        """Seconds until a call may go."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            until_s = self._until_s
            if self._left is not None and self._left <= 0:
                until_s = max(until_s, self._window_ends_s)
            return max(0.0, until_s - now_s)
