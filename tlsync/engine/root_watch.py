"""Keeps the picture of all roots fresh while the daemon runs: events, rescans, drives that come and go."""

from __future__ import annotations

import logging
import queue
import threading
from pathlib import Path

from tlsync.clock import Clock
from tlsync.config import Settings
from tlsync.engine import health
from tlsync.engine.scanner import Scanner
from tlsync.engine.watcher import Watcher
from tlsync.errors import CatalogBusy
from tlsync.store.catalog import Catalog
from tlsync.store.roots import RootRow, Roots

log = logging.getLogger(__name__)

_TICK_S = 0.25
_HEALTH_EVERY_S = 3.0
_AFTER_FAILURE_S = 5.0
_POLL_EVERY_S = 10.0
"""How often a root without events is walked."""


class RootWatch:
    """One thread that does all looking, so that no two walks run at once."""

    def __init__(
        self,
        settings: Settings,
        rows: list[RootRow],
        scanner: Scanner,
        roots: Roots,
        catalog: Catalog,
        clock: Clock,
        stop: threading.Event,
    ) -> None:
        self._settings = settings
        self._rows = {row.path: row for row in rows}
        self._scanner = scanner
        self._roots = roots
        self._catalog = catalog
        self._clock = clock
        self._stop = stop
        self._hints: queue.SimpleQueue[Path | None] = queue.SimpleQueue()
        self._watcher = Watcher(self._hints.put, lambda: self._hints.put(None))
        self._due_s: dict[Path, float] = {}
        self._is_online: dict[Path, bool] = {}
        self._complaint = ""
        self._thread = threading.Thread(target=self._run, name="tlsync-roots")

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        """Wait for the thread, which ends once the stop event is set."""
        self._thread.join()
        self._watcher.close()

    def _run(self) -> None:
        next_health_s = 0.0
        while not self._stop.is_set():
            try:
                now_s = self._clock.monotonic_s()
                if now_s >= next_health_s:
                    next_health_s = now_s + _HEALTH_EVERY_S
                    self._check_roots()
                self._follow_hints()
                self._scan_due()
            except CatalogBusy as error:
                self._look_again_soon()
                if error.message != self._complaint:  # said once, not every few seconds
                    self._complaint = error.message
                    log.warning("can't note what was found, trying again reason=%s", error.message)
            except Exception:
                # A look that fails must not end all looking.
                self._look_again_soon()
                log.exception("looking at the roots failed")
            self._clock.wait(self._stop, _TICK_S)

    def _look_again_soon(self) -> None:
        """What a failed look would have found is found by a scan."""
        self._due_s = dict.fromkeys(self._rows, self._clock.monotonic_s() + _AFTER_FAILURE_S)

    def _check_roots(self) -> None:
        """Notice drives that went or came; a root that is new or back is watched and scanned."""
        for path in self._rows:
            row = self._roots.get(self._rows[path].id)
            is_online = health.check(row, self._roots, self._catalog)
            was_online = self._is_online.get(path)
            self._is_online[path] = is_online
            if is_online and not was_online:
                self._watch(row)
                self._due_s[path] = 0.0
            elif not is_online and was_online is not False:
                log.warning("root is offline root=%s reason=%s", path, self._roots.get(row.id).trouble)

    def _watch(self, row: RootRow) -> None:
        wanted = next(root.watch for root in self._settings.roots if root.path == row.path)
        is_watched = wanted != "polling" and self._watcher.watch(row.path)
        self._roots.set_watching(row.id, "events" if is_watched else "polling")

    def _follow_hints(self) -> None:
        paths: set[Path | None] = set()
        while not self._hints.empty():
            paths.add(self._hints.get())
        if None in paths:
            self._due_s = dict.fromkeys(self._rows, 0.0)
            return
        for path in sorted(path for path in paths if path is not None):
            row = self._root_of(path)
            if row is not None and self._is_online.get(row.path):
                self._scanner.look(self._roots.get(row.id), path)

    def _scan_due(self) -> None:
        for path, due_s in list(self._due_s.items()):
            if self._clock.monotonic_s() < due_s or self._stop.is_set():
                continue
            row = self._roots.get(self._rows[path].id)
            if not self._is_online.get(path):
                del self._due_s[path]
                continue
            self._scanner.scan(row)
            self._complaint = ""
            every_s = self._settings.sync.rescan_s
            if row.watching == "polling":
                every_s = min(every_s, _POLL_EVERY_S)
            self._due_s[path] = self._clock.monotonic_s() + every_s

    def _root_of(self, path: Path) -> RootRow | None:
        return next((row for root, row in self._rows.items() if path == root or root in path.parents), None)
