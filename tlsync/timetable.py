"""How fast may be sent when: one rate, or a timetable in the grammar of rclone's --bwlimit.

    "20 MB/s"  "5 MiB/s"  "unlimited"                      rates the way the other settings are written
    "10M"  "512"  "off"                                    rates of rclone: binary units, KiB/s where there is none
    "08:00,512K 12:00,10M 13:00,512K 18:00,30M 23:00,off"  every day; each holds until the next
    "Mon-00:00,512 Fri-23:59,10M Sat-10:00,1M Sun-20:00,off"

Times are local. "10M:1M" is rclone's upload and download; only the first counts. rclone reads a rate of 0 as no limit;
here it is a mistake, since whoever writes it may mean that nothing is sent.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple

from tlsync.units import parse_rate
from tlsync.week import DAY_MIN, WeekPlan, parse_minute, parse_weekday

_UNITS = {"b": 1, "": 2**10, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}
_SHORT = r"(?P<number>\d+(?:\.\d*)?|\.\d+)(?P<unit>[bkmgtp]?)(?:(?<=[kmgtp])ib?)?"
_GAP = r"[\s;]+(?=\S*,)"
"""Between two entries; a blank before a unit is none, since what follows it has no comma."""


class Timetable(NamedTuple):
    """`text` is how it was written. Rates are bytes per second, None for no limit."""

    week: WeekPlan[int | None]
    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timetable) and self.week == other.week

    def __hash__(self) -> int:
        return hash(self.week)

    @property
    def is_unlimited(self) -> bool:
        """At all times."""
        return self.week.is_constant and self.week.steps[0][1] is None

    def rate_at(self, instant: datetime, zone: tzinfo | None = None) -> int | None:
        """Bytes per second in force at an instant; `zone` None is that of this machine, also below."""
        return self.week.value_at(instant, zone)

    def next_change(self, instant: datetime, zone: tzinfo | None = None) -> datetime | None:
        """When another rate comes into force; None: never."""
        return self.week.next_change(instant, zone)

    def average(self, begin: datetime, end: datetime, zone: tzinfo | None = None) -> float | None:
        """Bytes per second over a window that is not empty; None if there is no limit in any part of it."""
        begin, end = begin.astimezone(UTC), end.astimezone(UTC)
        carried_bytes = 0.0
        for from_, until, rate in self.week.pieces(begin, end, zone):
            if rate is None:
                return None
            carried_bytes += rate * (until - from_).total_seconds()
        return carried_bytes / (end - begin).total_seconds()


def constant(bytes_per_s: int | None, text: str = "") -> Timetable:
    """One rate at all times."""
    return Timetable(WeekPlan(((0, bytes_per_s),)), text or ("unlimited" if bytes_per_s is None else f"{bytes_per_s}B"))


UNLIMITED = constant(None)


def parse_timetable(text: str) -> Timetable:
    """A rate or a timetable, as people write it.

    Raises:
        ValueError: It is none; every entry that is wrong is named.
    """
    if "," not in text:
        return constant(_rate(text), text.strip())
    steps: dict[int, int | None] = {}
    wrong = []
    for entry in re.split(_GAP, text.strip(" \t\r\n;")):
        try:
            minutes, rate = _entry(entry)
        except ValueError as error:
            wrong.append(f"entry {entry!r}: {error}")
        else:
            steps |= dict.fromkeys(minutes, rate)
    if wrong:
        raise ValueError("; ".join(wrong))
    return Timetable(WeekPlan(tuple(sorted(steps.items(), key=lambda step: step[0]))), " ".join(text.split()))


def _entry(entry: str) -> tuple[list[int], int | None]:
    """`"Mon-08:00,512K"` or `"08:00,512K"`: minutes of the week, and the rate from then on."""
    when, _, rate = entry.partition(",")
    day, dash, clock = when.rpartition("-")
    days = [parse_weekday(day)] if dash else range(7)
    minute = parse_minute(clock)
    return [number * DAY_MIN + minute for number in days], _rate(rate)


def _rate(text: str) -> int | None:
    if "/" in text or text.strip().lower() == "unlimited":
        return parse_rate(text)
    upload, colon, download = text.strip().partition(":")
    if colon:
        _short_rate(download)
    return _short_rate(upload)


def _short_rate(text: str) -> int | None:
    """A rate of rclone. Any other text is refused with the words for rates in general."""
    if text.lower() == "off":
        return None
    found = re.fullmatch(_SHORT, text, re.ASCII | re.IGNORECASE)
    if found is None:
        raise ValueError(f'{text!r} is not a rate; write it like "20 MB/s", "512K" or "unlimited"')
    rate = round(float(found["number"]) * _UNITS[found["unit"].lower()])
    if rate < 1:
        raise ValueError(f'{text!r}: write "off" where there is no limit; upload.hours says when nothing is sent')
    return rate
