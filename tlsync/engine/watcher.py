"""watchdog events → paths to look at. Thin: an event is a hint, never a fact."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

log = logging.getLogger(__name__)

_FILTER: list[type[FileSystemEvent]] = [
    # Without a filter watchdog can lock itself into a loop after an overflow: its own walk makes events.
    FileCreatedEvent,
    FileMovedEvent,
    FileClosedEvent,
    FileDeletedEvent,
    DirCreatedEvent,
    DirMovedEvent,
    DirDeletedEvent,
]
if os.name == "nt" or os.uname().sysname == "Darwin":
    _FILTER.append(FileModifiedEvent)  # these systems do not say when a file is closed


class _Hints(FileSystemEventHandler):
    """Passes paths on at once: a slow handler loses events."""

    def __init__(self, on_path: Callable[[Path], None]) -> None:
        self._on_path = on_path

    def on_any_event(self, event: FileSystemEvent) -> None:
        for raw in {event.src_path, event.dest_path}:
            if raw:
                self._on_path(Path(os.fsdecode(raw)))


class _Overflow(logging.Handler):
    """watchdog tells of lost events only in its log."""

    def __init__(self, on_loss: Callable[[], None]) -> None:
        super().__init__(logging.WARNING)
        self._on_loss = on_loss

    def emit(self, record: logging.LogRecord) -> None:
        if "overflow" in record.getMessage().lower() or "lost" in record.getMessage().lower():
            self._on_loss()


class Watcher:
    """One observer for all roots that are watched by events."""

    def __init__(self, on_path: Callable[[Path], None], on_loss: Callable[[], None]) -> None:
        """
        Args:
            on_path: Something happened at or below this path.
            on_loss: Events were lost: everything must be looked at.
        """
        # watchdog's own comment on new folders prints its whole table of watches.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="watchdog")
        self._hints = _Hints(on_path)
        self._overflow = _Overflow(on_loss)
        logging.getLogger("watchdog").addHandler(self._overflow)
        self._watches: dict[Path, ObservedWatch] = {}
        self._observer: BaseObserver = Observer()
        self._observer.name = "tlsync-events"
        self._observer.start()

    def watch(self, root: Path) -> bool:
        """Watch a root, anew if it was watched before; False when the system refuses, and it has to be polled."""
        old = self._watches.pop(root, None)
        if old is not None:
            with suppress(KeyError, OSError):
                self._observer.unschedule(old)  # after a remount the old watch never tells anything again
        try:
            self._watches[root] = self._observer.schedule(self._hints, str(root), recursive=True, event_filter=_FILTER)
        except OSError as error:
            log.warning("no events for this root, it is polled root=%s reason=%s", root, error.strerror or error)
            return False
        return True

    def close(self) -> None:
        logging.getLogger("watchdog").removeHandler(self._overflow)
        self._observer.stop()
        self._observer.join(5)
