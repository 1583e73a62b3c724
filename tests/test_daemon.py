"""What is done beside the engine: pauses heeded, signs of life given only for an engine that lives."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from tests.conftest import FakeClock
from tlsync import daemon
from tlsync.config import PowerSettings, Settings, UploadSettings
from tlsync.engine.engine import Engine
from tlsync.engine.restraint import ALL_REMOTE, UPLOADS
from tlsync.errors import CatalogError
from tlsync.hours import Hours, parse_hours
from tlsync.notify import Notifier
from tlsync.store import pause
from tlsync.store.bandwidth_override import go_on_file, override_file
from tlsync.store.store import Store
from tlsync.timetable import Timetable, constant


class Stand:
    """An engine that does nothing, and a service manager that listens."""

    def __init__(self, folder: Path, watchdog_s: float | None = None) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.settings = Settings(state_dir=folder / "state", power=PowerSettings(on_metered="go on"))
        self.holds: list[frozenset[str]] = []
        self.limits: list[int | None] = []
        self.turns = 0
        self.trouble: dict[str, str] | None = None
        self.first_done = threading.Event()
        self.stop = threading.Event()
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = str(folder / "notify")
        self.ear.bind(address)
        self.ear.setblocking(False)
        self.notifier = Notifier(address, watchdog_s)
        self.store = Store(folder / "state", self.clock)
        self.rounds: Callable[[int], None] = lambda number: None

    # The engine

    def hold_back(self, lanes: frozenset[str], *, is_awaited: bool = True) -> None:
        assert is_awaited
        self.holds.append(lanes)

    def limit(self, bytes_per_s: int | None, timetable: Timetable, hours: Hours) -> None:
        self.limits.append(bytes_per_s)

    def report(self) -> dict[str, Any]:
        return {"transfers": [], "troubles": [self.trouble] if self.trouble else []}

    def run_forever(self) -> None:
        self.stop.wait(30)

    # The test

    def run(self, rounds: int, each: Callable[[int], None], first: Callable[[], object] | None = None) -> list[str]:
        """Housekeeping for so many rounds; `each` is called before every wait. Gives what the manager heard."""
        passed, wait = 0, self.clock.wait

        def count(stop: threading.Event, seconds: float) -> bool:
            nonlocal passed
            if threading.current_thread().name == "tlsync-housekeeping":
                passed += 1
                each(passed)
                if passed == rounds:
                    self.stop.set()
                return wait(stop, seconds)
            return stop.wait(0.001)

        self.clock.wait = count  # type: ignore[method-assign]
        engine = cast(Engine, self)
        daemon.run(engine, self.store, self.settings, self.clock, self.stop, first=first, notifier=self.notifier)
        heard = []
        while True:
            try:
                heard.append(self.ear.recv(4096).decode())
            except BlockingIOError:
                return heard


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Callable[..., Stand]]:
    made: list[Stand] = []

    def make(**named: Any) -> Stand:
        made.append(Stand(tmp_path, **named))
        return made[-1]

    yield make
    for one in made:
        one.store.close()
        one.ear.close()


def test_a_life_is_told_from_ready_to_stopping(stand: Callable[..., Stand]) -> None:
    heard = stand().run(3, lambda number: None)
    assert heard[0] == "READY=1"
    assert "STATUS=watching; 0 uploads under way" in heard
    assert heard[-1] == "STOPPING=1\nSTATUS=stopping"
    assert "WATCHDOG=1" not in heard


def test_signs_of_life_follow_the_turns_of_the_engine(stand: Callable[..., Stand]) -> None:
    """A thread that only counts time would give them for an engine that hangs."""
    one = stand(watchdog_s=8.0)  # a sign is due every 2 s, which is four rounds

    def each(number: int) -> None:
        if number < 20:
            one.turns += 1

    heard = one.run(60, each)
    assert heard.count("WATCHDOG=1") in (5, 6)  # in the first 20 rounds; then it hangs for 40


def test_before_the_first_turn_housekeeping_speaks_for_both(stand: Callable[..., Stand]) -> None:
    heard = stand(watchdog_s=8.0).run(20, lambda number: None)
    assert heard.count("WATCHDOG=1") == 5


def test_a_pause_is_heeded_before_anything_starts_and_lifted_in_the_next_round(stand: Callable[..., Stand]) -> None:
    one = stand()
    state_dir = one.folder / "state"
    pause.begin(state_dir, one.clock.now(), None, "on a call")
    done: list[int] = []

    def each(number: int) -> None:
        if number == 3:
            assert set(one.holds) == {ALL_REMOTE}
            assert done == []
            pause.lift(state_dir)
        if number == 4:
            assert one.holds[-1] == frozenset()

    heard = one.run(200, each, first=lambda: done.append(1))
    assert one.holds[0] == ALL_REMOTE
    assert done == [1]  # what comes first talks to the platform, and waited
    assert "STATUS=paused until tlsync resume (on a call)" in heard


def test_a_pause_that_cannot_be_looked_at_keeps_what_held_before(
    stand: Callable[..., Stand], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = stand()
    pause.begin(one.folder / "state", one.clock.now(), None)

    def fail(self: pause.PauseWatch) -> None:
        raise CatalogError("the disk is gone")

    def each(number: int) -> None:
        if number == 2:
            monkeypatch.setattr(pause.PauseWatch, "current", fail)

    one.run(5, each)
    assert set(one.holds) == {ALL_REMOTE}


def test_trouble_is_told_in_one_line(stand: Callable[..., Stand]) -> None:
    one = stand()
    one.trouble = {"message": "no network\nREADY=0"}
    assert "STATUS=waiting: no network\\nREADY=0" in one.run(2, lambda number: None)


def test_status_hears_of_the_pause_at_once(stand: Callable[..., Stand]) -> None:
    """Not only at the next heartbeat: the daemon knows the end of a pause better than the wall clock."""
    one = stand()
    said: list[Any] = []

    def each(number: int) -> None:
        if number == 2:
            pause.begin(one.folder / "state", one.clock.now(), 3600)
        if number == 3:
            said.append(one.store._db.row("SELECT report FROM heartbeat"))

    one.run(4, each)
    assert '"pause": {"key": ' in said[0][0]


def test_another_bandwidth_is_heeded_in_the_next_round_and_ends_by_itself(stand: Callable[..., Stand]) -> None:
    one = stand()
    one.settings = one.settings._replace(upload=UploadSettings(bandwidth=constant(1000)))

    def each(number: int) -> None:
        if number == 2:
            override_file(one.folder / "state").give(one.clock.now(), one.clock.now() + timedelta(seconds=5), "2K")
        if number == 3:
            assert one.limits[-1] == 2048

    one.run(20, each)
    assert one.limits == [1000, 2048, 1000]
    assert not override_file(one.folder / "state").path.exists()


def test_closed_hours_hold_uploads_only_and_may_be_passed_over(stand: Callable[..., Stand]) -> None:
    one = stand()  # it is 03:04:05 UTC
    zone_hours = one.clock.now().astimezone()
    closed = f"{(zone_hours + timedelta(hours=2)):%H}:00-{(zone_hours + timedelta(hours=3)):%H}:00"
    one.settings = one.settings._replace(upload=UploadSettings(hours=parse_hours(closed)))

    def each(number: int) -> None:
        if number == 3:
            assert set(one.holds) == {UPLOADS}
            go_on_file(one.folder / "state").give(one.clock.now(), None)
        if number == 4:
            assert one.holds[-1] == frozenset()

    heard = one.run(6, each)
    assert any("(upload.hours)" in line and "STATUS=waiting for" in line for line in heard)
    assert "STATUS=watching; 0 uploads under way" in heard
