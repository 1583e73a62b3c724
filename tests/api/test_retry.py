from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable

import pytest

from tlsync.api.failures import Failed, Outcome
from tlsync.api.retry import Repeater, RetryPolicy
from tlsync.api.routes import Repeat, Route
from tlsync.errors import ApiError, Interrupted, PlatformDown, RateLimited, ServerFault, Unreachable

from .helpers import FakeClock

GET = Route("GET", "/x")
CREATE = Route("POST", "/x")
REPORT = Route("POST", "/r", repeat=Repeat.HARMLESS)
GENERATE = Route("POST", "/g", repeat=Repeat.COSTS)
DELETE = Route("DELETE", "/x")

Step = Failed | str


def failed(outcome: Outcome) -> Failed:
    return Failed(ServerFault("trouble") if outcome is not Outcome.NOT_SENT else Unreachable("away"), outcome)


def limited(wait_s: float | None) -> Failed:
    return Failed(RateLimited("slow down", retry_after_s=wait_s), Outcome.LIMITED)


class Attempts:
    """Plays the given steps; counts."""

    def __init__(self, *steps: Step) -> None:
        self.steps = list(steps)
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        step = self.steps.pop(0)
        if isinstance(step, Failed):
            raise step
        return step


MakeRepeater = Callable[..., Repeater]


@pytest.fixture
def make_repeater(clock: FakeClock, stop: threading.Event) -> MakeRepeater:
    return lambda **policy: Repeater(RetryPolicy(**{"jitter": lambda: 1.0, **policy}), clock, stop)


@pytest.mark.parametrize(
    ("route", "again"),
    [
        (GET, {Outcome.NOT_SENT, Outcome.LIMITED, Outcome.UNAVAILABLE, Outcome.UNKNOWN}),
        (DELETE, {Outcome.NOT_SENT, Outcome.LIMITED, Outcome.UNAVAILABLE, Outcome.UNKNOWN}),
        (REPORT, {Outcome.NOT_SENT, Outcome.LIMITED, Outcome.UNAVAILABLE, Outcome.UNKNOWN}),
        (GENERATE, {Outcome.NOT_SENT, Outcome.LIMITED, Outcome.UNAVAILABLE}),
        (CREATE, {Outcome.NOT_SENT, Outcome.LIMITED}),
    ],
)
@pytest.mark.parametrize("outcome", list(Outcome))
def test_what_is_tried_again(make_repeater: MakeRepeater, route: Route, again: set[Outcome], outcome: Outcome) -> None:
    attempts = Attempts(limited(1.0) if outcome is Outcome.LIMITED else failed(outcome), "done")
    if outcome in again:
        assert make_repeater().run(route, attempts) == "done"
    else:
        with pytest.raises(ApiError):
            make_repeater().run(route, attempts)
        assert attempts.count == 1


@pytest.mark.parametrize(
    ("route", "outcomes", "maybe"),
    [
        (CREATE, [Outcome.UNKNOWN], True),
        (CREATE, [Outcome.UNAVAILABLE], True),
        (CREATE, [Outcome.FINAL], False),
        (CREATE, [Outcome.NOT_SENT] * 5, False),
        (GENERATE, [Outcome.UNKNOWN], True),
        (GET, [Outcome.UNKNOWN] * 5, False),
        (REPORT, [Outcome.UNKNOWN] * 5, True),
        # The first attempt may have worked, however clear the end is.
        (REPORT, [Outcome.UNKNOWN, Outcome.FINAL], True),
        (REPORT, [Outcome.UNKNOWN] + [Outcome.NOT_SENT] * 4, True),
    ],
)
def test_whether_the_call_may_have_worked(
    make_repeater: MakeRepeater, route: Route, outcomes: list[Outcome], maybe: bool
) -> None:
    with pytest.raises(ApiError) as caught:
        make_repeater().run(route, Attempts(*map(failed, outcomes)))
    assert caught.value.maybe_applied is maybe


def test_waits_double_up_to_the_cap(make_repeater: MakeRepeater, clock: FakeClock) -> None:
    repeater = make_repeater(attempts=5, base_s=1.0, cap_s=3.0, total_s=1000.0)
    with pytest.raises(ServerFault):
        repeater.run(GET, Attempts(*[failed(Outcome.UNKNOWN) for _ in range(5)]))
    assert clock.waits == [1.0, 2.0, 3.0, 3.0]


