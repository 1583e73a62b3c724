"""The bandwidth limit over all uploads."""

from __future__ import annotations

import threading

import pytest

from tests.conftest import FakeClock
from tlsync.engine.throttle import Throttle
from tlsync.errors import Interrupted


def test_bytes_take_the_time_that_the_rate_says(fake_clock: FakeClock) -> None:
    throttle = Throttle(1000, fake_clock, threading.Event())
    start_s = fake_clock.monotonic_s()
    for _ in range(100):
        throttle.pass_bytes(100)
    assert fake_clock.monotonic_s() - start_s == pytest.approx(10, abs=0.35)


def test_without_a_limit_nothing_waits(fake_clock: FakeClock) -> None:
    Throttle(None, fake_clock, threading.Event()).pass_bytes(10**12)
    assert fake_clock.waits == []


@pytest.mark.parametrize("rate", [None, 1])
def test_stopping_ends_the_wait(fake_clock: FakeClock, rate: int | None) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        Throttle(rate, fake_clock, stop).pass_bytes(100)
