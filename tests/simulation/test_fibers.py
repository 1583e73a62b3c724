from __future__ import annotations

import random

import pytest

from tests.simulation.fibers import (
    CountingCondition,
    FiberLock,
    FiberThreading,
    Kernel,
    Life,
    SimulatedClock,
    SimulatedWorkers,
)


def kernel_of(seed: int) -> Kernel:
    return Kernel(random.Random(seed))


def order_of(seed: int) -> list[str]:
    """Three fibers that take five turns each."""
    kernel, order = kernel_of(seed), []

    def act(name: str) -> None:
        for _ in range(5):
            order.append(name)
            kernel.wait(None, 0)

    for name in "abc":
        kernel.spawn(name, None, lambda name=name: act(name))  # type: ignore[misc]
    kernel.wait(lambda: len(kernel.fibers) == 1, None)
    return order


def test_the_seed_decides_who_goes_on() -> None:
    assert order_of(1) == order_of(1)
    assert len({tuple(order_of(seed)) for seed in range(10)}) > 5


def test_time_passes_only_when_nobody_can_go_on() -> None:
    kernel, seen = kernel_of(1), []

    def sleep(seconds: float) -> None:
        kernel.wait(None, seconds)
        seen.append(round(kernel.now_s, 2))

    for seconds in (3600.0, 5.0):
        kernel.spawn("sleeper", None, lambda seconds=seconds: sleep(seconds))  # type: ignore[misc]
    kernel.wait(lambda: len(seen) == 2, None)
    assert seen == [5.0, 3600.0]


def test_a_dead_process_does_nothing_more() -> None:
    kernel, life, done = kernel_of(1), Life("daemon"), []

    def act() -> None:
        try:
            kernel.wait(None, 10)
            done.append("went on")
        finally:
            kernel.wait(None, 10)
            done.append("cleaned up")

    kernel.spawn("daemon", life, act)
    kernel.wait(None, 1)
    life.is_dead = True
    kernel.wait(lambda: not kernel.of(life), None)
    assert not done
    assert not kernel.mistakes
    assert kernel.now_s < 2


def test_who_waits_for_a_lock_lets_others_run() -> None:
    kernel = kernel_of(1)
    lock, order = FiberLock(kernel), []

    def act(name: str) -> None:
        with lock:
            order.append(name)
            kernel.wait(None, 5)
            order.append(name)

    for name in "ab":
        kernel.spawn(name, None, lambda name=name: act(name))  # type: ignore[misc]
    kernel.wait(lambda: len(order) == 4, None)
    assert order in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


def test_a_pool_runs_so_many_tasks_at_a_time() -> None:
    kernel, life, most, now = kernel_of(1), Life("daemon"), 0, 0
    pool = SimulatedWorkers(kernel, life).pool("pool", 2)

    def act() -> int:
        nonlocal most, now
        now += 1
        most = max(most, now)
        kernel.wait(None, 1)
        now -= 1
        return most

    futures = [pool.submit("a", act) for _ in range(5)]
    while not all(future.done() for future in futures):
        pool.wait([future for future in futures if not future.done()])
    assert most == 2
    assert round(kernel.now_s) == 3


def test_a_nap_ends_when_somebody_tells() -> None:
    kernel = kernel_of(1)
    threading = FiberThreading(kernel)
    changed = threading.Condition()
    assert isinstance(changed, CountingCondition)

    def tell() -> None:
        kernel.wait(None, 3)
        with changed:
            changed.notify_all()

    threading.Thread(target=tell).start()
    with changed:
        SimulatedWorkers(kernel, Life("daemon")).nap(changed, 100)  # type: ignore[arg-type]
    assert round(kernel.now_s) == 3


def test_a_wait_on_the_clock_ends_when_the_stop_event_is_set() -> None:
    kernel = kernel_of(1)
    stop = FiberThreading(kernel).Event()
    kernel.spawn("stopper", None, lambda: (kernel.wait(None, 2), stop.set()))
    assert SimulatedClock(kernel).wait(stop, 100)
    assert round(kernel.now_s) == 2


def test_going_in_a_circle_is_found() -> None:
    kernel = kernel_of(1)

    def circle() -> None:
        for _ in range(30_000):
            kernel.wait(None, 0)

    kernel.spawn("circle", None, circle)
    with pytest.raises(AssertionError, match="time stands still"):
        kernel.wait(None, 5)
    kernel.wait(lambda: len(kernel.fibers) == 1, None)
