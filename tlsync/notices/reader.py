"""One reader of events: a thread that gives the moves of files, from its own place on, to its sender.

Kept here: the place is noted in the catalog only after everything before it was delivered. So what a crash cuts off is
delivered again, and nothing is left out.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from tlsync.clock import Clock
from tlsync.config.settings import FILE_EVENTS
from tlsync.errors import CatalogDamaged, CatalogError, Interrupted
from tlsync.notices.events import Event, of_move
from tlsync.notices.sender import Sender
from tlsync.states import FileState
from tlsync.store.cursors import Cursors

log = logging.getLogger(__name__)

_TICK_S = 1.0
_KEPT_EVERY_S = 1.0
"""A commit costs the disk a flush: what was delivered since the last one is what a crash repeats."""
_PASSED_BY_EVERY_S = 30.0
"""The same for moves that this reader does not want."""
_AGAIN_S = 5.0
_MOST_WAITING = 100


class Reader:
    """Follows the history for one sender."""

    def __init__(
        self,
        name: str,
        on: Iterable[str],
        folder: Path | None,
        sender: Sender,
        cursors: Cursors,
        place: int,
        clock: Clock,
        halt: threading.Event,
    ) -> None:
        """
        Args:
            name: What the catalog knows it by.
            on: The events that are wanted.
            folder: Only files below it; None for all.
            place: Where to go on in the history.
            halt: Set when there is no more time.
        """
        self.name = name
        self._on = frozenset(on)
        self._states = tuple(FileState(event) for event in FILE_EVENTS if event in self._on)
        self._folder = folder
        self._sender = sender
        self._cursors = cursors
        self._place = self._kept_place = place
        self._trouble = self._kept_trouble = ""
        self._clock = clock
        self._kept_s = clock.monotonic_s()
        self._has_delivered = False
        self._halt = halt
        self._newest = place
        self._waiting: deque[tuple[int, Event]] = deque(maxlen=_MOST_WAITING)
        self._changed = threading.Condition()
        self._is_ending = self._is_done = False
        self._thread = threading.Thread(target=self._run, name=f"tlsync-{name.partition(':')[0]}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def tell(self, newest: int, events: Iterable[Event] = ()) -> None:
        """There are moves up to a number, and these events that are no moves. `idle` comes after the moves."""
        with self._changed:
            self._newest = newest
            for event in events:
                if event.event in self._on and event.is_below(self._folder):
                    self._waiting.append((newest if event.event == "idle" else 0, event))
            self._changed.notify()

    def skip_to(self, newest: int) -> None:
        """What came up to here is no news."""
        with self._changed:
            self._place = self._newest = newest

    def end(self, newest: int, events: Iterable[Event] = ()) -> None:
        """These are the last ones: `is_done` when they are delivered."""
        self.tell(newest, events)
        with self._changed:
            self._is_ending = True
            self._changed.notify()

    @property
    def is_done(self) -> bool:
        return self._is_done or not self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait for the thread, which ends soon after `halt` was set."""
        with self._changed:
            self._changed.notify()
        self._sender.close()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._halt.is_set():
            try:
                if not self.round():
                    if self._is_ending:
                        break
                    with self._changed:
                        if not (self._is_ending or self._halt.is_set() or self._newest > self._place):
                            self._changed.wait(_TICK_S)
            except Interrupted:
                break
            except CatalogDamaged:
                return  # the engine sees it too, and ends
            except CatalogError as error:
                log.debug("telling events has to wait reader=%s reason=%s", self.name, error)
                self._clock.wait(self._halt, _AGAIN_S)
            except Exception:
                log.exception("telling events failed reader=%s", self.name)
                self._clock.wait(self._halt, _AGAIN_S)
        try:
            self._keep()
        except CatalogError as error:
            log.debug("what was told may be told again reader=%s reason=%s", self.name, error)
        self._is_done = True

    def round(self) -> bool:
        """Deliver the next events; says whether there may be more at once.

        Raises:
            Interrupted: There was no time to deliver them.
            CatalogError: The catalog can't be asked now.
        """
        while (event := self._next_waiting()) is not None:
            self._deliver([event])
        with self._changed:
            newest, place = self._newest, self._place
        is_more = False
        if newest > place:
            moves, upto = (
                self._cursors.moves(place, self._states, self._sender.most_at_once) if self._states else ([], newest)
            )
            events = [event for move in moves if (event := of_move(move)).is_below(self._folder)]
            if events:
                self._deliver(events)
            with self._changed:
                self._place = max(self._place, upto)
            is_more = upto < newest or bool(self._waiting)
        self._sender.tick(is_end=self._is_ending and not is_more)
        self._keep_if_due()
        return is_more

    def _next_waiting(self) -> Event | None:
        with self._changed:
            for position, (after, event) in enumerate(self._waiting):
                if after <= self._place:
                    del self._waiting[position]
                    return event
        return None

    def _deliver(self, events: list[Event]) -> None:
        try:
            self._sender.deliver(events, self._note)
        except (Interrupted, CatalogError):
            raise
        except Exception as error:
            # The same events would fail the same way for ever: they are left out, and the next ones tried.
            log.exception("events could not be told reader=%s events=%d", self.name, len(events))
            self._note(f"{type(error).__name__}: {error}")
        self._has_delivered = True

    def _note(self, trouble: str) -> None:
        """Said at once where `status` finds it: a sender may try for hours."""
        self._trouble = trouble
        if trouble != self._kept_trouble:
            try:
                self._write(self._kept_place)
            except CatalogError as error:
                log.debug("trouble can't be noted reader=%s reason=%s", self.name, error)

    def _keep_if_due(self) -> None:
        since_s = self._clock.monotonic_s() - self._kept_s
        if since_s >= (_KEPT_EVERY_S if self._has_delivered else _PASSED_BY_EVERY_S):
            self._keep()

    def _keep(self) -> None:
        if self._place != self._kept_place and not self._sender.is_holding:
            self._write(self._place)

    def _write(self, place: int) -> None:
        self._cursors.keep(self.name, place, self._trouble)
        self._kept_place, self._kept_trouble = place, self._trouble
        self._kept_s, self._has_delivered = self._clock.monotonic_s(), False
