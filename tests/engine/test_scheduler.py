"""Due times, lanes, one step at a time per file."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tlsync.clock import SystemClock
from tlsync.engine.scheduler import NOW, REST, Next, Scheduler
from tlsync.models import FileId

LIMIT_S = 20.0
A, B, C = FileId(1), FileId(2), FileId(3)


def run(work: Callable[[FileId], tuple[str, Next]], *files: FileId, threads: int = 2) -> Scheduler:
    """Run until idle; a scheduler that hangs fails instead."""
    stop = threading.Event()
    scheduler = Scheduler({"local": threads, "remote": threads}, work, SystemClock(), stop)
    for file in files:
        scheduler.put(file, "local")
    guard = threading.Timer(LIMIT_S, stop.set)
    guard.start()
    scheduler.run(scheduler.is_idle)
    guard.cancel()
    assert not stop.is_set(), "the scheduler never became idle"
    return scheduler


def test_steps_follow_each_other_through_the_lanes() -> None:
    seen: list[str] = []
    lanes = {1: "remote", 2: "local", 3: "local"}

    def work(file: FileId) -> tuple[str, Next]:
        seen.append(threading.current_thread().name.rpartition("-")[0])
        return lanes[len(seen)], NOW if len(seen) < 3 else REST

    run(work, A)
    assert seen == ["tlsync-local", "tlsync-remote", "tlsync-local"]


def test_a_file_is_never_worked_on_twice_at_once() -> None:
    busy, overlaps, steps = set[FileId](), [], dict.fromkeys((A, B, C), 0)
    lock = threading.Lock()
    holder: list[Scheduler] = []

    def work(file: FileId) -> tuple[str, Next]:
        with lock:
            if file in busy:
                overlaps.append(file)
            busy.add(file)
            steps[file] += 1
        holder[0].put(file, "remote")  # while it runs: it gets another step, not a second one beside this
        with lock:
            busy.discard(file)
        return "local", REST if steps[file] >= 20 else NOW

    stop = threading.Event()
    holder.append(Scheduler({"local": 4, "remote": 4}, work, SystemClock(), stop))
    for file in steps:
        holder[0].put(file, "local")
    guard = threading.Timer(LIMIT_S, stop.set)
    guard.start()
    holder[0].run(lambda: all(count >= 20 for count in steps.values()))
    guard.cancel()
    assert overlaps == []
    assert not stop.is_set()


def test_what_is_patient_does_not_keep_a_pass_from_ending() -> None:
    scheduler = run(lambda file: ("local", Next(3600.0, is_patient=True)), A, B)
    assert scheduler.is_idle()


def test_what_is_not_patient_is_waited_for() -> None:
    steps: list[FileId] = []

    def work(file: FileId) -> tuple[str, Next]:
        steps.append(file)
        return "local", Next(0.05) if len(steps) < 3 else REST

    run(work, A)
    assert steps == [A, A, A]


def test_an_earlier_plan_replaces_a_later_one() -> None:
    done: list[FileId] = []

    def work(file: FileId) -> tuple[str, Next]:
        done.append(file)
        return "local", REST

    stop = threading.Event()
    scheduler = Scheduler({"local": 1}, work, SystemClock(), stop)
    scheduler.put(A, "local", due_in_s=3600)
    scheduler.put(A, "local")
    guard = threading.Timer(LIMIT_S, stop.set)
    guard.start()
    scheduler.run(scheduler.is_idle)
    guard.cancel()
    assert done == [A]


def test_a_paused_lane_starts_nothing_and_the_other_goes_on() -> None:
    done: list[FileId] = []

    def work(file: FileId) -> tuple[str, Next]:
        done.append(file)
        return "local", REST

    stop = threading.Event()
    scheduler = Scheduler({"local": 1, "remote": 1}, work, SystemClock(), stop)
    scheduler.pause(("remote",), 3600)
    scheduler.put(A, "remote")
    scheduler.put(B, "local")
    guard = threading.Timer(LIMIT_S, stop.set)
    guard.start()
    scheduler.run(lambda: B in done)
    guard.cancel()
    assert done == [B]
    assert not scheduler.is_idle()


def test_the_stop_event_ends_a_run_with_work_left() -> None:
    stop = threading.Event()

    def work(file: FileId) -> tuple[str, Next]:
        stop.set()
        return "local", NOW

    scheduler = Scheduler({"local": 1}, work, SystemClock(), stop)
    scheduler.put(A, "local")
    scheduler.run(lambda: False)
    assert stop.is_set()


def test_a_step_that_raises_does_not_end_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done: list[FileId] = []

    def work(file: FileId) -> tuple[str, Next]:
        if file == A:
            raise RuntimeError("a bug")
        done.append(file)
        return "local", REST

    run(work, A, B)
    assert done == [B]
    assert "a bug" in caplog.text


def test_a_step_that_hangs_is_let_go_and_leaves_its_place_to_others() -> None:
    """A lane of one: without letting go, nothing else would ever run in it."""
    hangs, freed, done = threading.Event(), threading.Event(), list[FileId]()

    def work(file: FileId) -> tuple[str, Next]:
        if file == A:
            hangs.set()
            freed.wait(10)
        done.append(file)
        return "local", REST

    stop = threading.Event()
    scheduler = Scheduler({"local": 1}, work, SystemClock(), stop)
    scheduler.put(A, "local")
    scheduler.put(B, "local", 0.01)

    def let_go() -> None:
        hangs.wait(10)
        assert scheduler.abandon(lambda file: file == A) == 1
        assert scheduler.abandon(lambda file: file == A) == 0

    helper = threading.Thread(target=let_go)
    helper.start()
    scheduler.run(lambda: bool(done) and scheduler.is_idle())
    assert done == [B]
    freed.set()
    helper.join()


def test_a_held_lane_starts_nothing_until_it_is_let_go() -> None:
    done: list[FileId] = []

    def work(file: FileId) -> tuple[str, Next]:
        done.append(file)
        if file == B:
            scheduler.hold(frozenset())
        return "local", REST

    stop = threading.Event()
    scheduler = Scheduler({"local": 1, "remote": 1}, work, SystemClock(), stop)
    scheduler.hold(frozenset({"remote"}))
    assert scheduler.is_held("remote") and not scheduler.is_held("local")
    scheduler.put(A, "remote")
    scheduler.put(B, "local", 0.05)
    guard = threading.Timer(LIMIT_S, stop.set)
    guard.start()
    scheduler.run(scheduler.is_idle)
    guard.cancel()
    assert done == [B, A]
    assert scheduler.turns > 1