def test_waits_are_random_from_zero(make_repeater: MakeRepeater, clock: FakeClock) -> None:
    policy = RetryPolicy(jitter=random.Random(1).random)
    assert all(0 <= policy.backoff_s(3) <= 4 for _ in range(100))
    assert policy.backoff_s(10**6) <= 30
    assert all(10 <= policy.spread_s(10) <= 11 for _ in range(100))


def test_no_attempt_begins_after_the_total_time(make_repeater: MakeRepeater, clock: FakeClock) -> None:
    attempts = Attempts(*[failed(Outcome.UNKNOWN) for _ in range(99)])
    with pytest.raises(ServerFault):
        make_repeater(attempts=99, base_s=4.0, total_s=11.0).run(GET, attempts)
    assert clock.waits == [4.0] and attempts.count == 2


def test_the_last_error_is_the_one_that_is_raised(make_repeater: MakeRepeater) -> None:
    last = failed(Outcome.FINAL)
    with pytest.raises(ServerFault) as caught:
        make_repeater().run(GET, Attempts(failed(Outcome.UNKNOWN), last))
    assert caught.value is last.error
    assert caught.value.__context__ is None and caught.value.__cause__ is None


def test_other_exceptions_pass_untouched(make_repeater: MakeRepeater) -> None:
    def attempt() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make_repeater().run(GET, attempt)


def test_a_limit_is_waited_out_never_earlier_than_told(make_repeater: MakeRepeater, clock: FakeClock) -> None:
    assert make_repeater().run(CREATE, Attempts(limited(40.0), "done")) == "done"
    assert clock.waits == pytest.approx([44.0])


def test_a_limit_that_says_nothing_is_backed_off_from(make_repeater: MakeRepeater, clock: FakeClock) -> None:
    assert make_repeater().run(CREATE, Attempts(limited(None), limited(None), "done")) == "done"
    assert clock.waits == pytest.approx([1.1, 2.2])


def test_a_long_limit_is_raised_with_its_span(make_repeater: MakeRepeater, clock: FakeClock) -> None:
    with pytest.raises(RateLimited) as caught:
        make_repeater(max_wait_s=60.0).run(GET, Attempts(limited(61.0)))
    assert caught.value.retry_after_s == 61.0 and clock.waits == []


def test_a_limit_stops_its_group_without_a_request_and_no_other(make_repeater: MakeRepeater, clock: FakeClock) -> None:
    repeater = make_repeater()
    one, other = Route("POST", "/a", group="indexing"), Route("POST", "/b", group="indexing")
    with pytest.raises(RateLimited):
        repeater.run(one, Attempts(limited(100.0)))
    held = Attempts("done")
    with pytest.raises(RateLimited) as caught:
        repeater.run(other, held)
    assert held.count == 0 and caught.value.retry_after_s == 100.0
    assert repeater.run(GET, Attempts("free")) == "free"
    clock.elapsed_s += 70
    assert repeater.run(other, held) == "done"
    assert clock.waits == pytest.approx([33.0])


def test_a_group_is_probed_after_an_hour(make_repeater: MakeRepeater, clock: FakeClock) -> None:
    repeater = make_repeater()
    with pytest.raises(RateLimited):
        repeater.run(GET, Attempts(limited(86_400.0)))
    clock.elapsed_s += 3600
    assert repeater.run(GET, Attempts("done")) == "done"


def test_the_call_that_finds_the_door_closing_raises_the_failure_that_closed_it(make_repeater: MakeRepeater) -> None:
    """A process that makes one call tells what went wrong, not that it gave up asking."""
    last = failed(Outcome.NOT_SENT)
    attempts = Attempts(failed(Outcome.NOT_SENT), failed(Outcome.NOT_SENT), last, "never asked")
    with pytest.raises(Unreachable) as caught:
        make_repeater().run(GET, attempts)
    assert caught.value is last.error and attempts.count == 3


