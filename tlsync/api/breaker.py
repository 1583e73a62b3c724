"""A breaker: after failures in a row nothing is sent for a while, then one call finds out how things stand.

    closed ── failures ──▶ open ── its time is over ──▶ one probe ── it went well ──▶ a few at once, doubling ──▶ closed
                            ▲                              │                               │
                            └────────── longer ────────────┴───────── any failure ─────────┘

Pure but for the clock. What counts as a failure is decided in `gate.py`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from tlsync.clock import Clock
from tlsync.errors import ApiError

_REMEMBERED = 20
_FULL_SPEED = 16
"""So many calls at once without a failure are taken for a full recovery."""
_SHORTEST_OPEN_S = 1.0


class Verdict(Enum):
    """What the end of a call says about the other side."""

    GOOD = auto()
    BAD = auto()
    NOTHING = auto()


class Because(Enum):
    """Why a call may not go now."""

    SHUT = auto()
    """The breaker is open, and its time is not over."""
    PROBED = auto()
    """A probe is under way: more is known when it ends."""
    FULL = auto()
    """Recovering: no more calls at once for now."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Leave for one call; given back with a verdict. Of an earlier round, it says nothing about this one."""

    round: int
    is_probe: bool


@dataclass(frozen=True, slots=True)
class Hold:
    """No leave: how long to wait, why, and the failure that closed the way."""

    wait_s: float
    because: Because
    error: ApiError


class Breaker:
    """Counts how calls end. May be used from many threads."""

    def __init__(self, clock: Clock, backoff_s: Callable[[int], float], *, row: int, share: float | None) -> None:
        """
        Args:
            backoff_s: Seconds to stay open when it opens for the n-th time in a row, from 1.
            row: Opens after so many failures in a row.
            share: Opens also when so large a part of the last twenty calls failed.
        """
        self._clock = clock
        self._backoff_s = backoff_s
        self._most_in_a_row = row
        self._share = share
        self._lock = threading.Lock()
        self._round = 0
        self._row = 0
        self._last_are_good: deque[bool] = deque(maxlen=_REMEMBERED)
        self._error: ApiError | None = None
        self._until_s = 0.0
        self._is_fixed = False
        self._opened = 0
        self._is_probed = False
        self._limit: int | None = None
        self._flying = 0
        self._good_of_limit = 0

    def enter(self) -> Ticket | Hold:
        """Leave for one call, or what stands against it."""
        with self._lock:
            if self._error is not None:
                left_s = self._until_s - self._clock.monotonic_s()
                if self._limit is None:
                    if left_s > 0:
                        return Hold(left_s, Because.SHUT, self._error)
                    if self._is_probed:
                        return Hold(_SHORTEST_OPEN_S, Because.PROBED, self._error)
                    self._is_probed = True
                    return Ticket(self._round, is_probe=True)
                if self._flying >= self._limit:
                    return Hold(_SHORTEST_OPEN_S, Because.FULL, self._error)
            self._flying += 1
            return Ticket(self._round, is_probe=False)

    def leave(self, ticket: Ticket, verdict: Verdict, error: ApiError | None = None) -> bool:
        """Note how a call ended; say whether that ended an open time."""
        with self._lock:
            if ticket.round != self._round:
                return False
            if ticket.is_probe:
                self._is_probed = False
            else:
                self._flying -= 1
            if verdict is Verdict.BAD and error is not None:
                self._row += 1
                self._last_are_good.append(False)
                if ticket.is_probe or self._limit is not None or self._has_had_enough():
                    self._open(error, None)
            elif verdict is Verdict.GOOD:
                if ticket.is_probe:
                    self._begin_recovery()
                    return True
                self._row = 0
                self._last_are_good.append(True)
                self._go_on_recovering()
            return False

    def hold(self, error: ApiError, seconds: float) -> None:
        """Open for a given time, whatever was counted: what failed does not mend by itself."""
        with self._lock:
            self._open(error, seconds)

    def nudge(self) -> None:
        """Something else of the same host recovered: probe now instead of later."""
        with self._lock:
            if self._error is not None and self._limit is None and not self._is_fixed:
                self._until_s = min(self._until_s, self._clock.monotonic_s())

    def mended(self, kind: type[ApiError]) -> None:
        """The cause of such an error was taken away: probe now."""
        with self._lock:
            if isinstance(self._error, kind) and self._limit is None:
                self._until_s = min(self._until_s, self._clock.monotonic_s())

    def is_open(self) -> bool:
        """Whether no probe has gone well since it opened."""
        with self._lock:
            return self._error is not None and self._limit is None

    def held_s(self) -> float:
        """Seconds until the next probe; 0 when calls may go, or one may find out."""
        return max(0.0, self._until_s - self._clock.monotonic_s()) if self.is_open() else 0.0

    def _has_had_enough(self) -> bool:
        if self._row >= self._most_in_a_row:
            return True
        is_full = self._share is not None and len(self._last_are_good) == _REMEMBERED
        return is_full and self._last_are_good.count(False) >= _REMEMBERED * (self._share or 0.0)

    def _open(self, error: ApiError, seconds: float | None) -> None:
        self._round += 1
        self._opened += 1
        self._error = error
        self._is_fixed = seconds is not None
        self._until_s = self._clock.monotonic_s() + (self._backoff_s(self._opened) if seconds is None else seconds)
        self._is_probed = False
        self._limit = None
        self._flying = 0

    def _begin_recovery(self) -> None:
        self._round += 1
        self._row = 0
        self._last_are_good.clear()
        self._limit = 1
        self._flying = self._good_of_limit = 0

    def _go_on_recovering(self) -> None:
        """1 call at once, then 2, 4, …: many have waited, and a host that has just come back falls over easily."""
        if self._limit is None:
            return
        self._good_of_limit += 1
        if self._good_of_limit >= self._limit:
            self._limit *= 2
            self._good_of_limit = 0
        if self._limit > _FULL_SPEED:
            self._limit = None
            self._error = None
            self._opened = 0
