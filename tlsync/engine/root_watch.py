"""Keeps the picture of all roots fresh while the daemon runs: one looker per root, and one thread that looks at these.

Kept here: this thread never touches the disk of a root, so a volume that hangs stops nothing but its own root.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

from tlsync.clock import Clock
from tlsync.config import Settings
from tlsync.engine import mounts
from tlsync.engine.root_looker import RootLooker
from tlsync.engine.scanner import Scanner
from tlsync.engine.wake import WakeDetector
from tlsync.errors import CatalogBusy
from tlsync.models import RootId
from tlsync.store.conditions import NO_ANSWER
from tlsync.store.roots import RootRow, Roots

log = logging.getLogger(__name__)

_TICK_S = 1.0
_HUNG_AFTER_S = 10.0
_LONGEST_TICK_S = 1.5
"""A tick that took longer was not spent waiting for a disk: the computer slept, or the process stood."""
_LEAVE_AFTER_S = 2.0


def _nobody(root_id: RootId) -> None:
    """Nobody wants to know."""


class RootWatch:
    """Supervises the lookers of all roots."""

    def __init__(
        self,
        settings: Settings,
        rows: list[RootRow],
        scanner: Scanner,
        roots: Roots,
        clock: Clock,
        stop: threading.Event,
        on_hung: Callable[[RootId], None] = _nobody,
        on_back: Callable[[RootId], None] = _nobody,
    ) -> None:
        """
        Args:
            on_hung: A root's volume does not answer; called once, from this thread.
            on_back: It answers again; called from the root's own thread.
        """
        self._roots = roots
        self._clock = clock
        self._stop = stop
        self._on_hung = on_hung
        self._lookers = [
            RootLooker(
                row,
                next(root for root in settings.roots if root.path == row.path),
                settings.sync.rescan_s,
                scanner,
                roots,
                clock,
                stop,
                partial(on_back, row.id),
            )
            for row in rows
        ]
        self._beats = dict.fromkeys((row.id for row in rows), -1)
        self._silent_s = dict.fromkeys((row.id for row in rows), 0.0)
        self._hung: set[RootId] = set()
        self._wake = WakeDetector(clock)
        self._mounts = mounts.table_text()
        self._ticked_s = clock.monotonic_s()
        self._thread = threading.Thread(target=self._run, name="tlsync-roots", daemon=True)

    def start(self) -> None:
        for looker in self._lookers:
            looker.start()
        self._thread.start()

    def join(self) -> None:
        """Wait for the threads, which end once the stop event is set. A root that hangs is left behind."""
        until_s = time.monotonic() + _LEAVE_AFTER_S
        self._thread.join(_LEAVE_AFTER_S)
        for looker in self._lookers:
            looker.join(max(0.0, until_s - time.monotonic()))

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.tick()
            except CatalogBusy:
                pass  # the lookers say so; it is tried again
            except Exception:
                if not self._stop.is_set():
                    log.exception("watching over the roots failed")
            self._clock.wait(self._stop, _TICK_S)

    def tick(self) -> None:
        """See what happened to the computer, to its mounts, and to the lookers."""
        event = self._wake.check()
        if event:
            log.info("looking at all folders again reason=%s", event)
            for looker in self._lookers:
                looker.scan_soon()
        table = mounts.table_text()
        if table != self._mounts:
            self._mounts = table
            for looker in self._lookers:
                looker.look_soon()
        now_s = self._clock.monotonic_s()
        passed_s, self._ticked_s = min(now_s - self._ticked_s, _LONGEST_TICK_S), now_s
        for looker in self._lookers:
            self._listen(looker, passed_s)

    def _listen(self, looker: RootLooker, passed_s: float) -> None:
        """Notice a looker that waits for its disk for too long."""
        root_id = looker.row.id
        if looker.beats != self._beats[root_id] or not looker.is_on_disk:
            self._beats[root_id] = looker.beats
            self._silent_s[root_id] = 0.0
            self._hung.discard(root_id)
            return
        self._silent_s[root_id] += passed_s
        if self._silent_s[root_id] >= _HUNG_AFTER_S and root_id not in self._hung:
            self._roots.set_health(root_id, "hung", NO_ANSWER, ends_hang=False)
            self._hung.add(root_id)
            log.warning("root does not answer, the others go on root=%s", looker.row.path)
            looker.note_hung()
            self._on_hung(root_id)
