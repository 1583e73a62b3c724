"""What the platform's clock says: how long to wait, and how far the local clock is off."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from tlsync.clock import Clock

_REMEMBERED = 5


class ServerTime:
    """The platform's time, by the `Date` headers of its last answers. The local clock may be wrong by hours."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offsets_s: deque[float] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()

    def note(self, headers: Mapping[str, str]) -> None:
        """Learn from an answer that has just arrived."""
        instant = http_date(headers.get("date", ""))
        if instant is not None:
            with self._lock:
                self._offsets_s.append((instant - self._clock.now()).total_seconds())

    def now(self) -> datetime:
        """The instant on the platform's clock; the local one as long as no answer came."""
        with self._lock:
            offset_s = _median(self._offsets_s) if self._offsets_s else 0.0
        return self._clock.now() + timedelta(seconds=offset_s)


def http_date(text: str) -> datetime | None:
    """An instant as HTTP headers write it; None if it is not one."""
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def asked_wait_s(headers: Mapping[str, str], server_now: datetime) -> float | None:
    """Seconds until the platform wants to be asked again, the later of what two headers say; None if they don't.

    `Retry-After` is seconds or an HTTP date, `X-Ratelimit-Reset` seconds since 1970 on the platform's clock, which
    the `Date` of the same answer tells.

    Source: API v1.3, "Rate limits on the wire".
    """
    now = http_date(headers.get("date", "")) or server_now
    after_s = retry_after_s(headers, server_now)
    waits = [] if after_s is None else [after_s]
    if (reset := _number(headers.get("x-ratelimit-reset", ""))) is not None:
        waits.append(reset - now.timestamp())
    return max(0.0, *waits) if waits else None


def retry_after_s(headers: Mapping[str, str], server_now: datetime) -> float | None:
    """What `Retry-After` alone says, in seconds: a 5xx may carry the times of a limit that it has nothing to do with.

    Source: RFC 9110, section 10.2.3.
    """
    after = headers.get("retry-after", "")
    if (seconds := _number(after)) is not None:
        return seconds
    if (instant := http_date(after)) is None:
        return None
    now = http_date(headers.get("date", "")) or server_now
    return max(0.0, (instant - now).total_seconds())


@dataclass(frozen=True, slots=True)
class Quota:
    """What an answer says of the limit of its endpoint."""

    remaining: int
    reset_in_s: float


def quota_of(headers: Mapping[str, str], server_now: datetime) -> Quota | None:
    """How many more calls the platform takes in this window, and when it ends; None if an answer does not say.

    Source: API v1.3, "Rate limits on the wire".
    """
    now = http_date(headers.get("date", "")) or server_now
    remaining = _number(headers.get("x-ratelimit-remaining", ""))
    reset = _number(headers.get("x-ratelimit-reset", ""))
    if remaining is None or reset is None:
        return None
    return Quota(int(min(remaining, 1e9)), max(0.0, reset - now.timestamp()))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _median(values: Iterable[float]) -> float:
    """As that of `statistics`, which takes as long to load as a short answer to come."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
