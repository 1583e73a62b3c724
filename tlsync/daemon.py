"""The life of the process that watches: stopped by signals, held back by orders, heard by `status` and systemd."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from tlsync.clock import Clock, to_text
from tlsync.config import Settings
from tlsync.engine.engine import Engine
from tlsync.engine.forgetting import Manner
from tlsync.engine.holding import ROUND_S, Holding
from tlsync.errors import CatalogDamaged, CatalogError
from tlsync.notify import Notifier
from tlsync.store.heartbeat import BEAT_S
from tlsync.store.requests import take_all
from tlsync.store.store import Store

log = logging.getLogger(__name__)


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
    settings: Settings,
    clock: Clock,
    stop: threading.Event,
    *,
    first: Callable[[], object] | None = None,
    notifier: Notifier | None = None,
) -> None:
    """Run the engine until `stop` is set, with a heartbeat and an ear for orders and requests.

    Args:
        first: Done before the engine starts, and not during a pause; `status` sees the daemon meanwhile.
        notifier: Where the service manager listens.
    """
    notifier = notifier or Notifier()
    house = _House(engine, store, settings, clock, notifier)
    house.heed()  # before anything starts
    thread = threading.Thread(target=house.keep, args=(stop,), name="tlsync-housekeeping")
    notifier.ready()  # before the thread says anything else
    thread.start()
    try:
        if first is not None:
            while house.holding.pause is not None and not clock.wait(stop, ROUND_S):
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

    def __init__(self, engine: Engine, store: Store, settings: Settings, clock: Clock, notifier: Notifier) -> None:
        self._engine = engine
        self._store = store
        self._state_dir = settings.state_dir
        self._clock = clock
        self._notifier = notifier
        self.holding = Holding(engine, settings, clock)
        self._next_beat_s = 0.0
        self._next_sign_s = 0.0
        self._turns_at_sign = 0
        self._complaint = ""

    def keep(self, stop: threading.Event) -> None:
        while not stop.is_set():
            is_beat_due = self._clock.monotonic_s() >= self._next_beat_s
            try:
                if self.heed() or is_beat_due:
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
            self._clock.wait(stop, ROUND_S)
        self._notifier.stopping()

    def heed(self) -> bool:
        """Keep the engine to what people and settings allow now; says whether that is news."""
        is_news = self.holding.heed()
        if self.holding.complaint is not None:
            self._complain(self.holding.complaint)
        return is_news

    def _beat(self) -> None:
        self._next_beat_s = self._clock.monotonic_s() + BEAT_S
        report = self._engine.report()
        pause = self.holding.pause
        if pause is not None:
            report["pause"] = {"key": pause.key, "until": to_text(pause.until) if pause.until else None}
        report["held"] = [held.as_json() for held in self.holding.held]
        report["bandwidth"] = self.holding.bandwidth.as_json()
        self._store.heartbeat.beat(os.getpid(), report)
        self._store.check_if_due()
        self._store.history.prune_if_due()

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
        if self.holding.held:
            return self.holding.held[0].message
        if report["troubles"]:
            return f"waiting: {report['troubles'][0]['message']}"
        sending = len(report["transfers"])
        return f"watching; {sending} upload{'' if sending == 1 else 's'} under way"