def test_what_is_held_back_is_not_sent_and_says_how_long(make_repeater: MakeRepeater) -> None:
    repeater = make_repeater()
    with pytest.raises(ServerFault):
        repeater.run(GET, Attempts(*[failed(Outcome.UNKNOWN) for _ in range(5)]))
    held = Attempts("never asked")
    with pytest.raises(PlatformDown) as caught:
        repeater.run(GET, held)
    assert held.count == 0 and caught.value.retry_after_s == 5.0
    assert caught.value.group == "GET /x" and not caught.value.maybe_applied
    assert caught.value.__context__ is None
    assert repeater.run(REPORT, Attempts("other groups go on")) == "other groups go on"


def test_repeats_are_a_tenth_of_the_requests_and_ten(make_repeater: MakeRepeater, clock: FakeClock) -> None:
    """Sixty calls within a minute, of as many groups, each with one failure in passing."""
    repeater = make_repeater(base_s=0.0)
    repeated = 0
    for number in range(60):
        attempts = Attempts(failed(Outcome.UNKNOWN), "done")
        try:
            repeater.run(Route("GET", f"/{number}"), attempts)
        except ServerFault:
            pass
        repeated += attempts.count - 1
    assert repeated == 10 + 6
    clock.elapsed_s += 60
    assert repeater.run(GET, Attempts(failed(Outcome.UNKNOWN), "done")) == "done"


def test_a_limit_is_no_repeat(make_repeater: MakeRepeater) -> None:
    repeater = make_repeater()
    for number in range(60):
        assert repeater.run(Route("GET", f"/{number}"), Attempts(limited(0.1), "done")) == "done"


@pytest.mark.parametrize("wait_s", [0.0, -5.0])
def test_a_limit_without_a_span_does_not_mean_at_once(
    make_repeater: MakeRepeater, clock: FakeClock, wait_s: float
) -> None:
    assert make_repeater().run(GET, Attempts(limited(max(0.0, wait_s)), "done")) == "done"
    assert clock.waits == pytest.approx([1.1])


def test_an_absurd_limit_is_an_hour(make_repeater: MakeRepeater) -> None:
    with pytest.raises(RateLimited) as caught:
        make_repeater().run(GET, Attempts(limited(1e9)))
    assert caught.value.retry_after_s == 3600.0 and caught.value.group == "GET /x"


def test_stop_ends_a_wait(make_repeater: MakeRepeater, clock: FakeClock, stop: threading.Event) -> None:
    clock.on_wait = stop.set
    attempts = Attempts(failed(Outcome.UNKNOWN), "done")
    with pytest.raises(Interrupted):
        make_repeater().run(GET, attempts)
    assert attempts.count == 1


def test_retries_are_told_to_the_log(make_repeater: MakeRepeater, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    make_repeater().run(GET, Attempts(failed(Outcome.UNKNOWN), "done"))
    assert [record.getMessage() for record in caplog.records] == [
        "retrying route='GET /x' attempt=1 wait_s=1.0 because=ServerFault"
    ]


def unavailable(wait_s: float) -> Failed:
    fault = ServerFault("GET /x answered 503", status=503)
    fault.retry_after_s = wait_s
    return Failed(fault, Outcome.UNAVAILABLE)


def test_a_fault_that_says_how_long_is_waited_out_never_earlier(make_repeater: MakeRepeater, clock: FakeClock) -> None:
    started_s = clock.monotonic_s()
    assert make_repeater().run(GET, Attempts(unavailable(20), "fine")) == "fine"
    assert 20 <= clock.monotonic_s() - started_s <= 23


def test_a_fault_that_says_long_is_raised_and_stops_its_group(make_repeater: MakeRepeater, clock: FakeClock) -> None:
    repeater = make_repeater()
    attempts = Attempts(unavailable(10_000), "fine")
    with pytest.raises(ServerFault) as caught:
        repeater.run(GET, attempts)
    assert caught.value.retry_after_s == 3600
    with pytest.raises(RateLimited):
        repeater.run(GET, attempts)
    assert attempts.count == 1
    assert repeater.run(DELETE, Attempts("another group")) == "another group"
    clock.elapsed_s += 3600
    assert repeater.run(GET, attempts) == "fine"
