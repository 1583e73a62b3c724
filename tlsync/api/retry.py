"""What is retried, how long, and when not.

| outcome          | harmless | costs again | duplicates |
|------------------|----------|-------------|------------|
| never sent       | again    | again       | again      |
| 429              | again    | again       | again      |
| 503              | again    | again       | raise      |
| unknown          | again    | raise       | raise      |
| final            | raise    | raise       | raise      |

A create call (right column) whose fate is not known is left to the caller, who can look for what it may have made:
`maybe_applied` says so. Generation and search (middle column) leave nothing behind, so the only harm of a repeat is
the bill; a 503 is repeated because the platform says with it that it computed nothing, other faults are not.

Every attempt goes through `gate.py`, which may hold it back: then the failure that there was last is raised, or, if
this call made no attempt yet, an error that says how long. Repeats come out of a budget shared by all calls.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

from tlsync.api.budget import RetryBudget
from tlsync.api.failures import Failed, Outcome
from tlsync.api.gate import Gate, Waits
from tlsync.api.routes import Repeat, Route
from tlsync.clock import Clock
from tlsync.errors import ApiError, Interrupted, RateLimited

log = logging.getLogger(__name__)

T = TypeVar("T")

_SHORTEST_OPEN_S = 1.0

_EVERY = frozenset(Repeat)
_AGAIN: dict[Outcome, frozenset[Repeat]] = {
    Outcome.NOT_SENT: _EVERY,
    Outcome.LIMITED: _EVERY,
    Outcome.UNAVAILABLE: frozenset({Repeat.HARMLESS, Repeat.COSTS}),
    Outcome.UNKNOWN: frozenset({Repeat.HARMLESS}),
    Outcome.FINAL: frozenset(),
}
_DOUBTFUL = frozenset({Outcome.UNKNOWN, Outcome.UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient one call is. Longer patience is the caller's business.

    Attributes:
        attempts: Most requests for one call, the first included.
        base_s: Upper bound of the first random wait; doubles with each further one.
        cap_s: Upper bound of every random wait.
        total_s: No attempt begins later than this after the first.
        max_wait_s: Longest wait that a 429 or a 503 may ask for; what asks for more is raised at once.
        open_base_s: Upper bound of the first random span in which a group that fails is not called; doubles.
        open_cap_s: Upper bound of all of them.
        jitter: A random number from 0 to 1.
    """

    attempts: int = 5
    base_s: float = 1.0
    cap_s: float = 30.0
    total_s: float = 120.0
    max_wait_s: float = 60.0
    open_base_s: float = 5.0
    open_cap_s: float = 900.0
    jitter: Callable[[], float] = random.random

    def backoff_s(self, attempt: int) -> float:
        """Random wait after attempt number `attempt`, from 1: full jitter, so that many clients spread out."""
        return self.jitter() * min(self.cap_s, self.base_s * 2.0 ** min(attempt - 1, 60))

    def open_s(self, times: int) -> float:
        """Random span in which a group is not called, after it failed for the `times`-th time in a row."""
        bound_s = min(self.open_cap_s, self.open_base_s * 2.0 ** min(times - 1, 60))
        return max(min(_SHORTEST_OPEN_S, self.open_base_s), self.jitter() * bound_s)

    def pause_s(self, times: int) -> float:
        """Random pause after the `times`-th 429 in a row that did not say how long."""
        bound_s = min(self.open_cap_s, self.base_s * 2.0 ** min(times - 1, 60))
        return max(self.base_s / 2, self.jitter() * bound_s)

    def gate(self, name: str, clock: Clock, stop: threading.Event, *, whole: str = "") -> Gate:
        """A gate that waits as this policy says."""
        waits = Waits(self.open_s, self.pause_s, self.spread_s, self.max_wait_s, self.total_s)
        return Gate(name, clock, stop, waits, whole=whole)

    def spread_s(self, wait_s: float) -> float:
        """A wait that was asked for, and up to a tenth more: never earlier than told."""
        return wait_s * (1 + 0.1 * self.jitter())


class Repeater:
    """Runs attempts of calls until one succeeds or the policy says no. Shared by all threads."""

    def __init__(self, policy: RetryPolicy, clock: Clock, stop: threading.Event) -> None:
        self._policy = policy
        self._clock = clock
        self._stop = stop
        self._budget = RetryBudget(clock)
        self.gate = policy.gate("the platform", clock, stop)

    def run(self, route: Route, attempt: Callable[[], T]) -> T:
        """The result of the first attempt that succeeds.

        Raises:
            ApiError: The last failure, or what holds the call back. `maybe_applied` is set if any of the attempts
                may have taken effect.
            Interrupted: `stop` was set during a wait.
        """
        started_s = self._clock.monotonic_s()
        doubts: list[Failed] = []
        self._budget.note_request()

        def once() -> T:
            try:
                return self._pass(route.group, attempt)
            except Failed as failed:
                if failed.outcome in _DOUBTFUL and not route.only_reads:
                    doubts.append(failed)
                if doubts:
                    failed.error.maybe_applied = True
                raise

        def enough(state: RetryCallState) -> bool:
            spent_s = self._clock.monotonic_s() - started_s + state.upcoming_sleep
            return state.attempt_number >= self._policy.attempts or spent_s > self._policy.total_s

        def note_retry(state: RetryCallState) -> None:
            why = type(_failed(state).error).__name__
            fields = (str(route), state.attempt_number, state.upcoming_sleep, why)
            log.debug("retrying route=%r attempt=%d wait_s=%.1f because=%s", *fields)

        retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, Failed) and self._may_repeat(route, error)),
            wait=self._wait_s,
            stop=enough,
            sleep=self._sleep,
            before_sleep=note_retry,
            reraise=True,
        )
        try:
            return retrying(once)
        except Failed as failed:
            error = failed.error
        # Raised out here: the failure it came with would stay attached as context.
        raise error

    def _pass(self, group: str, attempt: Callable[[], T]) -> T:
        """One attempt through the gate, which learns how it ended."""
        try:
            passage = self.gate.enter(group)
        except ApiError as error:
            held = Failed(error, Outcome.FINAL)
        else:
            try:
                result = attempt()
            except Failed as failed:
                self.gate.leave(passage, failed)
                raise
            except BaseException:
                self.gate.give_up(passage)
                raise
            self.gate.leave(passage, None)
            return result
        raise held

    def _may_repeat(self, route: Route, failed: Failed) -> bool:
        if route.repeat not in _AGAIN[failed.outcome]:
            return False
        if (failed.error.retry_after_s or 0.0) > self._policy.max_wait_s:
            return False
        if isinstance(failed.error, RateLimited):
            return True
        return not self.gate.is_open(route.group) and self._budget.take()

    def _wait_s(self, state: RetryCallState) -> float:
        asked_s = _failed(state).error.retry_after_s
        if asked_s is not None:
            return self._policy.spread_s(asked_s)
        return self._policy.backoff_s(state.attempt_number)

    def _sleep(self, seconds: float) -> None:
        if self._clock.wait(self._stop, seconds):
            raise Interrupted("stopped while waiting to try again")


def _failed(state: RetryCallState) -> Failed:
    error = state.outcome.exception() if state.outcome else None
    if not isinstance(error, Failed):
        raise TypeError("only a Failed is repeated")
    return error
