"""The quiet period: pure, so every case is a row of times."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tlsync.engine.settle import SettleTracker
from tlsync.models import FileId, StatSignature

A = StatSignature(1, 10**18, 1, 1)
B = StatSignature(2, 10**18, 1, 1)
FILE, OTHER = FileId(1), FileId(2)


def test_a_file_settles_after_looking_the_same_for_the_whole_period() -> None:
    tracker = SettleTracker(10)
    assert tracker.observe(FILE, A, 0) == 10
    assert tracker.observe(FILE, A, 4) == 6
    assert tracker.observe(FILE, A, 10) == 0


def test_a_change_starts_the_period_again() -> None:
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    assert tracker.observe(FILE, B, 2) == 10
    assert tracker.observe(FILE, B, 5) == 7


def test_forgetting_starts_the_period_again() -> None:
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    tracker.forget(FILE)
    assert tracker.observe(FILE, A, 50) == 10


def test_a_file_that_never_rests_is_told_apart() -> None:
    tracker = SettleTracker(10)
    for now in range(0, 40, 5):
        tracker.observe(FILE, A if now % 10 else B, now)
    assert (tracker.restless_s(FILE), tracker.watched_s(FILE, 40)) == (35, 40)


def test_a_file_that_only_waits_for_its_quiet_period_is_not_restless() -> None:
    """However long that takes: a busy machine may look late."""
    tracker = SettleTracker(10)
    for now in (0, 25, 60, 95):
        tracker.observe(FILE, A, now)
    assert tracker.restless_s(FILE) == 0


def test_looks_at_what_is_written_follow_each_other_closely() -> None:
    """So that pauses are seen. An archive of old files is looked at no more often than needed."""
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0, wall_s=2 * 10**9)
    assert tracker.next_look_s(FILE, 10) == 10
    tracker.observe(FILE, B, 5, wall_s=2 * 10**9)
    assert tracker.next_look_s(FILE, 10) == 2.5
    assert tracker.next_look_s(FILE, 1) == 1
    tracker.observe(OTHER, A, 5, wall_s=10**9 + 60)
    assert tracker.next_look_s(OTHER, 10) == 2.5


def test_the_period_is_twice_the_longest_pause_of_the_writer() -> None:
    tracker = SettleTracker(10)
    for now in range(0, 10, 2):
        tracker.observe(FILE, A, now)
    assert tracker.observe(FILE, B, 9) == 16  # it was seen to pause for 8 s
    assert tracker.observe(FILE, A, 11) == 16  # then not at all: the longest counts
    for now in range(13, 27, 2):
        assert tracker.observe(FILE, A, now) > 0
    assert tracker.observe(FILE, A, 27) == 0


def test_looks_that_come_late_make_no_pauses() -> None:
    """Of a busy program: nobody saw whether the writer paused."""
    tracker = SettleTracker(10)
    for now in (0, 15, 30, 45):
        assert tracker.observe(FILE, A if now % 2 else B, now) == 10


def test_a_pause_is_remembered_while_the_file_rests_as_not_whole() -> None:
    """A writer that pauses for three settle times leaves a file that is not whole, and goes on."""
    tracker = SettleTracker(10)
    for now in (0, 5, 10):
        tracker.observe(FILE, A, now)
    tracker.rest(FILE)
    assert tracker.observe(FILE, B, 30) == 60


def test_what_comes_after_a_long_rest_is_no_pause() -> None:
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    tracker.rest(FILE)
    assert tracker.observe(FILE, B, 86_400) == 10
    assert tracker.watched_s(FILE, 86_405) == 5


def test_time_in_which_nobody_looked_does_not_count() -> None:
    """A laptop slept: its writer slept too."""
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    tracker.observe(FILE, A, 2.5)
    assert tracker.observe(FILE, A, 3600) == 10
    tracker.observe(FILE, A, 3605)
    assert tracker.observe(FILE, A, 3610) == 0


def test_a_change_over_a_gap_is_no_pause_of_the_writer() -> None:
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    tracker.observe(FILE, A, 2.5)
    assert tracker.observe(FILE, B, 100) == 10


def test_a_look_that_hung_does_not_count() -> None:
    """A network volume did not answer for a minute, although other files could be looked at."""
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    for now in range(2, 62, 2):
        tracker.observe(OTHER, A, now)
    assert tracker.observe(FILE, A, 62, took_s=60) == 10


def test_a_busy_program_is_not_asleep() -> None:
    """Thousands of files: each is looked at rarely, some file always."""
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    for now in range(1, 60):
        tracker.observe(OTHER, A, now)
    assert tracker.observe(FILE, A, 60) == 0


def test_reading_a_file_for_long_is_no_sleep() -> None:
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    tracker.is_awake(19)
    assert tracker.observe(FILE, A, 38) == 0


def test_an_idle_program_is_not_asleep() -> None:
    """Nothing to look at for a day; then a file arrives, changes, and settles as usual."""
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    tracker.forget(FILE)
    assert tracker.observe(OTHER, A, 86_400) == 10
    tracker.observe(OTHER, A, 86_405)
    assert tracker.observe(OTHER, A, 86_410) == 0


def test_a_file_dated_just_now_is_looked_at_once_more() -> None:
    """Two writes within one step of a coarse clock leave one time."""
    tracker = SettleTracker(1)
    fresh = StatSignature(1, 1_000_500_000_000, 1, 1)
    tracker.observe(FILE, fresh, 0, wall_s=1000.0)
    assert tracker.observe(FILE, fresh, 1, wall_s=1001.0) == 1
    assert tracker.observe(FILE, fresh, 2, wall_s=1002.0) == 0


def test_a_file_dated_long_ago_or_in_the_future_is_not() -> None:
    for mtime_s in (-5, 0, 990, 10_000_000_000):
        tracker = SettleTracker(1)
        dated = StatSignature(1, mtime_s * 10**9, 1, 1)
        tracker.observe(FILE, dated, 0, wall_s=1000.0)
        assert tracker.observe(FILE, dated, 1, wall_s=1001.0) == 0


def test_a_share_written_to_by_others_has_to_be_quiet_for_longer() -> None:
    tracker = SettleTracker(10)
    tracker.observe(FILE, A, 0)
    tracker.observe(FILE, A, 5)
    assert tracker.observe(FILE, A, 10) == 0
    assert tracker.wait_s(FILE, 10, times=2) == 10


@given(st.lists(st.tuples(st.floats(0, 9), st.booleans()), min_size=1))
def test_a_settled_file_was_the_same_for_the_period(steps: list[tuple[float, bool]]) -> None:
    """And for twice as long as any pause before its last change."""
    tracker = SettleTracker(10)
    now, since, looked, longest, last = 0.0, 0.0, 0.0, 0.0, None
    for wait, changes in steps:
        now += wait
        signature = B if changes and last == A else A if changes else last or A
        if signature != last:
            longest = max(longest, looked - since if last else 0.0)
            since, last = now, signature
        wait_s, looked = tracker.observe(FILE, signature, now), now
        assert (wait_s == 0) == (now - since >= max(10, 2 * longest))
