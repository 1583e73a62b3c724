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
        """Seconds on a clock that nobody sets. For every span and every due time."""
        ...

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        """Wait until `stop` is set or the span is over; say whether it is set."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

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
