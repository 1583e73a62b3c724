"""When a breaker opens, how it finds out, and how it goes back to full speed."""

from __future__ import annotations

import pytest

from tlsync.api.breaker import Because, Breaker, Hold, Ticket, Verdict
from tlsync.errors import ServerFault

from .helpers import FakeClock

FAULT = ServerFault("500")


@pytest.fixture
def breaker(clock: FakeClock) -> Breaker:
    return Breaker(clock, lambda times: 10.0 * 2 ** (times - 1), row=5, share=0.5)


def enter(breaker: Breaker) -> Ticket:
    ticket = breaker.enter()
    assert isinstance(ticket, Ticket)
    return ticket


def play(breaker: Breaker, ends: str) -> None:
    """One call after the other: `+` went well, `-` failed, `.` says nothing."""
    for end in ends:
        verdict = {"+": Verdict.GOOD, "-": Verdict.BAD, ".": Verdict.NOTHING}[end]
        breaker.leave(enter(breaker), verdict, FAULT if end == "-" else None)


@pytest.mark.parametrize("ends", ["-----", "....-----", "-.-.-.-.-", "+-" * 10, "++--" * 5])
def test_opens(breaker: Breaker, ends: str) -> None:
    play(breaker, ends)
    held = breaker.enter()
    assert isinstance(held, Hold)
    assert (held.wait_s, held.because, held.error) == (10.0, Because.SHUT, FAULT)


@pytest.mark.parametrize("ends", ["----", "----+" * 2, "-" * 4 + "." * 40, "+++--" * 40])
def test_stays_closed(breaker: Breaker, ends: str) -> None:
    play(breaker, ends)
    assert isinstance(breaker.enter(), Ticket)


def test_one_probe_and_longer_if_it_fails(breaker: Breaker, clock: FakeClock) -> None:
    play(breaker, "-----")
    for expected_s in (20.0, 40.0, 80.0):
        clock.elapsed_s += breaker.held_s()
        probe = enter(breaker)
        held = [breaker.enter() for _ in range(10)]
        assert all(isinstance(one, Hold) and one.because is Because.PROBED for one in held)
        breaker.leave(probe, Verdict.BAD, FAULT)
        assert breaker.held_s() == expected_s


def test_a_probe_that_says_nothing_is_followed_by_another(breaker: Breaker, clock: FakeClock) -> None:
    play(breaker, "-----")
    clock.elapsed_s += 10
    breaker.leave(enter(breaker), Verdict.NOTHING)
    assert enter(breaker).is_probe


def test_recovery_doubles_what_goes_at_once(breaker: Breaker, clock: FakeClock) -> None:
    play(breaker, "-----")
    clock.elapsed_s += 10
    assert breaker.leave(enter(breaker), Verdict.GOOD) is True
    for limit in (1, 2, 4, 8, 16):
        tickets = [enter(breaker) for _ in range(limit)]
        held = breaker.enter()
        assert isinstance(held, Hold) and held.because is Because.FULL
        for ticket in tickets:
            assert breaker.leave(ticket, Verdict.GOOD) is False
    assert all(isinstance(breaker.enter(), Ticket) for _ in range(100))


def test_a_failure_during_recovery_opens_for_longer(breaker: Breaker, clock: FakeClock) -> None:
    play(breaker, "-----")
    clock.elapsed_s += 10
    play(breaker, "++-")
    assert breaker.held_s() == 20.0


def test_ends_of_calls_from_before_change_nothing(breaker: Breaker) -> None:
    """A hundred calls that were under way when it opened fail one by one: it stays open no longer for that."""
    late = [enter(breaker) for _ in range(100)]
    play(breaker, "-----")
    for ticket in late[:50]:
        breaker.leave(ticket, Verdict.BAD, FAULT)
    for ticket in late[50:]:
        breaker.leave(ticket, Verdict.GOOD)
    assert breaker.held_s() == 10.0


def test_a_nudge_brings_the_probe_forward_but_not_where_the_span_is_fixed(breaker: Breaker) -> None:
    play(breaker, "-----")
    breaker.nudge()
    assert enter(breaker).is_probe
    breaker.hold(FAULT, 900.0)
    breaker.nudge()
    assert breaker.held_s() == 900.0
