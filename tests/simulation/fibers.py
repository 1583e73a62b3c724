"""Runs many threads of control one at a time, in an order that a seed decides, on a clock that is moved by hand.

Each thread of the engine is a fiber. A fiber runs until it waits (for the clock, an answer, a lock, another fiber);
then the seed picks who goes on among those that can, and time passes only when nobody can. So the same seed gives
the same interleaving. A fiber is carried by a thread of the system, since the engine's stack has to be kept while it
waits, but never do two of them run at once.
"""

from __future__ import annotations

import faulthandler
import random
import threading
from collections import deque
from collections.abc import Callable, Collection, Hashable
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from tlsync.engine.workers import Pool

_START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
_HANGS_AFTER_S = 60.0
"""Real seconds. A fiber that blocks on something that only another fiber can free never comes back."""
_MOST_TURNS = 20_000
"""In one instant. Who does more than that works in a circle."""
_TURN_S = 1e-6
_NEVER = float("inf")


class Crash(BaseException):
    """The process of the fiber was killed: its stack unwinds, and nothing that it does on the way has an effect."""


class Life:
    """One process, from its start to its end or its death."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_dead = False


class Fiber:
    """One thread of control. `owner` is the process that it belongs to, None for the world outside."""

    def __init__(self, name: str, owner: Life | None, number: int) -> None:
        self.name = name
        self.owner = owner
        self.number = number
        self.until: Callable[[], bool] | None = None
        self.due_s = 0.0
        self.is_in_platform = False
        """While the platform works in its name: then neither its disk nor its network fails."""
        self.gate = threading.Lock()
        self.gate.acquire()

    def can_run(self, now_s: float) -> bool:
        if self.owner is not None and self.owner.is_dead:
            return True
        return self.due_s <= now_s or (self.until is not None and self.until())


class _Carrier:
    """A thread of the system that carries one fiber after another."""

    idle: ClassVar[deque[_Carrier]] = deque()

    def __init__(self) -> None:
        self._work: Callable[[], None] | None = None
        self._gate = threading.Lock()
        self._gate.acquire()
        threading.Thread(target=self._run, name="carrier", daemon=True).start()

    @classmethod
    def carry(cls, work: Callable[[], None]) -> None:
        carrier = cls.idle.popleft() if cls.idle else cls()
        carrier._work = work
        carrier._gate.release()

    def _run(self) -> None:
        while True:
            self._gate.acquire()
            assert self._work is not None
            work, self._work = self._work, None
            work()
            _Carrier.idle.append(self)


class Kernel:
    """Who runs, and what time it is."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self.now_s = 0.0
        self.asleep_s = 0.0
        self.fibers: list[Fiber] = []
        self._count = 0
        self._turns = 0
        self.current = self._new("world", None)
        self.mistakes: list[BaseException] = []
        """What fibers raised; a crash is none."""

    def spawn(self, name: str, owner: Life | None, act: Callable[[], object]) -> Fiber:
        """Begin a fiber; it runs when its turn comes."""
        fiber = self._new(name, owner)

        def work() -> None:
            fiber.gate.acquire()
            try:
                if owner is None or not owner.is_dead:
                    act()
            except Crash:
                pass
            except BaseException as error:
                self.mistakes.append(error)
            self.fibers.remove(fiber)
            self._hand_over(self._pick())

        _Carrier.carry(work)
        return fiber

    def wait(self, until: Callable[[], bool] | None, seconds: float | None) -> None:
        """Let others run until something holds or so many seconds are over; with 0 seconds, just let them have a turn.

        Raises:
            Crash: The process of this fiber is dead.
        """
        me = self.current
        self.check()
        me.until = until
        me.due_s = _NEVER if seconds is None else self.now_s + max(0.0, seconds)
        chosen = self._pick()
        if chosen is not me:
            self._hand_over(chosen)
            if not me.gate.acquire(timeout=_HANGS_AFTER_S if me.owner is None else -1):
                faulthandler.dump_traceback(all_threads=True)
                raise AssertionError(f"{self.current.name} hangs: it waits for something that only a fiber can free")
            if self._turns > _MOST_TURNS and me is self.fibers[0]:
                self._turns = 0
                raise AssertionError("time stands still: somebody goes on and on without a pause")
        me.until, me.due_s = None, 0.0
        self.check()

    def check(self) -> None:
        """Raise Crash in a fiber whose process is dead."""
        owner = self.current.owner
        if owner is not None and owner.is_dead:
            raise Crash

    def sleep(self, seconds: float) -> None:
        """The computers sleep: time passes, and nobody gets a turn."""
        self.now_s += seconds
        self.asleep_s += seconds

    def of(self, owner: Life) -> list[Fiber]:
        return [fiber for fiber in self.fibers if fiber.owner is owner]

    def _new(self, name: str, owner: Life | None) -> Fiber:
        self._count += 1
        fiber = Fiber(name, owner, self._count)
        self.fibers.append(fiber)
        return fiber

    def _hand_over(self, fiber: Fiber) -> None:
        self.current = fiber
        fiber.gate.release()

    def _pick(self) -> Fiber:
        self.now_s += _TURN_S
        while True:
            able = [fiber for fiber in self.fibers if fiber.can_run(self.now_s)]
            self._turns += 1
            if self._turns > _MOST_TURNS:
                return self.fibers[0]
            if able:
                return able[0] if len(able) == 1 else able[self._random.randrange(len(able))]
            due_s = min(fiber.due_s for fiber in self.fibers)
            assert due_s != _NEVER, f"all wait for each other: {[fiber.name for fiber in self.fibers]}"
            self.now_s = due_s
            self._turns = 0


