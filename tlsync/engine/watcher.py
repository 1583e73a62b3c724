"""watchdog events → paths to look at. Thin: an event is a hint, never a fact."""

from __future__ import annotations

import errno
import logging
import os
import threading
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
from watchdog.observers.api import BaseObserver

_DESCRIPTORS = Path("/proc/self/fd")
_END_S = 1.0

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
    """The events of one root. Each root has an observer of its own: one that hangs holds up no other."""

    def __init__(self, root: Path, on_path: Callable[[Path], None], on_loss: Callable[[], None]) -> None:
        """
        Args:
            on_path: Something happened at or below this path.
            on_loss: Events were lost: everything must be looked at.
        """
        # watchdog's own comment on new folders prints its whole table of watches.
        warnings.filterwarnings("ignore", category=RuntimeWarning, module="watchdog")
        self._root = root
        self._hints = _Hints(on_path)
        self._overflow = _Overflow(on_loss)
        logging.getLogger("watchdog").addHandler(self._overflow)
        self._observer: BaseObserver | None = None
        self._inotify_fd: int | None = None
        self._threads: list[threading.Thread] = []

    def open(self) -> str:
        """Watch the root, anew if it was watched before; after a remount the old watch never tells anything again.

        Returns:
            Why the system refuses, "" when it does not.
        """
        self.end()
        try:
            with _opening:
                before, others = _inotify_fds(), set(threading.enumerate())
                observer = Observer()
                opened = _inotify_fds() - before
                self._threads = [
                    thread
                    for thread in threading.enumerate()
                    if thread not in others and type(thread).__module__.startswith("watchdog")
                ]
            observer.name = "tlsync-events"
            observer.start()
            self._observer = observer
            self._inotify_fd = opened.pop() if len(opened) == 1 else None
            observer.schedule(self._hints, str(self._root), recursive=True, event_filter=_FILTER)
            self._threads += [observer, *observer.emitters]
        except OSError as error:
            self.end()
            if error.errno == errno.EMFILE:
                return "the system allows no more watchers: raise fs.inotify.max_user_instances"
            if error.errno == errno.ENOSPC:
                return "the system allows no more watches: raise fs.inotify.max_user_watches"
            return f"the system does not tell of changes: {error.strerror or error}"
        return ""

    def watched_inodes(self) -> set[int] | None:
        """The inode numbers of the folders that are really watched; None where the system does not say.

        Watches end without a word when a volume is unmounted, and are not all made when a limit is reached.
        """
        if self._inotify_fd is None:
            return None
        try:
            lines = Path(f"/proc/self/fdinfo/{self._inotify_fd}").read_text("ascii").splitlines()
        except OSError:
            return None
        # inotify wd:3 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 …
        return {int(line.split()[2].removeprefix("ino:"), 16) for line in lines if line.startswith("inotify wd:")}

    def close(self) -> None:
        """End it for good."""
        logging.getLogger("watchdog").removeHandler(self._overflow)
        self.end()

    @property
    def is_open(self) -> bool:
        return self._observer is not None

    @property
    def has_died(self) -> bool:
        """Whether a thread that passes events on has ended by itself: then nothing is ever told again."""
        return self.is_open and not all(thread.is_alive() for thread in self._threads)

    def end(self) -> None:
        """Stop watching. What hangs is left behind."""
        observer, self._observer, self._inotify_fd = self._observer, None, None
        if observer is None:
            return
        # Stopping waits for watchdog's threads, which may wait for a disk.
        ending = threading.Thread(target=observer.stop, name="tlsync-events-end", daemon=True)
        ending.start()
        ending.join(_END_S)


_opening = threading.Lock()
"""While an observer is made no other one is, so that its descriptor is known."""


def _inotify_fds() -> set[int]:
    """The descriptors of this process that tell of changes; none where there is no such thing."""
    found = set()
    for name in os.listdir(_DESCRIPTORS) if _DESCRIPTORS.is_dir() else ():
        with suppress(OSError):
            if "inotify" in os.readlink(_DESCRIPTORS / name):  # noqa: PTH115 (no path, a label)
                found.add(int(name))
    return found
