"""Sleep and clock jumps are told apart from time that passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import FakeClock
from tlsync.clock import SystemClock
from tlsync.engine.wake import WakeDetector


class Machine:
    """Three clocks that a test moves."""

    def __init__(self) -> None:
        self.wall = datetime(2026, 3, 1, tzinfo=UTC)
        self.boot_s = 50.0
        self.up_s = 50.0

    def now(self) -> datetime:
        return self.wall

    def monotonic_s(self) -> float:
        return self.boot_s

    def awake_s(self) -> float:
        return self.up_s

    def wait(self, stop: object, seconds: float) -> bool:
        self.work(seconds)
        return False

    def work(self, seconds: float) -> None:
        self.up_s += seconds
        self.sleep(seconds)

    def sleep(self, seconds: float) -> None:
        self.boot_s += seconds
        self.wall += timedelta(seconds=seconds)


def test_time_that_passes_is_nothing() -> None:
    machine = Machine()
    detector = WakeDetector(machine)
    for seconds in (0.25, 0.25, 3600):
        machine.work(seconds)
        assert detector.check() == ""


def test_sleep_is_told_once() -> None:
    machine = Machine()
    detector = WakeDetector(machine)
    machine.sleep(7200)
    assert detector.check() == "the computer slept for 7200 s"
    assert detector.check() == ""


@pytest.mark.parametrize(
    ("seconds", "said"), [(400.0, "set forward by 400 s"), (-9.0, "set back by 9 s"), (2.0, ""), (-2.0, "")]
)
def test_jumps_of_the_wall_clock(seconds: float, said: str) -> None:
    machine = Machine()
    detector = WakeDetector(machine)
    machine.wall += timedelta(seconds=seconds)
    found = detector.check()
    assert said in found
    assert bool(found) is bool(said)


def test_a_clock_that_does_not_know_sleep_is_never_asleep(fake_clock: FakeClock) -> None:
    detector = WakeDetector(fake_clock)
    fake_clock.advance(100_000)
    assert detector.check() == ""


def test_the_clocks_of_this_machine_agree_while_it_is_awake() -> None:
    clock = SystemClock()
    detector = WakeDetector(clock)
    before_s = clock.monotonic_s()
    assert detector.check() == ""
    assert clock.monotonic_s() >= before_s
    assert clock.awake_s() <= clock.monotonic_s() + 0.1
