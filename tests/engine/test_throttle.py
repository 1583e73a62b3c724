"""The bandwidth limit over all uploads."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import FakeClock
from tlsync.engine.throttle import Throttle
from tlsync.errors import Interrupted

MIB = 2**20


class OnWait(FakeClock):
    """Does something in the middle of a wait."""

    def __init__(self) -> None:
        super().__init__()
        self.act: Callable[[], object] = lambda: None

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.act()
        return super().wait(stop, seconds)


def throttle(rate: float | None, clock: FakeClock, stop: threading.Event | None = None) -> Throttle:
    return Throttle(rate, clock, stop or threading.Event())


def test_bytes_take_the_time_that_the_rate_says(fake_clock: FakeClock) -> None:
    one = throttle(1000, fake_clock)
    start_s = fake_clock.monotonic_s()
    for _ in range(100):
        one.pass_bytes(100)
    assert fake_clock.monotonic_s() - start_s == pytest.approx(10, abs=0.35)


@given(
    st.lists(st.integers(1, 300_000), min_size=20, max_size=60),
    st.floats(10_000, 10_000_000),
    st.lists(st.floats(0, 3), max_size=10),
)
def test_whatever_is_sent_when_the_rate_is_kept(sizes: list[int], rate: float, idle_s: list[float]) -> None:
    """Over any stretch no more than the rate allows, but for a fifth of a second and the first block."""
    clock = FakeClock()
    one = throttle(rate, clock)
    passed: list[tuple[float, int]] = []
    for number, size in enumerate(sizes):
        clock.advance(idle_s[number] if number < len(idle_s) else 0)
        one.pass_bytes(size)
        passed.append((clock.monotonic_s(), size))
    for first in range(len(passed)):
        span_s = passed[-1][0] - passed[first][0]
        sent = sum(size for _, size in passed[first:-1])
        assert sent <= rate * (span_s + 0.2) + max(sizes) + 1
    assert passed[-1][0] - 1000 <= sum(sizes) / rate + sum(idle_s) + 0.01


def test_a_wait_too_short_for_the_clock_is_none(fake_clock: FakeClock) -> None:
    fake_clock.advance(1e6)  # far from its zero, a clock's steps are coarse
    one = throttle(3.0, fake_clock)
    one.pass_bytes(1)
    one._allowed_bytes = one._taken_bytes - 1e-12
    one.pass_bytes(1)
    assert not fake_clock.waits


def test_without_a_limit_nothing_waits(fake_clock: FakeClock) -> None:
    throttle(None, fake_clock).pass_bytes(10**12)
    assert fake_clock.waits == []


def test_time_that_nobody_used_is_not_saved_up(fake_clock: FakeClock) -> None:
    one = throttle(1000, fake_clock)
    fake_clock.advance(3600)
    for _ in range(10):
        one.pass_bytes(1000)
    assert sum(fake_clock.waits) == pytest.approx(9 - 0.2, abs=0.01)


@pytest.mark.parametrize("rate", [None, 1])
def test_stopping_ends_the_wait(fake_clock: FakeClock, rate: int | None) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        throttle(rate, fake_clock, stop).pass_bytes(100)


def test_stopping_ends_a_wait_under_way_at_once() -> None:
    clock, stop = OnWait(), threading.Event()
    one = throttle(20_000, clock, stop)
    one.pass_bytes(256 * 1024)
    clock.act = stop.set
    with pytest.raises(Interrupted):
        one.pass_bytes(1)
    assert clock.waits == []


@pytest.mark.parametrize(("later", "waited_s"), [(None, 0.2), (1_000_000, 0.3), (1000, 91.0)])
def test_a_new_rate_holds_in_the_middle_of_a_wait(later: int | None, waited_s: float) -> None:
    clock = OnWait()
    one = throttle(10_000, clock)
    one.pass_bytes(93_000)
    clock.act = lambda: one.set_rate(later) if clock.waits == [] else None
    one.pass_bytes(1)
    assert sum(clock.waits) == pytest.approx(waited_s, abs=0.21) or later == 1000
    assert max(clock.waits) <= 0.2
    assert one.rate == later


def test_a_rate_after_none_holds_at_once(fake_clock: FakeClock) -> None:
    one = throttle(None, fake_clock)
    one.pass_bytes(10**9)
    one.set_rate(1000)
    for _ in range(3):
        one.pass_bytes(1000)
    assert sum(fake_clock.waits) == pytest.approx(2, abs=0.21)


def test_a_block_goes_in_small_pieces_over_a_slow_line_and_whole_over_a_fast_one(fake_clock: FakeClock) -> None:
    block = bytes(range(256)) * 1024
    assert list(throttle(None, fake_clock).pieces(block)) == [block]
    assert list(throttle(5_000_000, fake_clock).pieces(block)) == [block]
    fake_clock.waits.clear()
    pieces = list(throttle(20_000, fake_clock).pieces(block))
    assert b"".join(pieces) == block
    assert {len(piece) for piece in pieces} == {4096}
    assert sum(fake_clock.waits) == pytest.approx(len(block) / 20_000, abs=0.5)


def test_workers_share_alike(fake_clock: FakeClock) -> None:
    """Each that wants to go on stands behind the others, so all get as far."""
    one = throttle(1000, fake_clock)
    streams = [one.pieces(bytes(40_960)) for _ in range(3)]
    sent = [0, 0, 0]
    for _ in range(9):
        turn = min(range(3), key=lambda number: sent[number])
        sent[turn] += len(next(streams[turn]))
    assert sent == [3 * 4096] * 3


def test_over_a_slow_line_chunks_go_one_after_the_other() -> None:
    clock = OnWait()
    one = throttle(100_000, clock)
    turns = one.chunk("a.mp4", 5 * MIB)
    turns.__enter__()
    ends: list[float] = []

    def end_after_a_while() -> None:
        if len(clock.waits) == 50:
            ends.append(clock.monotonic_s())
            turns.__exit__(None, None, None)

    clock.act = end_after_a_while
    with one.chunk("b.mp4", 5 * MIB):
        assert ends != []


@pytest.mark.parametrize("rate", [None, 5_000_000])
def test_over_a_fast_line_chunks_go_side_by_side(fake_clock: FakeClock, rate: int | None) -> None:
    one = throttle(rate, fake_clock)
    with one.chunk("a.mp4", 5 * MIB), one.chunk("b.mp4", 5 * MIB), one.chunk("c.mp4", 5 * MIB):
        assert fake_clock.waits == []


def test_a_chunk_that_hangs_gives_its_turn_away_and_stopping_ends_the_wait_for_one(fake_clock: FakeClock) -> None:
    stop = threading.Event()
    one = throttle(1000, fake_clock, stop)
    with one.chunk("hangs.mp4", 5 * MIB):
        one.abandon(lambda owner: owner == "hangs.mp4")
        with one.chunk("b.mp4", 5 * MIB):
            stop.set()
            with pytest.raises(Interrupted), one.chunk("c.mp4", 5 * MIB):
                raise AssertionError
    assert fake_clock.waits == []
