"""What each kind of end means for the calls that follow: which are held back, how long, with what error."""

from __future__ import annotations

import threading

import pytest

from tlsync.api.failures import Failed, Outcome
from tlsync.api.gate import Gate
from tlsync.api.retry import RetryPolicy
from tlsync.api.server_time import Quota
from tlsync.errors import (
    ApiError,
    NotFound,
    PlatformDown,
    QuotaExceeded,
    RateLimited,
    ServerFault,
    Unauthorized,
    Unreachable,
    Untrusted,
)

from .helpers import FakeClock

NOT_SENT = Failed(Unreachable("GET /x: the host name is not known"), Outcome.NOT_SENT)
FAULT = Failed(ServerFault("GET /x answered 500", status=500), Outcome.UNKNOWN)


@pytest.fixture
def gate(clock: FakeClock, stop: threading.Event) -> Gate:
    return RetryPolicy(jitter=lambda: 1.0).gate("the platform", clock, stop)


def call(gate: Gate, group: str, failed: Failed | None = None, times: int = 1) -> None:
    for _ in range(times):
        gate.leave(gate.enter(group), failed)


def refusal(gate: Gate, group: str) -> ApiError:
    with pytest.raises(ApiError) as caught:
        gate.enter(group)
    return caught.value


def test_three_calls_that_found_no_way_hold_back_everything(gate: Gate, clock: FakeClock) -> None:
    call(gate, "a", NOT_SENT, 3)
    error = refusal(gate, "b")
    assert isinstance(error, PlatformDown) and error.concerns == "everything" and not error.maybe_applied
    assert str(error) == "the platform can't be reached (GET /x: the host name is not known)"
    assert error.retry_after_s == 5.0
    clock.elapsed_s += 5
    call(gate, "b")
    assert isinstance(gate.enter("a").way.round, int)


def test_while_offline_somebody_looks_every_minute(gate: Gate, clock: FakeClock) -> None:
    call(gate, "a", NOT_SENT, 3)
    for _ in range(20):
        clock.elapsed_s += gate.held_s()
        call(gate, "a", NOT_SENT)
    assert gate.held_s() == 60


def test_faults_hold_back_their_group_only(gate: Gate) -> None:
    call(gate, "a", FAULT, 5)
    error = refusal(gate, "a")
    assert isinstance(error, PlatformDown) and (error.concerns, error.group) == ("group", "a")
    assert "answers with errors" in str(error)
    call(gate, "b")
    assert gate.held_s("a") == 5 and gate.held_s("b") == gate.held_s() == 0


@pytest.mark.parametrize(
    "failed",
    [
        Failed(NotFound("404", status=404), Outcome.FINAL),
        Failed(RateLimited("429", retry_after_s=1e-9), Outcome.LIMITED),
    ],
)
def test_refusals_never_open_anything(gate: Gate, failed: Failed) -> None:
    for _ in range(50):
        call(gate, "a", failed)
        assert not gate.is_open("a")


@pytest.mark.parametrize("kind", [Unauthorized, Untrusted])
def test_a_bad_key_or_certificate_shuts_the_host_for_a_quarter_of_an_hour(
    gate: Gate, clock: FakeClock, kind: type[ApiError]
) -> None:
    call(gate, "a", Failed(kind("no", status=401), Outcome.FINAL))
    error = refusal(gate, "b")
    assert type(error) is kind and error.retry_after_s == 900 and error.concerns == "everything"
    clock.elapsed_s += 900
    call(gate, "b")
    call(gate, "a")


def test_the_plan_shuts_one_group(gate: Gate, clock: FakeClock) -> None:
    call(gate, "a", Failed(QuotaExceeded("403", status=403), Outcome.FINAL))
    error = refusal(gate, "a")
    assert isinstance(error, QuotaExceeded) and (error.group, error.retry_after_s) == ("a", 900)
    call(gate, "b")
    clock.elapsed_s += 900
    call(gate, "a")


def test_a_group_that_recovers_brings_the_probes_of_the_others_forward(gate: Gate, clock: FakeClock) -> None:
    call(gate, "a", FAULT, 5)
    for _ in range(8):
        clock.elapsed_s += gate.held_s("a")
        call(gate, "a", FAULT)
    call(gate, "b", FAULT, 5)
    assert gate.held_s("a") > 600
    clock.elapsed_s += 5
    call(gate, "b")
    assert gate.held_s("a") == 0


def test_a_host_that_works_does_not_shorten_the_wait_of_one_bad_group(gate: Gate) -> None:
    call(gate, "a", FAULT, 5)
    call(gate, "b", None, 50)
    assert gate.held_s("a") == 5


def test_a_used_up_limit_is_waited_out_before_the_call(gate: Gate, clock: FakeClock) -> None:
    passage = gate.enter("a")
    gate.told("a", Quota(0, 20))
    gate.leave(passage, None)
    gate.enter("b")
    assert clock.waits == []
    gate.enter("a")
    assert clock.waits == pytest.approx([22.0])


def test_a_long_limit_is_told_at_once(gate: Gate, clock: FakeClock) -> None:
    passage = gate.enter("a")
    gate.told("a", Quota(0, 2000))
    gate.leave(passage, None)
    error = refusal(gate, "a")
    assert isinstance(error, RateLimited) and error.retry_after_s == 2000 and clock.waits == []


def test_others_wait_for_the_probe_of_the_host(gate: Gate, clock: FakeClock) -> None:
    """They find it open, instead of starting another quarter of an hour."""
    call(gate, "a", Failed(Unauthorized("no", status=401), Outcome.FINAL))
    clock.elapsed_s += 900
    probe = gate.enter("a")
    clock.on_wait = lambda: gate.leave(probe, None)
    gate.enter("b")
    assert len(clock.waits) == 1


def test_another_key_is_tried_at_once_and_only_what_it_mends(gate: Gate, clock: FakeClock) -> None:
    call(gate, "a", Failed(Unauthorized("GET /x answered 401", status=401), Outcome.FINAL))
    assert isinstance(refusal(gate, "b"), Unauthorized)
    gate.mended(QuotaExceeded)
    assert isinstance(refusal(gate, "b"), Unauthorized)
    gate.mended(Unauthorized)
    assert gate.held_s() == 0
    call(gate, "b")
    call(gate, "a")
