"""When uploads may be under way: spans of local time, on all days or on some.

"always"
"22:00-06:00"                                the end is on the next day where it is not after the beginning
"12:00-13:00, 22:00-06:00"
"Mon-Fri 19:00-07:00, Sat-Sun 00:00-24:00"   the day is that of the beginning
"""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import NamedTuple

from tlsync.week import DAY_MIN, WEEK_MIN, WeekPlan, parse_minute, parse_weekday


class Hours(NamedTuple):
    """`text` is how they were written."""

    week: WeekPlan[bool]
    text: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hours) and self.week == other.week

    def __hash__(self) -> int:
        return hash(self.week)

    @property
    def are_always(self) -> bool:
        return self.week.is_constant

    def are_open(self, instant: datetime, zone: tzinfo | None = None) -> bool:
        """Whether an instant is within them; `zone` None is that of this machine."""
        return self.week.value_at(instant, zone)

    def next_change(self, instant: datetime, zone: tzinfo | None = None) -> datetime | None:
        """When they open or close next; None: never."""
        return self.week.next_change(instant, zone)


ALWAYS = Hours(WeekPlan(((0, True),)), "always")


def parse_hours(text: str) -> Hours:
    """Hours as people write them.

    Raises:
        ValueError: They are none; every entry that is wrong is named.
    """
    if text.strip().lower() == "always":
        return ALWAYS
    is_open = [False] * WEEK_MIN
    wrong = []
    for entry in text.split(","):
        try:
            days, begin, end = _entry(entry)
        except ValueError as error:
            wrong.append(f"entry {entry.strip()!r}: {error}")
            continue
        length = end - begin if end > begin else end - begin + DAY_MIN
        for day in days:
            for minute in range(day * DAY_MIN + begin, day * DAY_MIN + begin + length):
                is_open[minute % WEEK_MIN] = True
    if wrong:
        raise ValueError("; ".join(wrong))
    steps = tuple((minute, now) for minute, now in enumerate(is_open) if minute == 0 or now != is_open[minute - 1])
    return Hours(WeekPlan(steps), " ".join(text.split()))


def _entry(entry: str) -> tuple[list[int], int, int]:
    """`"Mon-Fri 19:00-07:00"`: days, and the minutes of the day at which they begin and end."""
    *named, span = entry.split() or [""]
    if len(named) > 1 or span.count("-") != 1:
        raise ValueError('write it like "22:00-06:00" or "Mon-Fri 19:00-07:00"')
    begin_text, _, end_text = span.partition("-")
    begin, end = parse_minute(begin_text), parse_minute(end_text, most=DAY_MIN)
    if begin == end:
        raise ValueError("begins when it ends; a whole day is 00:00-24:00")
    return _days(named[0]) if named else list(range(7)), begin, end


def _days(text: str) -> list[int]:
    first_text, dash, last_text = text.partition("-")
    first = parse_weekday(first_text)
    last = parse_weekday(last_text) if dash else first
    return [(first + number) % 7 for number in range((last - first) % 7 + 1)]
