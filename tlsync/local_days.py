"""Days and months of this machine's calendar, and the instants at which they begin, also where clocks are put back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo


def day_of(instant: datetime, zone: tzinfo | None = None) -> date:
    """The calendar day of an instant; `zone` None is the zone of the system."""
    return instant.astimezone(zone).date()


def start_of(day: date, zone: tzinfo | None = None) -> datetime:
    """When a day begins, in UTC. Where clocks are put forward at midnight, that is the first instant after it."""
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def next_day(day: date) -> date:
    return day + timedelta(days=1)


def next_month(day: date) -> date:
    """The first day of the following month."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def is_day(text: str) -> bool:
    """Whether a text is a day as tlsync writes it, `2026-11-22`."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
