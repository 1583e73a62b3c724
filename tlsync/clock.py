"""Time as an argument: the clock that the engine is given, and the one of the system."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the engine may know about time. Tests bring their own."""

    def now(self) -> datetime:
        """The instant, in UTC. For what people read and what the platform says; never for spans."""
        ...

    def monotonic_s(self) -> float:
        """Seconds on a clock that nobody sets, and that goes on while the computer sleeps. For spans and due times."""
        ...

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait until `stop` is set or the span is over; say whether it is set."""
        ...


_COUNTS_SLEEP = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
"""Linux: BOOTTIME. macOS: its MONOTONIC counts sleep. Elsewhere `time.monotonic` does."""
_STANDS_ASLEEP = (
    getattr(time, "CLOCK_MONOTONIC", None)
    if hasattr(time, "CLOCK_BOOTTIME")
    else getattr(time, "CLOCK_UPTIME_RAW", None)
)


class SystemClock:
    """The clocks of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic() if _COUNTS_SLEEP is None else time.clock_gettime(_COUNTS_SLEEP)

    def awake_s(self) -> float:
        """Like `monotonic_s`, but it stands while the computer sleeps, where the system knows the difference."""
        return self.monotonic_s() if _STANDS_ASLEEP is None else time.clock_gettime(_STANDS_ASLEEP)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        return stop.wait(max(0.0, seconds))


def to_text(instant: datetime) -> str:
    """An instant the way tlsync writes it everywhere: RFC 3339, UTC, milliseconds, `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Read RFC 3339, with or without fractions of a second.

    Raises:
        ValueError: Not an instant with a time zone.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return instant.astimezone(UTC)
