"""The life of a process that writes the catalog: one at a time, stopped by signals, heard by `status`."""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tlsync.clock import Clock
from tlsync.engine.engine import Engine
from tlsync.errors import AlreadyRunning, CatalogBusy, CatalogError
from tlsync.store.heartbeat import BEAT_S
from tlsync.store.requests import take_all
from tlsync.store.store import Store

log = logging.getLogger(__name__)

_LOCK_NAME = "lock"
_REQUESTS_EVERY_S = 0.5


@contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Hold the lock of a state folder. The system frees it when the process dies, however it dies.

    Raises:
        AlreadyRunning: Another process holds it.
        CatalogError: The state folder can't be used.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(state_dir / _LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CatalogError(
            f"{state_dir}: the state folder can't be used: {error.strerror}",
            hint="set state_dir in the settings, or TLSYNC_STATE_DIR, to a folder of yours",
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
            raise AlreadyRunning(
                f"another tlsync works with {state_dir} (process {pid or 'unknown'})",
                hint="see tlsync status; stop the other one, or use another --profile",
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)  # for the message above; the lock alone decides
        yield
    finally:
        os.close(handle)


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

    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    old = {number: signal.signal(number, note) for number in numbers}
    try:
        yield came
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def run(engine: Engine, store: Store, state_dir: Path, clock: Clock, stop: threading.Event) -> None:
    """Run the engine until `stop` is set, with a heartbeat and an ear for requests."""
    beat = threading.Thread(
        target=_keep_house, args=(engine, store, state_dir, clock, stop), name="tlsync-housekeeping"
    )
    beat.start()
    try:
        engine.run_forever()
    finally:
        stop.set()
        beat.join()
        store.heartbeat.stop()


def _keep_house(engine: Engine, store: Store, state_dir: Path, clock: Clock, stop: threading.Event) -> None:
    next_beat_s = 0.0
    while not stop.is_set():
        try:
            if clock.monotonic_s() >= next_beat_s:
                store.heartbeat.beat(os.getpid(), engine.report())
                next_beat_s = clock.monotonic_s() + BEAT_S
            for request in take_all(state_dir):
                if request.action == "retry":
                    log.info("retrying files=%d", engine.retry(request.paths))
        except CatalogBusy:
            pass  # whoever has something to lose says so; the beat is tried again
        except Exception:
            # Without this thread uploads go on as well; it tries again.
            log.exception("housekeeping failed")
        clock.wait(stop, _REQUESTS_EVERY_S)
