"""What holds when in a week of local time: values from one time of the wall clock to the next, also where it is set."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Generic, NamedTuple, TypeVar

V = TypeVar("V")

DAY_MIN = 24 * 60
WEEK_MIN = 7 * DAY_MIN
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class WeekPlan(NamedTuple, Generic[V]):
    """A value for every minute of a week; all questions take an instant and a zone (None: that of this machine).

    `steps`: (minute of the week from Monday 00:00, value), in that order, each minute once, at least one. A value
    holds until the next step by the clock on the wall, and the last one into the next week.
    """

    steps: tuple[tuple[int, V], ...]

    @property
    def is_constant(self) -> bool:
        return all(value == self.steps[0][1] for _, value in self.steps)

    def value_at(self, instant: datetime, zone: tzinfo | None = None) -> V:
        local = instant.astimezone(zone)
        minute = local.weekday() * DAY_MIN + local.hour * 60 + local.minute
        return self.steps[bisect_right(self.steps, minute, key=lambda step: step[0]) - 1][1]

    def next_change(self, instant: datetime, zone: tzinfo | None = None) -> datetime | None:
        """When another value holds for the next time; None: never."""
        if self.is_constant:
            return None
        value = self.value_at(instant, zone)
        today = instant.astimezone(zone).date()
        for days in range(9):
            for moment in self._moments(today + timedelta(days=days), zone):
                if moment > instant and self.value_at(moment, zone) != value:
                    return moment
        return None

    def pieces(
        self, begin: datetime, end: datetime, zone: tzinfo | None = None
    ) -> Iterator[tuple[datetime, datetime, V]]:
        """The span from `begin` to `end`, cut where the value changes."""
        begin, end = begin.astimezone(UTC), end.astimezone(UTC)  # spans within one zone leave out its changes
        while begin < end:
            change = self.next_change(begin, zone)
            until = end if change is None else min(change, end)
            yield begin, until, self.value_at(begin, zone)
            begin = until

    def _moments(self, day: date, zone: tzinfo | None) -> list[datetime]:
        """When the value may change on a day, in order: at its steps, and where the clock is put on or back."""
        midnight = datetime.combine(day, time())
        first = day.weekday() * DAY_MIN
        minutes = [minute - first for minute, _ in self.steps if first <= minute < first + DAY_MIN]
        moments = {_instant(midnight + timedelta(minutes=minute), zone, fold) for minute in minutes for fold in (0, 1)}
        begin, end = _instant(midnight, zone), _instant(midnight + timedelta(days=1), zone)
        if end - begin != timedelta(days=1):
            moments.add(_clock_change(begin, end, zone))
        return sorted(moments)


def _instant(wall: datetime, zone: tzinfo | None, fold: int = 0) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _clock_change(begin: datetime, end: datetime, zone: tzinfo | None) -> datetime:
    """The second between two instants at which the zone's distance from UTC changes."""
    before = begin.astimezone(zone).utcoffset()
    while end - begin > timedelta(seconds=1):
        middle = begin + (end - begin) / 2
        if middle.astimezone(zone).utcoffset() == before:
            begin = middle
        else:
            end = middle
    return end.replace(microsecond=0)


def parse_minute(text: str, *, most: int = DAY_MIN - 1) -> int:
    """`"07:30"` as minutes of the day.

    Args:
        most: `DAY_MIN` where "24:00" may be meant.

    Raises:
        ValueError: No such time.
    """
    hours, colon, minutes = text.partition(":")
    digits = hours + minutes
    if colon and len(minutes) == 2 and 1 <= len(hours) <= 2 and digits.isascii() and digits.isdigit():
        minute = int(hours) * 60 + int(minutes)
        if int(minutes) < 60 and minute <= most:
            return minute
    raise ValueError(f"{text!r} is no time of day; write it like 07:30")


def parse_weekday(text: str) -> int:
    """`"Mon"` or `"monday"` as 0.

    Raises:
        ValueError: No such day.
    """
    for number, day in enumerate(_WEEKDAYS):
        if text.lower() in (day, day[:3]):
            return number
    raise ValueError(f"{text!r} is no day of the week; write Mon, Tue, Wed, Thu, Fri, Sat or Sun")
