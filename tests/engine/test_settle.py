"""The quiet period: pure, so every case is a row of times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tlsync.engine.settle import SettleTracker
from tlsync.models import FileId, StatSignature

A = StatSignature(1, 1, 1, 1)
B = StatSignature(2, 1, 1, 1)
FILE = FileId(1)


def test_a_file_settles_after_looking_the_same_for_the_whole_period() -> None:
    tracker = SettleTracker(10)
    assert tracker.observe(FILE, A, 0) == 10
    assert tracker.observe(FILE, A, 4) == 6
    assert tracker.observe(FILE, A, 10) == 0


def test_a_change_starts_the_period_again() -> None:
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    assert tracker.observe(FILE, B, 9) == 10
    assert tracker.observe(FILE, B, 18) == 1


def test_forgetting_starts_the_period_again() -> None:
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    tracker.forget(FILE)
    assert tracker.observe(FILE, A, 50) == 10


def test_a_file_that_never_rests_is_told_apart() -> None:
    tracker = SettleTracker(10)
    for now in range(0, 40, 5):
        tracker.observe(FILE, A if now % 10 else B, now)
    assert tracker.restless_s(FILE, 40) == 40


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), min_size=1))
def test_a_settled_file_was_the_same_for_the_period(steps: list[tuple[float, bool]]) -> None:
    tracker = SettleTracker(10)
    now, since, last = 0.0, 0.0, None
    for wait, changes in steps:
        now += wait
        signature = B if changes and last == A else A if changes else last or A
        if signature != last:
            since, last = now, signature
        wait_s = tracker.observe(FILE, signature, now)
        assert (wait_s == 0) == (now - since >= 10)
