"""Keeps an engine to what people and settings allow at each moment: looks, in short rounds, and tells the engine."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol, TypeVar

from tlsync.clock import Clock, to_text
from tlsync.config import Settings
from tlsync.engine.restraint import Held, judge, lanes_of
from tlsync.errors import CatalogError
from tlsync.hours import ALWAYS, Hours
from tlsync.power import Power, PowerWatch
from tlsync.store.bandwidth_override import go_on_file, in_force, override_file
from tlsync.store.orders import UNREADABLE, Order, OrderWatch
from tlsync.store.pause import Pause, PauseWatch
from tlsync.timetable import UNLIMITED, Timetable

log = logging.getLogger(__name__)
T = TypeVar("T")

ROUND_S = 0.5


class Restrained(Protocol):
    """What is held back: an engine."""

    def hold_back(self, lanes: frozenset[str], *, is_awaited: bool = True) -> None: ...
    def limit(self, bytes_per_s: int | None, timetable: Timetable, hours: Hours) -> None: ...


class Holding:
    """Used by one thread at a time; what it found last may be read from any."""

    def __init__(
        self,
        engine: Restrained,
        settings: Settings,
        clock: Clock,
        *,
        look: Callable[[], Power] | None = None,
        is_single_pass: bool = False,
        goes_on: bool = False,
    ) -> None:
        """
        Args:
            look: Asks the system about its power and its line; None: as `PowerWatch` does.
            is_single_pass: A pause was heeded before it began; it does not wait until something is let go.
            goes_on: Hours, battery and metered lines hold nothing back.
        """
        self._engine = engine
        state_dir = settings.state_dir
        self._clock = clock
        self._settings_timetable = settings.upload.bandwidth or UNLIMITED
        self._hours = settings.upload.hours or ALWAYS
        self._rules = settings.power
        self._power = PowerWatch(clock) if look is None else PowerWatch(clock, look)
        self._pauses = None if is_single_pass else PauseWatch(state_dir, clock)
        self._overrides = OrderWatch(override_file(state_dir), clock)
        self._wishes = OrderWatch(go_on_file(state_dir), clock)
        self._is_single_pass = is_single_pass
        self._always_goes_on = goes_on
        self._wish: Order | None = None
        self._override: Order | None = None
        self._limit: tuple[int | None, Timetable] | None = None
        self.pause: Pause | None = None
        self.held: tuple[Held, ...] = ()
        self.bandwidth = in_force(self._settings_timetable, None, clock.now())
        self.complaint: Exception | None = None
        """Why the last look did not go well; what held before holds then."""

    def heed(self) -> bool:
        """Look at everything once and tell the engine; says whether something is news."""
        self.complaint = None
        before = self._summary()
        self._read_orders()
        now = self._clock.now()
        goes_on = self._always_goes_on or (self._wish is not None and self._wish.key != UNREADABLE)
        may_hold = "hold" in self._rules and not goes_on
        self.held = judge(
            now,
            pause=self.pause,
            hours=self._hours,
            rules=self._rules,
            power=self._power.current() if may_hold else None,
            goes_on=goes_on,
        )
        self._engine.hold_back(lanes_of(self.held), is_awaited=not self._is_single_pass)
        self._set_rate(now)
        is_news = self._summary() != before
        if is_news:
            self._log(*before)
        return is_news

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Look at once, and go on looking in a thread until the end of the block."""
        ended = threading.Event()

        def keep() -> None:
            while not self._clock.wait(ended, ROUND_S):
                try:
                    self.heed()
                except Exception:
                    log.exception("looking at what holds back failed")

        self.heed()
        thread = threading.Thread(target=keep, name="tlsync-holding", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _read_orders(self) -> None:
        if self._pauses is not None:
            self.pause = self._tried(self._pauses.current, self.pause)
        self._override = self._tried(self._overrides.current, self._override)
        self._wish = self._tried(self._wishes.current, self._wish)

    def _tried(self, look: Callable[[], T], otherwise: T) -> T:
        try:
            return look()
        except (CatalogError, OSError) as error:
            self.complaint = error
            return otherwise

    def _set_rate(self, now: datetime) -> None:
        self.bandwidth = bandwidth = in_force(self._settings_timetable, self._override, now)
        limit = bandwidth.bytes_per_s, bandwidth.timetable
        if self._limit == limit:
            return
        try:
            self._engine.limit(*limit, self._hours)
        except CatalogError as error:
            self.complaint = error  # the rate holds; files that were too slow are looked at in the next round
        else:
            self._limit = limit

    def _summary(self) -> tuple[str | None, list[str], tuple[int | None, str]]:
        """What tells one finding from another; ends of pauses move with the wall clock, and are no news."""
        reasons: list[str] = [one.by for one in self.held if one.by != "pause"]
        return self.pause and self.pause.key, reasons, (self.bandwidth.bytes_per_s, self.bandwidth.source)

    def _log(self, former_pause: str | None, reasons: list[str], bandwidth: tuple[int | None, str]) -> None:
        if self.pause is not None and self.pause.key != former_pause:
            until = to_text(self.pause.until) if self.pause.until else "resumed"
            log.info("paused until=%s reason=%s", until, self.pause.reason)
        elif self.pause is None and former_pause is not None:
            log.info("going on after a pause")
        _, now_reasons, (rate, source) = self._summary()
        if now_reasons != reasons:
            log.info("uploads %s by=%s", "held back" if now_reasons else "no longer held back", now_reasons or reasons)
        if (rate, source) != bandwidth:
            log.info("bandwidth bytes_per_s=%s source=%s", "unlimited" if rate is None else rate, source)
