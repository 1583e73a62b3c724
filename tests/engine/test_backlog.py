"""More files than memory should hold: they wait in the catalog, and every one of them gets its turn."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tlsync.clock import SystemClock
from tlsync.engine.backlog import Backlog
from tlsync.engine.scheduler import REST, Next, Scheduler
from tlsync.engine.steps import states_by_lane
from tlsync.models import FileId, StatSignature
from tlsync.states import AT_REST, FileState
from tlsync.store.store import Store

LIMIT_S = 20.0


@pytest.fixture
def store(tmp_path: Path, fake_clock: FakeClock) -> Store:
    return Store(tmp_path / "state", fake_clock)


def find(store: Store, count: int) -> list[FileId]:
    root = store.roots.ensure(Path("/footage"), "clips")
    looks = StatSignature(1, 1, 1, 1)
    return store.catalog.add_all(root.id, [(b"%05d.mp4" % number, looks) for number in range(count)])


def test_a_pass_gives_every_file_once_and_then_ends(store: Store) -> None:
    ids = find(store, 25)
    file = store.catalog.get(ids[3])
    assert file is not None
    store.catalog.move(file, FileState.SETTLING)
    backlog = Backlog(store.catalog, states_by_lane())
    given = []
    while some := backlog.more("local", 10):
        assert len(some) <= 10
        given += some
    assert sorted(given) == ids
    assert backlog.more("local", 10) == [number for number in ids if number != ids[3]][:10]


def test_a_failed_file_counts_only_when_it_is_to_be_retried(store: Store, fake_clock: FakeClock) -> None:
    ids = find(store, 2)
    for file_id, retry_at in zip(ids, (fake_clock.now(), None), strict=True):
        file = store.catalog.get(file_id)
        assert file is not None
        store.catalog.move(file, FileState.FAILED, "no", retry_at=retry_at)
    assert Backlog(store.catalog, states_by_lane()).more("local", 10) == ids[:1]


def test_every_state_that_goes_on_has_its_lane() -> None:
    by_lane = [state for states in states_by_lane().values() for state in states]
    assert sorted(by_lane) == sorted((set(FileState) - AT_REST) | {FileState.FAILED})


def test_all_files_are_worked_on_with_room_for_a_few() -> None:
    """What comes while the lane is full is taken from the backlog, and a pass ends only when nothing is left."""
    waiting = {FileId(number) for number in range(1, 101)}
    done: list[FileId] = []
    most = 0
    passes: list[list[FileId]] = []

    def work(file: FileId) -> tuple[str, Next]:
        done.append(file)
        waiting.discard(file)
        return "local", REST

    def more(lane: str, limit: int) -> list[FileId]:
        nonlocal most
        most = max(most, sum(len(ready) for ready in scheduler._ready.values()))
        if not passes:
            left = sorted(waiting)
            passes.extend([*(left[begin : begin + limit] for begin in range(0, len(left), limit)), []])
        return passes.pop(0)

    stop = threading.Event()
    scheduler = Scheduler({"local": 1}, work, SystemClock(), stop, more=more, most_ready=10)
    scheduler.put_all(sorted(waiting), "local")
    assert not scheduler.is_idle()
    guard = threading.Timer(LIMIT_S, stop.set)
    guard.start()
    scheduler.run(scheduler.is_idle)
    guard.cancel()
    assert set(done) == {FileId(number) for number in range(1, 101)}
    assert most <= 10


def test_files_that_are_planned_already_keep_their_time() -> None:
    """A scan that sees a file that waits for the platform does not make it ask at once."""
    done: list[FileId] = []

    def work(file: FileId) -> tuple[str, Next]:
        done.append(file)
        return "local", REST

    stop = threading.Event()
    scheduler = Scheduler({"local": 1}, work, SystemClock(), stop)
    scheduler.put(FileId(1), "local", due_in_s=3600)
    scheduler.put_all([FileId(1), FileId(2)], "local")
    guard = threading.Timer(LIMIT_S, stop.set)
    guard.start()
    scheduler.run(lambda: FileId(2) in done)
    guard.cancel()
    assert done == [FileId(2)]
