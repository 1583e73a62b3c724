"""The life of the process that watches: stopped by signals, held back by a pause, heard by `status` and systemd."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from tlsync.clock import Clock, to_text
from tlsync.engine.engine import Engine
from tlsync.engine.forgetting import Manner
from tlsync.errors import CatalogDamaged, CatalogError
from tlsync.notify import Notifier
from tlsync.store.heartbeat import BEAT_S
from tlsync.store.pause import Pause, PauseWatch
from tlsync.store.requests import take_all
from tlsync.store.store import Store

log = logging.getLogger(__name__)

_ROUND_S = 0.5


@contextmanager
def stop_on_signals(stop: threading.Event) -> Iterator[list[int]]:
    """Set `stop` at SIGINT, SIGTERM or SIGHUP; a second SIGINT raises KeyboardInterrupt as usual.

    Yields:
        The signals that came, in order.
    """
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and came:
            raise KeyboardInterrupt
        came.append(number)
        stop.set()

    numbers = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    old = {number: signal.signal(number, note) for number in numbers}
    try:
        yield came
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def run(
    engine: Engine,
    store: Store,
    state_dir: Path,
    clock: Clock,
    stop: threading.Event,
    *,
    first: Callable[[], object] | None = None,
    notifier: Notifier | None = None,
) -> None:
    """Run the engine until `stop` is set, with a heartbeat and an ear for pauses and requests.

    Args:
        first: Done before the engine starts, and not during a pause; `status` sees the daemon meanwhile.
        notifier: Where the service manager listens.
    """
    notifier = notifier or Notifier()
    house = _House(engine, store, state_dir, clock, notifier)
    house.heed_pause()  # before anything starts
    thread = threading.Thread(target=house.keep, args=(stop,), name="tlsync-housekeeping")
    thread.start()
    notifier.ready()
    try:
        if first is not None:
            while house.pause is not None and not clock.wait(stop, _ROUND_S):
                pass
            if not stop.is_set():
                first()
        engine.run_forever()
    finally:
        stop.set()
        thread.join()
        if store.damage is None:
            with suppress(CatalogError):  # its disk is full or broken: the lock tells `status` that we are gone
                store.heartbeat.stop()


class _House:
    """What is done beside the engine, in short rounds."""

    def __init__(self, engine: Engine, store: Store, state_dir: Path, clock: Clock, notifier: Notifier) -> None:
        self._engine = engine
        self._store = store
        self._state_dir = state_dir
        self._clock = clock
        self._notifier = notifier
        self._pauses = PauseWatch(state_dir, clock)
        self.pause: Pause | None = None
        self._next_beat_s = 0.0
        self._next_sign_s = 0.0
        self._turns_at_sign = 0
        self._complaint = ""

    def keep(self, stop: threading.Event) -> None:
        while not stop.is_set():
            is_beat_due = self._clock.monotonic_s() >= self._next_beat_s
            try:
                if self.heed_pause() or is_beat_due:
                    self._beat()
                self._serve_requests()
                self._complaint = "" if is_beat_due else self._complaint
            except CatalogDamaged:
                break  # the engine sees it too, and ends
            except (CatalogError, OSError) as error:
                self._complain(error)
            except Exception:
                # Without this thread uploads go on as well; it tries again.
                log.exception("housekeeping failed")
            self._tell_manager()
            self._clock.wait(stop, _ROUND_S)
        self._notifier.stopping()

    def heed_pause(self) -> bool:
        """Hold the engine back, or let it go on, as the pause file says; says whether that is news."""
        before = self.pause
        try:
            self.pause = self._pauses.current()
        except (CatalogError, OSError) as error:
            self._complain(error)  # what held before holds
        self._engine.hold_back(self.pause is not None)
        if (before and before.key) == (self.pause and self.pause.key):
            return False
        if self.pause is None:
            log.info("going on after a pause")
        else:
            until = to_text(self.pause.until) if self.pause.until else "resumed"
            log.info("paused until=%s reason=%s", until, self.pause.reason)
        return True

    def _beat(self) -> None:
        self._next_beat_s = self._clock.monotonic_s() + BEAT_S
        report = self._engine.report()
        if self.pause is not None:
            until = self.pause.until
            report["pause"] = {"key": self.pause.key, "until": to_text(until) if until else None}
        self._store.heartbeat.beat(os.getpid(), report)
        self._store.check_if_due()

    def _serve_requests(self) -> None:
        for request in take_all(self._state_dir):
            if request.action == "retry":
                log.info("retrying files=%d", self._engine.retry(request.paths))
            elif (manner := Manner.of(request.action)) is not None:
                log.info("forgotten files=%d", self._engine.forget(request.paths, manner))

    def _complain(self, error: Exception) -> None:
        if str(error) != self._complaint:  # said once: a disk that is full or read-only stays so for a while
            self._complaint = str(error)
            log.warning("housekeeping has to wait reason=%s", error)

    def _tell_manager(self) -> None:
        """A sign of life is given only if the engine's own loop has turned since the last one.

        Before its first turn there is work of unknown length (a catalog that is made anew), and this thread, which
        needs the catalog in every other round, has to speak for both.
        """
        self._notifier.status(self._status_line())
        now_s, turns = self._clock.monotonic_s(), self._engine.turns
        if self._notifier.watchdog_s is None or now_s < self._next_sign_s:
            return
        if turns == 0 or turns != self._turns_at_sign:
            self._notifier.alive()
            self._turns_at_sign = turns
            self._next_sign_s = now_s + self._notifier.watchdog_s / 4

    def _status_line(self) -> str:
        report = self._engine.report()
        if self.pause is not None:
            return f"paused until {to_text(self.pause.until)}" if self.pause.until else "paused until tlsync resume"
        if report["troubles"]:
            return f"waiting: {report['troubles'][0]['message']}"
        sending = len(report["transfers"])
        return f"watching; {sending} upload{'' if sending == 1 else 's'} under way"
