"""Days and months are those of the wall clock."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from tlsync.local_days import day_of, is_day, next_day, next_month, start_of


def test_an_instant_is_on_another_day_elsewhere() -> None:
    instant = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert day_of(instant, ZoneInfo("Asia/Tokyo")) == date(2027, 1, 1)
    assert day_of(instant, ZoneInfo("America/Lima")) == date(2026, 12, 31)


@pytest.mark.parametrize("day", [date(2026, 1, 31), date(2028, 2, 29), date(2026, 12, 1), date(2026, 4, 30)])
def test_months_end_however_long_they_are(day: date) -> None:
    assert next_month(day).day == 1
    assert next_month(day).month == day.month % 12 + 1
    assert next_day(day) > day


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Africa/Cairo", "America/Havana", "Pacific/Apia"])
def test_a_day_ends_where_the_next_begins(zone: str) -> None:
    where, day = ZoneInfo(zone), date(2026, 1, 1)
    while day.year == 2026:
        begin, end = start_of(day, where), start_of(next_day(day), where)
        assert 23 <= (end - begin).total_seconds() / 3600 <= 25
        assert day_of(begin, where) == day
        day = next_day(day)


@pytest.mark.parametrize(
    ("text", "is_one"), [("2026-11-22", True), ("20261122", False), ("2026-11-31", False), ("", False)]
)
def test_days_are_written_in_one_way(text: str, is_one: bool) -> None:
    assert is_day(text) is is_one
