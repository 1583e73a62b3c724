"""The life of a process that writes the catalog: one at a time, stopped by signals, heard by `status`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from tlsync.clock import Clock
from tlsync.engine.engine import Engine
from tlsync.engine.forgetting import FORGET, FORGET_WITH_SIDECARS
from tlsync.errors import AlreadyRunning, CatalogDamaged, CatalogError
from tlsync.store.heartbeat import BEAT_S
from tlsync.store.requests import take_all
from tlsync.store.state_folder import prepare_state_folder
from tlsync.store.store import Store

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

log = logging.getLogger(__name__)

_LOCK_NAME = "lock"
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_WINDOWS_LOCK_AT = 1 << 20
_REQUESTS_EVERY_S = 0.5
_held: set[int] = set()
"""Handles of locks that this process holds."""


@contextmanager
def only_one(state_dir: Path) -> Iterator[None]:
    """Hold the lock of a state folder. The system frees it when the process dies, however it dies.

    Raises:
        AlreadyRunning: Another process holds it.
        CatalogError: The state folder can't be used.
    """
    prepare_state_folder(state_dir)
    try:
        handle = os.open(state_dir / _LOCK_NAME, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
    except OSError as error:
        raise CatalogError(
            f"{state_dir}: the state folder can't be used: {error.strerror}",
            hint="set state_dir in the settings, or TLSYNC_STATE_DIR, to a folder of yours",
        ) from error
    try:
        try:
            _take_lock(handle)
        except BlockingIOError:
            os.lseek(handle, 0, os.SEEK_SET)
            pid = os.read(handle, 32).decode("ascii", "replace").strip()
            raise AlreadyRunning(
                f"another tlsync works with {state_dir} (process {pid or 'unknown'})",
                hint="see tlsync status; stop the other one, or use another --profile",
            ) from None
        _held.add(handle)
        if os.fstat(handle).st_nlink == 1:  # else it is also somebody's file
            with suppress(OSError):  # a full disk; it is for the message above, the lock alone decides
                os.ftruncate(handle, 0)
                os.lseek(handle, 0, os.SEEK_SET)
                os.write(handle, str(os.getpid()).encode())
        yield
    finally:
        _held.discard(handle)
        os.close(handle)


def _take_lock(handle: int) -> None:
    """Lock a file for as long as it is open.

    Raises:
        BlockingIOError: Another process holds it.
    """
    if sys.platform == "win32":
        os.lseek(handle, _WINDOWS_LOCK_AT, os.SEEK_SET)  # others must be able to read what stands at the start
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(str(error)) from error
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _let_go_in_child() -> None:
    """A process that is forked off shares the lock, and would keep it when this one dies."""
    while _held:
        with suppress(OSError):
            os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)


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
) -> None:
    """Run the engine until `stop` is set, with a heartbeat and an ear for requests.

    Args:
        first: Done before the engine starts; `status` sees the daemon meanwhile.
    """
    beat = threading.Thread(
        target=_keep_house, args=(engine, store, state_dir, clock, stop), name="tlsync-housekeeping"
    )
    beat.start()
    try:
        if first is not None:
            first()
        engine.run_forever()
    finally:
        stop.set()
        beat.join()
        if store.damage is None:
            with suppress(CatalogError):  # its disk is full or broken: `status` finds the beat too old
                store.heartbeat.stop()


def _keep_house(engine: Engine, store: Store, state_dir: Path, clock: Clock, stop: threading.Event) -> None:
    next_beat_s, complaint = 0.0, ""
    while not stop.is_set():
        try:
            is_beat_due = clock.monotonic_s() >= next_beat_s
            if is_beat_due:
                next_beat_s = clock.monotonic_s() + BEAT_S
                store.heartbeat.beat(os.getpid(), engine.report())
                store.check_if_due()
            for request in take_all(state_dir):
                if request.action == "retry":
                    log.info("retrying files=%d", engine.retry(request.paths))
                elif request.action in (FORGET, FORGET_WITH_SIDECARS):
                    with_sidecars = request.action == FORGET_WITH_SIDECARS
                    log.info("forgotten files=%d", engine.forget(request.paths, with_sidecars=with_sidecars))
            complaint = "" if is_beat_due else complaint
        except CatalogDamaged:
            return  # the engine sees it too, and ends
        except (CatalogError, OSError) as error:
            if str(error) != complaint:  # said once: a disk that is full or read-only stays so for a while
                complaint = str(error)
                log.warning("housekeeping has to wait reason=%s", error)
        except Exception:
            # Without this thread uploads go on as well; it tries again.
            log.exception("housekeeping failed")
        clock.wait(stop, _REQUESTS_EVERY_S)
