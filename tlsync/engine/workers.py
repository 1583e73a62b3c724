"""Threads that do the waiting work. They end with the process, and one that is stuck in a dead drive can be let go.

Kept here: a pool never has more than `size` tasks under way, but for those that were abandoned: a read from a volume
that hangs can't be ended, so its thread is written off and another one takes its place.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable, Collection, Hashable
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for_futures
from dataclasses import dataclass
from typing import Any, Protocol


class Pool(Protocol):
    """Runs tasks, so many at a time. All methods may be called from any thread."""

    def submit(self, owner: Hashable, act: Callable[[], Any]) -> Future[Any]:
        """Run a task when there is room. `owner` says on whose behalf, for `abandon`."""
        ...

    def wait(self, futures: Collection[Future[Any]], timeout_s: float | None = None) -> None:
        """Wait until at least one of the futures is done, or the time is over."""
        ...

    def abandon(self, is_stuck: Callable[[Hashable], bool]) -> int:
        """No longer count the running tasks of some owners, since they hang; says how many there were."""
        ...

    def close(self, patience_s: float) -> None:
        """Take no more tasks, drop those that wait, and give those under way so long to end."""
        ...


class Workers(Protocol):
    """Makes pools, and waits. A test brings its own to run everything in one thread, in an order of its choice."""

    def pool(self, name: str, size: int) -> Pool: ...

    def nap(self, changed: threading.Condition, seconds: float) -> None:
        """Wait until the condition, which the caller holds, is notified, or the span is over."""
        ...


class SystemWorkers:
    """Real threads."""

    def pool(self, name: str, size: int) -> Pool:
        return ThreadPool(name, size)

    def nap(self, changed: threading.Condition, seconds: float) -> None:
        changed.wait(seconds)


@dataclass(frozen=True, slots=True)
class _Task:
    owner: Hashable
    act: Callable[[], Any]
    future: Future[Any]


class ThreadPool:
    """A few threads of the daemon kind: the interpreter does not wait for them at its end."""

    def __init__(self, name: str, size: int) -> None:
        self._name = name
        self._size = size
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._waiting: deque[_Task] = deque()
        self._running: set[_Task] = set()
        self._abandoned: set[_Task] = set()
        self._idle = 0
        self._is_closed = False

    def submit(self, owner: Hashable, act: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        with self._changed:
            if self._is_closed:
                future.cancel()
                return future
            self._waiting.append(_Task(owner, act, future))
            self._staff()
            self._changed.notify()
        return future

    def wait(self, futures: Collection[Future[Any]], timeout_s: float | None = None) -> None:
        wait_for_futures(futures, timeout=timeout_s, return_when=FIRST_COMPLETED)

    def abandon(self, is_stuck: Callable[[Hashable], bool]) -> int:
        with self._changed:
            stuck = {task for task in self._running if is_stuck(task.owner)}
            self._running -= stuck
            self._abandoned |= stuck
            self._staff()
            self._changed.notify_all()
        return len(stuck)

    def close(self, patience_s: float) -> None:
        with self._changed:
            self._is_closed = True
            while self._waiting:
                self._waiting.popleft().future.cancel()
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._running, patience_s)

    def _staff(self) -> None:
        """Start a thread where there is a task that may run and nobody free to take it."""
        may_start = min(len(self._waiting), self._size - len(self._running))
        for _ in range(may_start - self._idle):
            self._idle += 1
            threading.Thread(target=self._work, name=f"{self._name}-{next(self._numbers)}", daemon=True).start()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not (self._waiting and len(self._running) < self._size):
                    if self._is_closed or len(self._running) + self._idle > self._size:
                        self._idle -= 1
                        return
                    self._changed.wait()
                self._idle -= 1
                task = self._waiting.popleft()
                self._running.add(task)
            if task.future.set_running_or_notify_cancel():
                try:
                    task.future.set_result(task.act())
                except BaseException as error:
                    task.future.set_exception(error)
            with self._changed:
                self._running.discard(task)
                self._abandoned.discard(task)
                self._idle += 1
                if self._is_closed:  # else nobody waits for this: the thread itself takes what comes next
                    self._changed.notify_all()
            del task