class SimulatedClock:
    """The kernel's time, for the engine and for the platform."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def now(self) -> datetime:
        return _START + timedelta(seconds=self._kernel.now_s)

    def monotonic_s(self) -> float:
        return 1000.0 + self._kernel.now_s

    def awake_s(self) -> float:
        return self.monotonic_s() - self._kernel.asleep_s

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self._kernel.wait(stop.is_set, seconds)
        return stop.is_set()


class SimulatedWorkers:
    """The workers of one process: every task is a fiber."""

    def __init__(self, kernel: Kernel, life: Life) -> None:
        self._kernel = kernel
        self._life = life

    def pool(self, name: str, size: int) -> Pool:
        return SimulatedPool(self._kernel, self._life, name, size)

    def nap(self, changed: threading.Condition, seconds: float) -> None:
        changed.wait(seconds)


class SimulatedPool:
    """Runs up to `size` tasks at a time, in the order in which they came."""

    def __init__(self, kernel: Kernel, life: Life, name: str, size: int) -> None:
        self._kernel = kernel
        self._life = life
        self._name = name
        self._size = size
        self._running = 0
        self._waiting: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._is_closed = False

    def submit(self, owner: Hashable, act: Callable[[], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        if self._is_closed:
            future.cancel()
            return future
        self._waiting.append((act, future))
        self._staff()
        return future

    def wait(self, futures: Collection[Future[Any]], timeout_s: float | None = None) -> None:
        awaited = list(futures)
        self._kernel.wait(lambda: any(future.done() for future in awaited), timeout_s)

    def abandon(self, is_stuck: Callable[[Hashable], bool]) -> int:
        return 0  # no read hangs here

    def close(self, patience_s: float) -> None:
        self._is_closed = True
        while self._waiting:
            self._waiting.popleft()[1].cancel()
        self._kernel.wait(lambda: self._running == 0, patience_s)

    def _staff(self) -> None:
        while self._waiting and self._running < self._size:
            act, future = self._waiting.popleft()
            if future.set_running_or_notify_cancel():
                self._running += 1
                self._kernel.spawn(self._name, self._life, lambda act=act, future=future: self._run(act, future))  # type: ignore[misc]

    def _run(self, act: Callable[[], Any], future: Future[Any]) -> None:
        try:
            future.set_result(act())
        except BaseException as error:
            future.set_exception(error)
        self._running -= 1
        if not self._life.is_dead:
            self._staff()


class FiberLock:
    """A lock that may be held while others run: who wants it lets them."""

    is_reentrant = False

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._holder: Fiber | None = None
        self._depth = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        me = self._kernel.current
        if self.is_reentrant and self._holder is me:
            self._depth += 1
            return True
        while self._holder is not None:
            if not blocking:
                return False
            self._kernel.wait(lambda: self._holder is None, None)
        self._holder, self._depth = me, 1
        return True

    def release(self) -> None:
        self._depth -= 1
        if self._depth == 0:
            self._holder = None

    def locked(self) -> bool:
        return self._holder is not None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class FiberRLock(FiberLock):
    """The same, for one that its holder may take again."""

    is_reentrant = True


class CountingCondition(FiberRLock):
    """A condition: it counts how often somebody was told of something."""

    told = 0

    def notify(self, n: int = 1) -> None:
        self.told += 1

    def notify_all(self) -> None:
        self.told += 1

    def wait(self, timeout: float | None = None) -> bool:
        told, depth = self.told, self._depth
        self._holder, self._depth = None, 0
        try:
            self._kernel.wait(lambda: self.told != told, timeout)
        finally:
            self.acquire()
            self._depth = depth
        return self.told != told

    def wait_for(self, predicate: Callable[[], bool], timeout: float | None = None) -> bool:
        self.release()
        try:
            self._kernel.wait(predicate, timeout)
        finally:
            self.acquire()
        return predicate()


class FiberEvent(threading.Event):
    """An event whose waiters let others run."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self._kernel = kernel

    def wait(self, timeout: float | None = None) -> bool:
        self._kernel.wait(self.is_set, timeout)
        return self.is_set()


class FiberThread:
    """`threading.Thread` for the modules that start one."""

    def __init__(
        self,
        kernel: Kernel,
        target: Callable[..., object],
        name: str = "thread",
        daemon: bool = False,
        args: tuple[Any, ...] = (),
    ) -> None:
        self._kernel = kernel
        self._act = lambda: target(*args)
        self._name = name
        self._fiber: Fiber | None = None

    def start(self) -> None:
        self._fiber = self._kernel.spawn(self._name, self._kernel.current.owner, self._act)

    def join(self, timeout: float | None = None) -> None:
        self._kernel.wait(lambda: not self.is_alive(), timeout)

    def is_alive(self) -> bool:
        return self._fiber is not None and self._fiber in self._kernel.fibers


class FiberThreading:
    """Stands in for the module `threading`: its locks may be held over a switch, its threads are fibers."""

    current_thread = staticmethod(threading.current_thread)
    get_ident = staticmethod(threading.get_ident)
    local = threading.local

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def Event(self) -> FiberEvent:
        return FiberEvent(self._kernel)

    def Lock(self) -> FiberLock:
        return FiberLock(self._kernel)

    def RLock(self) -> FiberRLock:
        return FiberRLock(self._kernel)

    def Condition(self, lock: Any = None) -> CountingCondition:
        return CountingCondition(self._kernel)

    def Thread(self, target: Callable[..., object], **options: Any) -> FiberThread:
        return FiberThread(self._kernel, target, **options)
