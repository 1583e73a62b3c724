from __future__ import annotations

import threading

from tlsync.engine.workers import ThreadPool


def test_no_more_tasks_at_a_time_than_the_size() -> None:
    pool, most, now, lock = ThreadPool("pool", 3), 0, 0, threading.Lock()
    all_in = threading.Barrier(3, timeout=10)

    def act() -> None:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        all_in.wait()
        with lock:
            now -= 1

    futures = [pool.submit(number, act) for number in range(9)]
    for future in futures:
        future.result(10)
    assert most == 3
    pool.close(5)


def test_what_a_task_raises_is_in_its_future() -> None:
    pool = ThreadPool("pool", 1)

    def act() -> None:
        raise ValueError("no")

    future = pool.submit("a", act)
    pool.wait([future], 10)
    assert isinstance(future.exception(10), ValueError)
    assert pool.submit("a", lambda: 5).result(10) == 5
    pool.close(5)


def test_an_abandoned_task_leaves_its_place_and_may_still_end() -> None:
    pool, hangs, freed = ThreadPool("pool", 1), threading.Event(), threading.Event()

    def hang() -> str:
        hangs.set()
        assert freed.wait(10)
        return "late"

    stuck = pool.submit("dead drive", hang)
    waiting = pool.submit("good drive", lambda: "done")
    assert hangs.wait(10)
    assert not waiting.done()
    assert pool.abandon(lambda owner: owner == "dead drive") == 1
    assert waiting.result(10) == "done"
    freed.set()
    assert stuck.result(10) == "late"
    assert pool.submit("good drive", lambda: 1).result(10) == 1
    pool.close(5)


def test_close_drops_what_waits_and_does_not_wait_for_ever() -> None:
    pool, hangs, freed = ThreadPool("pool", 1), threading.Event(), threading.Event()

    def hang() -> None:
        hangs.set()
        freed.wait(10)

    pool.submit("a", hang)
    waiting = pool.submit("b", lambda: None)
    assert hangs.wait(10)
    pool.close(0.01)
    assert waiting.cancelled()
    assert pool.submit("c", lambda: None).cancelled()
    freed.set()
