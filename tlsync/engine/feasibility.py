"""Whether an upload can end while its session lives, at the rates and within the hours that will be in force. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo

from tlsync.hours import Hours
from tlsync.timetable import Timetable

SESSION_S = 24 * 3600.0
"""Life of an upload session (reference, "Multipart upload: the whole procedure", as of 2025-11-17)."""
_IN_HAND_S = 3600.0
"""Kept of it for what is sent twice, and for reports and looks at the end."""
_WEEK = timedelta(days=7)


def would_take_s(
    size_bytes: float, timetable: Timetable, hours: Hours, from_: datetime, zone: tzinfo | None = None
) -> float:
    """Seconds until so many bytes are sent, waiting for hours to open included.

    Where there is no limit they count as sent at once: how fast the line itself is, is not known here.

    Args:
        from_: When it is begun.
        zone: Where the clock hangs; None: that of this machine.
    """
    if size_bytes <= 0:
        return 0.0
    from_ = from_.astimezone(UTC)
    week_bytes = carried_bytes(timetable, hours, from_, from_ + _WEEK, zone)
    weeks = 0 if math.isinf(week_bytes) else max(0, math.ceil(size_bytes / week_bytes) - 1)
    left_bytes = size_bytes - (weeks * week_bytes if weeks else 0)
    for start, end, rate in _open_pieces(timetable, hours, from_, from_ + 2 * _WEEK, zone):
        waited_s = weeks * _WEEK.total_seconds() + (start - from_).total_seconds()
        if rate is None:
            return waited_s
        span_s = (end - start).total_seconds()
        if left_bytes <= rate * span_s:
            return waited_s + left_bytes / rate
        left_bytes -= rate * span_s
    return math.inf


def carried_bytes(
    timetable: Timetable, hours: Hours, begin: datetime, end: datetime, zone: tzinfo | None = None
) -> float:
    """What may be sent in a span; infinite if there is no limit in an open part of it."""
    return sum(
        math.inf if rate is None else rate * (until - from_).total_seconds()
        for from_, until, rate in _open_pieces(timetable, hours, begin, end, zone)
    )


def refusal(
    size_bytes: int, timetable: Timetable, hours: Hours, now: datetime, zone: tzinfo | None = None
) -> str | None:
    """Why an upload that is begun as soon as the hours are open would not end in time; None if it would, or if there
    is no limit to reckon with."""
    if timetable.is_unlimited:
        return None
    if not hours.are_open(now, zone):
        now = hours.next_change(now, zone) or now
    takes_s = would_take_s(size_bytes, timetable, hours, now, zone)
    if takes_s <= SESSION_S - _IN_HAND_S:
        return None
    day_bytes = carried_bytes(timetable, hours, now, now + timedelta(days=1), zone)
    if timetable.week.is_constant:
        pace = f"at {_amount(timetable.rate_at(now, zone) or 0)}/s"
    else:
        pace = f"at {_amount(day_bytes / SESSION_S)}/s on average"
    within = "" if hours.are_always else f" within upload.hours {hours.text}"
    return f"{_amount(size_bytes)} take {_span(takes_s)} {pace}{within}; an upload has 24 h"


def _open_pieces(
    timetable: Timetable, hours: Hours, begin: datetime, end: datetime, zone: tzinfo | None
) -> Iterator[tuple[datetime, datetime, int | None]]:
    for opens, closes, is_open in hours.week.pieces(begin, end, zone):
        if is_open:
            yield from timetable.week.pieces(opens, closes, zone)


def _amount(number_bytes: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number_bytes < 1000:
            return f"{number_bytes:.0f} B" if unit == "B" else f"{number_bytes:.1f} {unit}".replace(".0 ", " ")
        number_bytes /= 1000
    return f"{number_bytes:.2f} TB"


def _span(seconds: float) -> str:
    if seconds < 48 * 3600:
        return f"{math.ceil(seconds / 3600)} h"
    return f"{math.ceil(seconds / 86_400)} days" if seconds < math.inf else "forever"
