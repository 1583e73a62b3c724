"""Times and spans of time the way people say them, in their own time zone."""

from __future__ import annotations

from datetime import datetime


def span(seconds: float) -> str:
    """`41 s`, `4 min`, `2 h 10 min`, `3 days`."""
    if seconds < 59.5:
        return f"{max(0.0, seconds):.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"
    return f"{hours // 24} days"


def ago(instant: datetime, now: datetime) -> str:
    """How long ago something was."""
    seconds = (now - instant).total_seconds()
    return "just now" if seconds < 5 else f"{span(seconds)} ago"


def time_of_day(instant: datetime, now: datetime, *, has_seconds: bool = True) -> str:
    """When something was or will be: without the day where that is today's."""
    local, today = instant.astimezone(), now.astimezone()
    day = "" if local.date() == today.date() else f"{local:%Y-%m-%d} "
    return day + (f"{local:%H:%M:%S}" if has_seconds else f"{local:%H:%M}")


def count(number: int, one: str, many: str = "") -> str:
    """`1 clip`, `14 clips`, `12,000 clips`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
