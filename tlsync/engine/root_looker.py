"""Looks after one root in a thread of its own: is it there, what do its events say, when is it scanned."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tlsync.clock import Clock
from tlsync.config import RootSettings
from tlsync.engine import health
from tlsync.engine.doubts import Quiet
from tlsync.engine.scanner import Scanner
from tlsync.engine.volumes import Place
from tlsync.engine.walk import Walk
from tlsync.engine.watcher import Watcher
from tlsync.errors import CatalogBusy
from tlsync.store.conditions import Watching
from tlsync.store.roots import RootRow, Roots

log = logging.getLogger(__name__)

_GATHER_S = 0.05
"""After an event others follow at once: they are looked at together."""
_DOUBT_S = 0.25
_LONGEST_NAP_S = 5.0
_HEALTH_EVERY_S = 3.0
_AFTER_FAILURE_S = 5.0
_POLL_EVERY_S = 10.0
"""How often a root without events is walked, if a walk takes less than a tenth of that."""
_HELD_EVERY_S = 30.0
_AT_ONCE = 200
"""Paths that are looked at together."""
_EVENTS_LOST = "changes came faster than the system could tell: the whole folder was looked through"


class RootLooker:
    """One root. All that touches its disk happens in its own thread, which may hang with it."""

    def __init__(
        self,
        row: RootRow,
        settings: RootSettings,
        rescan_s: float,
        scanner: Scanner,
        roots: Roots,
        clock: Clock,
        stop: threading.Event,
        on_back: Callable[[], None],
    ) -> None:
        """
        Args:
            on_back: The root answers again after it was said to hang.
        """
        self.row = row
        self.beats = 0
        """Grows while the disk answers."""
        self.is_on_disk = False
        self._settings = settings
        self._rescan_s = rescan_s
        self._scanner = scanner
        self._roots = roots
        self._clock = clock
        self._stop = stop
        self._on_back = on_back
        self._hints: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._quiet = Quiet()
        self._stirred = threading.Event()
        """There is something to do before the time that was planned."""
        self._watcher = Watcher(row.path, self._take_hint, self._lose_events)
        self._is_online: bool | None = None
        self._place: Place | None = None
        self._was_hung = False
        self._next_look_s = 0.0
        self._scan_due_s: float | None = None
        self._next_rewatch_s = 0.0
        self._has_lost_events = False
        self._complaint = ""
        self._thread = threading.Thread(target=self._run, name=f"tlsync-root-{row.id}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread, which ends once the stop event is set, unless its disk hangs."""
        self._stirred.set()
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._watcher.close()

    def look_soon(self) -> None:
        """Something changed that may concern the root: see what is at its path."""
        self._next_look_s = 0.0
        self._stirred.set()

    def scan_soon(self) -> None:
        """What was known may be out of date: look at everything."""
        self._scan_due_s = 0.0
        self.look_soon()

    def note_hung(self) -> None:
        """The root was said to hang; when this thread goes on, it says that the root is back."""
        self._was_hung = True
        self.look_soon()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.turn()
            except Exception as error:
                if self._stop.is_set():
                    return  # the disk answered after all was over
                self._fail(error)
            if self._clock.wait(self._stirred, self._nap_s()) and not self._stop.is_set():
                self._stirred.clear()
                self._clock.wait(self._stop, _GATHER_S)

    def _nap_s(self) -> float:
        """How long there is nothing to do, unless something stirs."""
        if self._scanner.doubts.count(self.row.id):
            return _DOUBT_S
        due_s = self._next_look_s if self._scan_due_s is None else min(self._next_look_s, self._scan_due_s)
        return min(max(due_s - self._clock.monotonic_s(), _GATHER_S), _LONGEST_NAP_S)

    def _fail(self, error: Exception) -> None:
        """A look that fails must not end all looking. What it would have found is found by a scan."""
        self._scan_due_s = self._clock.monotonic_s() + _AFTER_FAILURE_S
        if not isinstance(error, CatalogBusy):
            log.error("looking at a root failed root=%s", self.row.path, exc_info=error)
        elif error.message != self._complaint:  # said once, not every few seconds
            self._complaint = error.message
            log.warning("can't note what was found, trying again reason=%s", error.message)

    def turn(self) -> None:
        """Do what is due."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + _HEALTH_EVERY_S
            with self._on_disk():
                self._look()
        self._follow_hints()
        self._judge_doubted()
        if self._scan_due_s is not None and self._clock.monotonic_s() >= self._scan_due_s:
            self._scan()

    @contextmanager
    def _on_disk(self) -> Iterator[None]:
        self._beat()
        self.is_on_disk = True
        try:
            yield
        finally:
            self.is_on_disk = False

    def _beat(self) -> None:
        self.beats += 1

    def _look(self) -> None:
        """Notice a drive that went or came; a root that is new, back or another folder is watched and scanned."""
        was_hung, self._was_hung = self._was_hung, False
        found = health.note(self._roots.get(self.row.id), self._roots, ends_hang=was_hung)
        was_online, self._is_online = self._is_online, found.is_online
        if not found.is_online:
            self._place = None
            self._scan_due_s = None
            if was_online is not False:
                log.warning("root is offline root=%s reason=%s", self.row.path, found.trouble)
        elif self._place is None or found.place != self._place:
            self._place = found.place
            self._watch()
            self._scan_due_s = 0.0
        elif self._watcher.has_died:
            log.warning("events had ended, everything is looked at root=%s", self.row.path)
            self._watch()
            self._scan_due_s = 0.0
        if was_hung:
            log.warning("root answers again root=%s", self.row.path)
            if found.is_online:
                self._scan_due_s = 0.0
            self._on_back()

    # Events

    def _take_hint(self, path: Path) -> None:
        self._hints.put(path)
        self._stirred.set()

    def _lose_events(self) -> None:
        if not self._has_lost_events:
            log.warning("events were lost, everything is looked at root=%s", self.row.path)
        self._has_lost_events = True
        self._scan_due_s = 0.0
        self._stirred.set()

    def _watch(self) -> None:
        self._next_rewatch_s = self._clock.monotonic_s() + self._rescan_s
        refusal = self._why_polled()
        if refusal is None:
            refusal = self._watcher.open()
            self._say_watching("polling" if refusal else "events", refusal)
        else:
            self._watcher.end()
            self._say_watching("polling", refusal)

    def _why_polled(self) -> str | None:
        """Why the root is not to be watched by events; None when it is."""
        mount = self._place.mount if self._place else None
        if self._settings.watch == "polling":
            return ""
        if self._settings.watch == "auto" and mount is not None and not mount.has_events:
            return f"{mount.kind} does not tell of all changes: looked through again and again"
        return None

    def _say_watching(self, watching: Watching, note: str) -> None:
        row = self._roots.get(self.row.id)
        if (row.watching, row.note) == (watching, note):
            return
        if note and watching == "polling":
            log.warning("root is polled root=%s reason=%s", row.path, note)
        self._roots.set_watching(row.id, watching, note)

    def _check_watches(self, walk: Walk) -> None:
        """Compare the folders that a scan found with those that the system watches."""
        if self._why_polled() is not None:
            return
        missing = self._unwatched(walk)
        was_whole = self._roots.get(self.row.id).watching == "events"
        if missing and (was_whole or self._clock.monotonic_s() >= self._next_rewatch_s):
            self._watch()
            # What came into these folders after the walk and before the new watches is told by nobody.
            self._scan_due_s = self._clock.monotonic_s() + _AFTER_FAILURE_S
            missing = self._unwatched(walk)
        if not self._watcher.is_open:
            return  # refused altogether, which is said already
        if missing:
            total = len(walk.folders)
            self._say_watching(
                "polling",
                f"the system allows watching only {total - missing} of {total} folders:"
                " raise fs.inotify.max_user_watches",
            )
        else:
            self._say_watching("events", _EVENTS_LOST if self._has_lost_events else "")

    def _unwatched(self, walk: Walk) -> int:
        """How many of the folders that a scan found are there and not watched."""
        if not self._watcher.is_open:
            return len(walk.folders)
        watched = self._watcher.watched_inodes()
        if watched is None:
            return 0
        base = os.fsencode(self.row.path)
        there = {*watched, None}
        # A listing gives another number for a folder where a volume is mounted: then only the folder itself tells.
        return sum(
            inode not in watched and _inode(os.path.join(base, relative)) not in there  # noqa: PTH118 (bytes)
            for relative, inode in walk.folders.items()
        )

    def _follow_hints(self) -> None:
        paths: set[Path] = set()
        while not self._hints.empty():
            paths.add(self._hints.get())
        if not paths or not self._is_online:
            return
        row = self._roots.get(self.row.id)
        ordered = sorted(paths)
        for begin in range(0, len(ordered), _AT_ONCE):
            if self._stop.is_set():
                return
            with self._on_disk():
                self._scanner.look_at_all(row, ordered[begin : begin + _AT_ONCE], self._beat)

    def _judge_doubted(self) -> None:
        """What is said to be gone is judged once no more is coming: a mass must be seen as one."""
        now_s = self._clock.monotonic_s()
        if not self._is_online or not self._quiet.is_due(self._scanner.doubts.count(self.row.id), now_s):
            return
        with self._on_disk():
            self._scanner.judge_doubted(self._roots.get(self.row.id), self._beat)
        if self._roots.get(self.row.id).held:
            again_s = now_s + _HELD_EVERY_S  # a scan knows more, and may end it
            self._scan_due_s = again_s if self._scan_due_s is None else min(again_s, self._scan_due_s)

    # Scans

    def _scan(self) -> None:
        if not self._is_online:
            self._scan_due_s = None
            return
        lost_before, self._scan_due_s = self._has_lost_events, None
        started_s = self._clock.monotonic_s()
        with self._on_disk():
            walk = self._scanner.scan(self._roots.get(self.row.id), beat=self._beat)
            if walk is None:
                self._next_look_s = 0.0
                return
            self._check_watches(walk)
        self._complaint = ""
        if lost_before:
            self._has_lost_events = False
        now_s = self._clock.monotonic_s()
        if self._scan_due_s is None:  # else: something happened meanwhile
            self._scan_due_s = now_s + self._pause_s(now_s - started_s)

    def _pause_s(self, took_s: float) -> float:
        row = self._roots.get(self.row.id)
        pause_s = self._rescan_s
        if row.watching == "polling":
            pause_s = min(pause_s, max(_POLL_EVERY_S, 10 * took_s))
        return min(pause_s, max(_HELD_EVERY_S, took_s)) if row.held else pause_s


def _inode(path: bytes) -> int | None:
    """The number of a folder; None when it is gone."""
    try:
        return os.lstat(path).st_ino
    except OSError:
        return None
