"""Hours in which uploads may be under way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync.hours import ALWAYS, parse_hours

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def when(day: str, clock: str) -> datetime:
    hours, minutes = clock.split(":")
    return MONDAY + timedelta(days=DAYS.index(day), hours=int(hours), minutes=int(minutes))


@pytest.mark.parametrize(
    ("text", "day", "clock", "is_open"),
    [
        ("22:00-06:00", "Wed", "21:59", False),
        ("22:00-06:00", "Wed", "22:00", True),
        ("22:00-06:00", "Mon", "05:59", True),
        ("22:00-06:00", "Mon", "06:00", False),
        ("12:00-13:00, 22:00-06:00", "Sun", "12:30", True),
        ("Mon-Fri 19:00-07:00, Sat-Sun 00:00-24:00", "Fri", "18:59", False),
        ("Mon-Fri 19:00-07:00, Sat-Sun 00:00-24:00", "Sat", "15:00", True),
        ("Mon-Fri 19:00-07:00, Sat-Sun 00:00-24:00", "Mon", "03:00", False),
        ("Fri 19:00-07:00", "Sat", "06:00", True),
        ("Sun 22:00-06:00", "Mon", "01:00", True),
        ("Sat-Mon 8:00-9:00", "Sun", "08:30", True),
        ("Sat-Mon 8:00-9:00", "Tue", "08:30", False),
        ("always", "Tue", "08:30", True),
        ("00:00-24:00", "Tue", "08:30", True),
    ],
)
def test_what_is_within_them(text: str, day: str, clock: str, is_open: bool) -> None:
    assert parse_hours(text).are_open(when(day, clock), UTC) is is_open


def test_they_open_and_close_by_the_clock_on_the_wall() -> None:
    hours = parse_hours("22:00-06:00")
    noon = datetime(2026, 3, 28, 12, tzinfo=BERLIN)
    opens = hours.next_change(noon, BERLIN)
    assert opens == datetime(2026, 3, 28, 22, tzinfo=BERLIN)
    assert opens is not None
    closes = hours.next_change(opens, BERLIN)
    assert closes == datetime(2026, 3, 29, 6, tzinfo=BERLIN)
    assert closes is not None
    assert closes - opens == timedelta(hours=7)  # the night on which the clock is put on


def test_whole_days_are_always() -> None:
    assert parse_hours("00:00-24:00").are_always and parse_hours(" Always ") == ALWAYS
    assert parse_hours("00:00-24:00").next_change(MONDAY, UTC) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "entry ''"),
        ("nights", "entry 'nights'"),
        ("22-6", "'22' is no time of day"),
        ("22:00-06:00, 25:00-26:00", "entry '25:00-26:00': '25:00' is no time of day"),
        ("24:00-06:00", "'24:00' is no time of day"),
        ("06:00-06:00", "begins when it ends; a whole day is 00:00-24:00"),
        ("Weekend 06:00-07:00", "'Weekend' is no day of the week"),
        ("Mon Tue 06:00-07:00", "write it like"),
        ("22:00-06:00,", "entry ''"),
    ],
)
def test_what_is_wrong_is_named(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_hours(text)
    assert told in str(caught.value)


SPANS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 1439), st.integers(1, 1440)).filter(lambda span: span[2] > 0),
    min_size=1,
    max_size=5,
)


@given(SPANS, st.integers(0, 7 * 1440 - 1), st.sampled_from([UTC, BERLIN]))
def test_a_minute_is_open_if_a_span_holds_it(spans: list[tuple[int, int, int]], minute: int, zone: tzinfo) -> None:
    def clock(value: int) -> str:
        return f"{value // 60:02d}:{value % 60:02d}"

    written, covered = [], set[int]()
    for day, begin, length in spans:
        end = (begin + length) % 1440
        whole = length == 1440
        first = 0 if whole else begin
        written.append(f"{DAYS[day]} {clock(first)}-{'24:00' if whole else clock(end)}")
        covered |= {(day * 1440 + first + number) % (7 * 1440) for number in range(length)}
    local = datetime(2026, 3, 2, tzinfo=zone) + timedelta(minutes=minute)  # no clock is changed in that week
    assert parse_hours(", ".join(written)).are_open(local, zone) is (minute in covered)
