"""What stands between a call and one host: the way there, each group's breaker, and each group's pace.

| what came back                            | the way | the group                                       |
|-------------------------------------------|---------|-------------------------------------------------|
| not sent: no such host, refused, no route | failure | –                                               |
| certificate not trusted · 401             | shut    | –                                               |
| 402, 403                                  | good    | shut                                            |
| 5xx, 408, 425                             | good    | failure; a pause, if `Retry-After` asks for one |
| sent, and no answer                       | –       | failure                                         |
| 429                                       | good    | good, and a pause                               |
| any other answer                          | good    | good                                            |

`shut` is a quarter of an hour, then one call asks again. What is held back is not sent: the error says so.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from tlsync.api.breaker import Because, Breaker, Hold, Ticket, Verdict
from tlsync.api.failures import Failed, Outcome
from tlsync.api.pace import Pace
from tlsync.api.server_time import Quota
from tlsync.clock import Clock
from tlsync.errors import (
    ApiError,
    Interrupted,
    PlatformDown,
    QuotaExceeded,
    RateLimited,
    ServerFault,
    Unauthorized,
    Unreachable,
    Untrusted,
)

SHUT_S = 900.0
_UNREACHABLE_ROW = 3
_LONGEST_OFFLINE_S = 60.0
"""What is not sent costs the platform nothing, and when the network is back everything should go on soon."""
_FAULTS_ROW = 5
_FAULTS_SHARE = 0.5
_LOOK_S = 0.1
_HINT = "tlsync waits and goes on by itself"


@dataclass(frozen=True, slots=True)
class Waits:
    """How a gate waits.

    Attributes:
        open_s: Seconds that a breaker stays open when it opens for the n-th time in a row.
        pause_s: Seconds of pause after the n-th 429 in a row that says none.
        spread_s: A wait that was asked for, and a bit more.
        longest_s: A call waits here for so long; what is longer is raised.
        longest_probe_s: So long it waits for another call to find out whether the host is back.
    """

    open_s: Callable[[int], float]
    pause_s: Callable[[int], float]
    spread_s: Callable[[float], float]
    longest_s: float
    longest_probe_s: float


@dataclass(frozen=True, slots=True)
class Passage:
    """Leave for one call, given back with what became of it."""

    group: str
    way: Ticket
    door: Ticket


@dataclass(frozen=True, slots=True)
class _Group:
    door: Breaker
    pace: Pace


class Gate:
    """The gate of one host. May be used from many threads."""

    def __init__(self, name: str, clock: Clock, stop: threading.Event, waits: Waits, *, whole: str = "") -> None:
        """
        Args:
            name: What people know the host as: "the platform", "storage".
            whole: The group that stands for all calls to this host; empty where nothing goes on without it.
        """
        self._name = name
        self._whole = whole
        self._clock = clock
        self._stop = stop
        self._waits = waits
        self._way = Breaker(clock, lambda n: min(_LONGEST_OFFLINE_S, waits.open_s(n)), row=_UNREACHABLE_ROW, share=None)
        self._groups: dict[str, _Group] = {}
        self._lock = threading.Lock()

    def enter(self, group: str) -> Passage:
        """Wait for leave, if that is not long.

        Raises:
            RateLimited, PlatformDown, Unauthorized, QuotaExceeded, Untrusted: Not now, and not soon. Nothing was
                sent; `retry_after_s` says when it is worth asking again.
            Interrupted: Asked to stop during the wait.
        """
        begun_s = self._clock.monotonic_s()
        while True:
            found = self._try(group)
            if isinstance(found, Passage):
                return found
            wait_s, longest_s, error = found
            if self._clock.monotonic_s() - begun_s + wait_s > longest_s:
                raise error
            if self._clock.wait(self._stop, wait_s):
                raise Interrupted("stopped while waiting to try again")

    def leave(self, passage: Passage, failed: Failed | None) -> None:
        """Note how a call ended; None: well."""
        group = self._group(passage.group)
        error = failed.error if failed is not None else None
        way, door = _verdicts(failed)
        if isinstance(error, RateLimited) or (isinstance(error, ServerFault) and error.retry_after_s):
            error.retry_after_s = group.pace.limited(error.retry_after_s)
            error.group = passage.group
        elif failed is None:
            group.pace.passed()
        group.pace.done()
        if isinstance(error, Unauthorized | Untrusted):
            self._name_concern(error, self._whole)
            self._way.hold(error, SHUT_S)
            group.door.leave(passage.door, door)
            return
        self._way.leave(passage.way, way, error)
        if isinstance(error, QuotaExceeded):
            error.group = passage.group
            group.door.hold(error, SHUT_S)
        elif group.door.leave(passage.door, door, error):
            self._tell_the_others()

    def give_up(self, passage: Passage) -> None:
        """The call ended in a way that says nothing of the host."""
        group = self._group(passage.group)
        group.pace.done()
        self._way.leave(passage.way, Verdict.NOTHING)
        group.door.leave(passage.door, Verdict.NOTHING)

    def mended(self, kind: type[ApiError]) -> None:
        """Somebody mended what such an error told of: the next call finds out."""
        self._way.mended(kind)

    def told(self, group: str, quota: Quota | None) -> None:
        """An answer said what is left of its group's limit."""
        if quota is not None:
            self._group(group).pace.told(quota)

    def held_s(self, group: str = "") -> float:
        """Seconds during which no call of the group is sent; without a group, no call at all."""
        way_s = self._way.held_s()
        if not group:
            return way_s
        found = self._group(group)
        return max(way_s, found.door.held_s(), found.pace.held_s())

    def is_open(self, group: str) -> bool:
        """Whether calls are held back for the failures before them, until a probe goes well."""
        return self._way.is_open() or self._group(group).door.is_open()

    def _try(self, name: str) -> Passage | tuple[float, float, ApiError]:
        """Leave; or how long to wait, how long that is worth, and what to raise if it is not."""
        group = self._group(name)
        way = self._way.enter()
        if isinstance(way, Hold):
            # While the host's probe is under way nobody else has anything to do: they wait for what it finds.
            worth_s = 0.0 if way.because is Because.SHUT else self._waits.longest_probe_s
            return _LOOK_S, worth_s, self._refusal(way, self._whole)
        door = group.door.enter()
        if isinstance(door, Hold):
            self._way.leave(way, Verdict.NOTHING)
            worth_s = self._waits.longest_probe_s if door.because is Because.FULL else 0.0
            return _LOOK_S, worth_s, self._refusal(door, name)
        wait_s = group.pace.take()
        if wait_s <= 0:
            return Passage(name, way, door)
        self._way.leave(way, Verdict.NOTHING)
        group.door.leave(door, Verdict.NOTHING)
        error = RateLimited(f"{name}: the platform asked to wait", retry_after_s=wait_s, hint=_HINT)
        error.group = name
        longest_s = self._waits.longest_s if wait_s <= self._waits.longest_s else 0.0
        return self._waits.spread_s(wait_s), self._waits.spread_s(longest_s), error

    def _refusal(self, hold: Hold, group: str) -> ApiError:
        was = hold.error
        if isinstance(was, Unauthorized | QuotaExceeded | Untrusted):
            error: ApiError = type(was)(was.message, status=was.status, remote_code=was.remote_code, hint=was.hint)
            error.retry_after_s = hold.wait_s
            self._name_concern(error, group)
            return error
        trouble = "answers with errors" if isinstance(was, ServerFault) else "can't be reached"
        down = PlatformDown(
            f"{self._name} {trouble} ({was.message})", retry_after_s=hold.wait_s, group=group, hint=_HINT
        )
        self._name_concern(down, group)
        return down

    @staticmethod
    def _name_concern(error: ApiError, group: str) -> None:
        error.group = group
        error.concerns = "group" if group else "everything"

    def _tell_the_others(self) -> None:
        """One group recovered from an outage; the others were probably hit by the same one."""
        with self._lock:
            groups = list(self._groups.values())
        for group in groups:
            group.door.nudge()

    def _group(self, name: str) -> _Group:
        with self._lock:
            if name not in self._groups:
                door = Breaker(self._clock, self._waits.open_s, row=_FAULTS_ROW, share=_FAULTS_SHARE)
                self._groups[name] = _Group(door, Pace(self._clock, self._waits.pause_s))
            return self._groups[name]


def _verdicts(failed: Failed | None) -> tuple[Verdict, Verdict]:
    """What an end says of the way, and of the group."""
    if failed is None:
        return Verdict.GOOD, Verdict.GOOD
    if failed.outcome is Outcome.NOT_SENT:
        return Verdict.BAD, Verdict.NOTHING
    if isinstance(failed.error, ServerFault):
        return Verdict.GOOD, Verdict.BAD
    if isinstance(failed.error, Unreachable) and not isinstance(failed.error, Untrusted):
        return Verdict.NOTHING, Verdict.BAD
    if failed.error.status is None:
        return Verdict.NOTHING, Verdict.NOTHING
    return Verdict.GOOD, Verdict.GOOD
