"""When which file is worked on: due times on a heap, a pool of workers per lane, one step per file at a time.

Kept here: no more than some thousand files wait in memory for a worker. What is beyond waits where it is kept anyway,
and is asked for when there is room.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from tlsync.clock import Clock
from tlsync.engine.workers import SystemWorkers, Workers
from tlsync.models import FileId

log = logging.getLogger(__name__)

_LONGEST_NAP_S = 0.5
_MOST_READY = 2000
_PATIENCE_AT_STOP_S = 4.0
"""A step that does not end by then is stuck in a volume that hangs; the process ends without it."""


@dataclass(frozen=True, slots=True)
class Next:
    """What a step says of the next one.

    `due_in_s` None: nothing to do until something happens to the file.
    `is_patient`: a single pass need not wait for it.
    """

    due_in_s: float | None
    is_patient: bool = False


NOW = Next(0.0)
REST = Next(None)


@dataclass(slots=True)
class _Entry:
    due_s: float
    lane: str
    is_patient: bool


class Scheduler:
    """Runs steps of files in lanes. All methods may be called from any thread."""

    def __init__(
        self,
        lanes: Mapping[str, int],
        work: Callable[[FileId], tuple[str, Next]],
        clock: Clock,
        stop: threading.Event,
        workers: Workers | None = None,
        more: Callable[[str, int], list[FileId] | None] | None = None,
        most_ready: int = _MOST_READY,
    ) -> None:
        """
        Args:
            lanes: Most steps at a time, per lane.
            work: Does one step of a file; answers with the lane of the next step and when it is due.
                It must not raise.
            more: Gives the next so many files of a lane that may have a step to do, pass after pass over all of
                them; an empty list ends a pass, None: can't be said now. Without it everything is kept in memory.
            most_ready: Files that may wait for a worker, per lane.
        """
        self._more = more
        self._most_ready = most_ready
        self._left_out: set[str] = set()
        """Lanes for which a file was not taken in since their pass began."""
        self._passes: set[str] = set()
        """Lanes that are in the middle of a pass."""
        self._work = work
        self._clock = clock
        self._stop = stop
        self._workers = workers or SystemWorkers()
        self._free = dict(lanes)
        self._pools = {lane: self._workers.pool(f"tlsync-{lane}", size) for lane, size in lanes.items()}
        self._ready: dict[str, deque[FileId]] = {lane: deque() for lane in lanes}
        self._paused_until_s = dict.fromkeys(lanes, 0.0)
        self._held: frozenset[str] = frozenset()
        self._entries: dict[FileId, _Entry] = {}
        self._running: dict[FileId, str] = {}
        self._abandoned: set[FileId] = set()
        self._again: set[FileId] = set()
        self._heap: list[tuple[float, int, FileId]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self.turns = 0
        """How often the loop came round; while it works, this grows at least twice a second."""

    def put(self, file_id: FileId, lane: str, due_in_s: float = 0.0, *, is_patient: bool = False) -> None:
        """Plan a step. A file that is being worked on gets another step right after, if it still has one to do."""
        with self._changed:
            if file_id in self._running:
                self._again.add(file_id)
                return
            self._plan(file_id, lane, due_in_s, is_patient)
            self._changed.notify_all()

    def put_all(self, file_ids: Iterable[FileId], lane: str) -> None:
        """Plan a step now of each of these files, but for those that are planned or worked on already."""
        with self._changed:
            for file_id in file_ids:
                if file_id not in self._entries and file_id not in self._running:
                    self._plan(file_id, lane, 0.0, is_patient=False)
            self._changed.notify_all()

    def pause(self, lanes: tuple[str, ...], seconds: float) -> None:
        """Start nothing in these lanes for a while."""
        with self._changed:
            until_s = self._clock.monotonic_s() + seconds
            for lane in lanes:
                self._paused_until_s[lane] = max(self._paused_until_s[lane], until_s)

    def hurry(self) -> None:
        """What all waited for has come: lanes that pause go on, and whatever is planned is due."""
        with self._changed:
            self._paused_until_s = dict.fromkeys(self._paused_until_s, 0.0)
            for file_id, entry in list(self._entries.items()):
                self._plan(file_id, entry.lane, 0.0, entry.is_patient)
            self._changed.notify_all()

    def hold(self, lanes: frozenset[str]) -> None:
        """Start nothing in these lanes until this is called with others."""
        with self._changed:
            if lanes != self._held:
                self._held = lanes
                self._changed.notify_all()

    def running(self) -> frozenset[FileId]:
        """The files that are worked on at this moment."""
        with self._changed:
            return frozenset(self._running)

    def is_held(self, lane: str) -> bool:
        """Whether nothing is started in a lane; what is under way there should come to an end."""
        return lane in self._held

    def run(self, is_done: Callable[[], bool]) -> None:
        """Work until `is_done()` or until tlsync is stopped, then wait for the steps under way."""
        try:
            while not self._stop.is_set() and not is_done():
                self._take_in_more()
                with self._changed:
                    self.turns += 1
                    nap_s = self._launch()
                    self._workers.nap(self._changed, min(nap_s, _LONGEST_NAP_S))
        finally:
            deadline_s = self._clock.monotonic_s() + _PATIENCE_AT_STOP_S
            for pool in self._pools.values():
                pool.close(max(0.0, deadline_s - self._clock.monotonic_s()))

    def abandon(self, is_stuck: Callable[[FileId], bool]) -> int:
        """Let go of steps that hang, so that others have room; says how many.

        Such a step may still end some day. Until then its file gets no other one.
        """
        with self._changed:
            running = [file_id for file_id in self._running if file_id not in self._abandoned]
        suspects = {file_id for file_id in running if is_stuck(file_id)}  # may ask the catalog: not under our lock
        with self._changed:
            stuck = {file_id for file_id in suspects if file_id in self._running and file_id not in self._abandoned}
            for file_id in stuck:
                self._abandoned.add(file_id)
                self._free[self._running[file_id]] += 1
            for pool in self._pools.values():
                pool.abandon(lambda owner: owner in stuck)
            self._changed.notify_all()
        return len(stuck)

    def is_idle(self, besides: frozenset[str] = frozenset()) -> bool:
        """Nothing is under way, and what is planned is only what a single pass need not wait for.

        Args:
            besides: Lanes whose steps it does not wait for either.
        """
        with self._changed:
            if len(self._running) > len(self._abandoned) or self._left_out - besides or self._passes:
                return False
            return all(entry.is_patient or entry.lane in besides for entry in self._entries.values())

    def _plan(self, file_id: FileId, lane: str, due_in_s: float, is_patient: bool) -> None:
        ready = self._ready[lane]
        is_full = self._more is not None and len(ready) >= self._most_ready
        if is_full and due_in_s <= 0 and file_id not in self._entries:
            self._left_out.add(lane)
            return
        due_s = self._clock.monotonic_s() + due_in_s
        self._entries[file_id] = _Entry(due_s, lane, is_patient)
        if due_in_s <= 0:
            ready.append(file_id)
        else:
            heapq.heappush(self._heap, (due_s, next(self._order), file_id))

    def _take_in_more(self) -> None:
        """Fill lanes that ran low with files that were left out."""
        if self._more is None or not (self._left_out or self._passes):
            return
        for lane, ready in self._ready.items():
            while len(ready) <= self._most_ready // 2 and not self._stop.is_set():
                if lane not in self._passes:
                    if lane not in self._left_out:
                        break
                    self._left_out.discard(lane)
                    self._passes.add(lane)
                more = self._more(lane, self._most_ready - len(ready))  # asks the catalog: not under our lock
                if more is None:
                    break
                if not more:
                    self._passes.discard(lane)
                self.put_all(more, lane)

    def _launch(self) -> float:
        """Hand what is due to the lanes; say how long there is nothing more to hand over."""
        now_s = self._clock.monotonic_s()
        while self._heap and self._heap[0][0] <= now_s:
            due_s, _, file_id = heapq.heappop(self._heap)
            entry = self._entries.get(file_id)
            if entry is not None and entry.due_s == due_s:  # else: planned anew since
                self._ready[entry.lane].append(file_id)
        for lane, ready in self._ready.items():
            if self._paused_until_s[lane] > now_s or lane in self._held:
                continue
            while ready and self._free[lane] > 0:
                file_id = ready.popleft()
                entry = self._entries.get(file_id)
                if entry is None or entry.lane != lane or entry.due_s > now_s or file_id in self._running:
                    continue
                del self._entries[file_id]
                self._running[file_id] = lane
                self._free[lane] -= 1
                self._pools[lane].submit(file_id, partial(self._step, file_id, lane))
        return self._heap[0][0] - now_s if self._heap else _LONGEST_NAP_S

    def _step(self, file_id: FileId, lane: str) -> None:
        next_lane, outcome = lane, REST
        try:
            if not self._stop.is_set():
                next_lane, outcome = self._work(file_id)
        except Exception:
            log.exception("a step failed in a way nobody foresaw file_id=%s", file_id)
        finally:
            with self._changed:
                del self._running[file_id]
                if file_id in self._abandoned:
                    self._abandoned.discard(file_id)
                else:
                    self._free[lane] += 1
                again = file_id in self._again
                self._again.discard(file_id)
                if outcome.due_in_s is not None or again:
                    self._plan(file_id, next_lane, 0.0 if again else outcome.due_in_s or 0.0, outcome.is_patient)
                self._changed.notify_all()
