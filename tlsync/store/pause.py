"""A pause that somebody asked for. One that can no longer be read holds all the same: it was asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tlsync.clock import Clock
from tlsync.store.orders import UNREADABLE, Order, OrderFile, OrderWatch


class Pause(NamedTuple):
    """As an `Order`, with its reason."""

    key: str
    begun_at: datetime
    until: datetime | None = None
    reason: str = ""

    def left_s(self, now: datetime) -> float | None:
        """As `Order.left_s`."""
        return Order(*self).left_s(now)


def begin(state_dir: Path, now: datetime, for_s: float | None, reason: str = "") -> Pause:
    """Ask for a pause; one that is there already is replaced. Raises as `OrderFile.give`."""
    until = None if for_s is None else now + timedelta(seconds=for_s)
    order = _file(state_dir).give(now, until, reason)
    return Pause(order.key, now, until, reason)


def lift(state_dir: Path) -> bool:
    """End the pause; says whether there was one. Raises as `OrderFile.lift`."""
    return _file(state_dir).lift()


def find(state_dir: Path, now: datetime) -> Pause | None:
    """The pause that is in force by the wall clock.

    Raises:
        OSError: It can't be looked at.
    """
    return _to_pause(_file(state_dir).find(now), state_dir)


def read(state_dir: Path) -> Pause | None:
    """The pause that was asked for last, over or not. Raises as `find`."""
    return _to_pause(_file(state_dir).read(), state_dir)


class PauseWatch:
    """Follows the pause while the daemon runs, as `OrderWatch` does."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._state_dir = state_dir
        self._watch = OrderWatch(_file(state_dir), clock)

    def current(self) -> Pause | None:
        """The pause in force, as `OrderWatch.current` tells it, with what that raises."""
        return _to_pause(self._watch.current(), self._state_dir)


def _file(state_dir: Path) -> OrderFile:
    return OrderFile(state_dir, "pause.json", "reason")


def _to_pause(order: Order | None, state_dir: Path) -> Pause | None:
    if order is None:
        return None
    text = order.text
    if order.key == UNREADABLE:
        text = f"{_file(state_dir).path} can't be read; tlsync resume removes it"
    return Pause(order.key, order.begun_at, order.until, text)
