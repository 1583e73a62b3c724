"""A group never goes faster than the platform's limit allows, nor waits longer than told."""

from __future__ import annotations

import pytest

from tlsync.api.pace import Pace
from tlsync.api.server_time import Quota, quota_of

from .helpers import FakeClock


@pytest.fixture
def pace(clock: FakeClock) -> Pace:
    return Pace(clock, lambda times: 2.0**times)


def call(pace: Pace, remaining: int, reset_in_s: float) -> None:
    assert pace.take() == 0
    pace.told(Quota(remaining, reset_in_s))
    pace.done()


def test_nothing_left_waits_for_the_end_of_the_window(pace: Pace, clock: FakeClock) -> None:
    call(pace, 0, 30)
    assert pace.take() == pace.held_s() == 30
    clock.elapsed_s += 30
    assert pace.take() == 0


def test_what_is_left_may_go_and_no_more(pace: Pace) -> None:
    call(pace, 3, 30)
    assert [pace.take() for _ in range(5)] == [0, 0, 0, 30, 30]


def test_calls_under_way_are_not_counted_twice_nor_forgotten(pace: Pace) -> None:
    """Three go at once; the first answer says two are left, and those two are the ones under way."""
    for _ in range(3):
        assert pace.take() == 0
    pace.told(Quota(2, 30))
    assert pace.take() == 30


def test_what_was_not_sent_is_given_back(pace: Pace) -> None:
    call(pace, 1, 30)
    assert pace.take() == 0
    pace.done(was_sent=False)
    assert pace.take() == 0


def test_a_new_window_begins(pace: Pace, clock: FakeClock) -> None:
    call(pace, 1, 5)
    clock.elapsed_s += 4
    call(pace, 50, 60)
    assert pace.take() == 0


def test_answers_out_of_order_do_not_raise_what_is_left(pace: Pace) -> None:
    call(pace, 2, 30)
    assert pace.take() == 0
    pace.told(Quota(40, 31))
    pace.done()
    assert [pace.take() for _ in range(2)] == [0, pytest.approx(31, abs=1)]


@pytest.mark.parametrize("wait_s", [10.0**9, 86_400.0])
def test_nobody_is_asked_to_wait_for_more_than_an_hour(pace: Pace, clock: FakeClock, wait_s: float) -> None:
    assert pace.limited(wait_s) == 3600
    clock.elapsed_s += 3600
    call(pace, 0, wait_s)
    assert pace.take() == 3600


def test_limits_without_a_span_back_off_and_several_at_once_are_one(pace: Pace, clock: FakeClock) -> None:
    assert [pace.limited(None) for _ in range(3)] == [2, 2, 2]
    clock.elapsed_s += 2
    assert pace.limited(None) == 4
    clock.elapsed_s += 4
    pace.passed()
    assert pace.limited(0.0) == 2


def test_a_shorter_limit_does_not_shorten_a_longer_one(pace: Pace) -> None:
    pace.limited(100)
    pace.limited(1)
    assert pace.take() == 100


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "1763812830"}, Quota(3, 30)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, Quota(0, 0)),
        ({"x-ratelimit-remaining": "3"}, None),
        ({"x-ratelimit-reset": "1763812830"}, None),
        ({"x-ratelimit-remaining": "-1", "x-ratelimit-reset": "soon"}, None),
        ({}, None),
    ],
)
def test_what_headers_say(clock: FakeClock, headers: dict[str, str], expected: Quota | None) -> None:
    assert quota_of(headers, clock.now()) == expected
