"""Rates over the week: the grammar, the rate of any instant, and when it changes, also where the clock is changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync.timetable import UNLIMITED, Timetable, constant, parse_timetable
from tlsync.week import WEEK_MIN, WeekPlan

KIB, MIB = 2**10, 2**20
BERLIN = ZoneInfo("Europe/Berlin")
DOCUMENTED = "08:00,512K 12:00,10M 13:00,512K 18:00,30M 23:00,off"
WEEKLY = "Mon-00:00,512 Fri-23:59,10M Sat-10:00,1M Sun-20:00,off"
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def at(text: str, day: str, clock: str) -> int | None:
    """The rate of a timetable on a day of a week without surprises."""
    number = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].index(day)
    hours, minutes = clock.split(":")
    instant = MONDAY + timedelta(days=number, hours=int(hours), minutes=int(minutes))
    return parse_timetable(text).rate_at(instant, UTC)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("unlimited", None),
        ("Unlimited", None),
        ("off", None),
        ("20 MB/s", 20_000_000),
        ("5 MiB/s", 5 * MIB),
        ("10M", 10 * MIB),
        ("10m", 10 * MIB),
        ("512", 512 * KIB),
        ("512K", 512 * KIB),
        ("512Ki", 512 * KIB),
        ("512KiB", 512 * KIB),
        ("1.5M", 3 * MIB // 2),
        (".5k", 512),
        ("900b", 900),
        ("2G", 2 * 2**30),
        ("1T", 2**40),
        ("1P", 2**50),
        ("10M:1M", 10 * MIB),
        ("off:100k", None),
    ],
)
def test_a_single_rate_holds_always(text: str, rate: int | None) -> None:
    timetable = parse_timetable(text)
    assert timetable == constant(rate)
    assert timetable.next_change(MONDAY, UTC) is None
    assert timetable.average(MONDAY, MONDAY + timedelta(hours=1), UTC) == rate


@pytest.mark.parametrize(
    ("clock", "rate"),
    [
        ("00:00", None),
        ("07:59", None),
        ("08:00", 512 * KIB),
        ("12:30", 10 * MIB),
        ("17:59", 512 * KIB),
        ("18:00", 30 * MIB),
        ("23:00", None),
    ],
)
def test_a_rate_of_the_day_holds_until_the_next_one(clock: str, rate: int | None) -> None:
    assert at(DOCUMENTED, "Wed", clock) == rate


@pytest.mark.parametrize(
    ("day", "clock", "rate"),
    [
        ("Mon", "00:00", 512 * KIB),
        ("Fri", "23:58", 512 * KIB),
        ("Fri", "23:59", 10 * MIB),
        ("Sat", "12:00", MIB),
        ("Sun", "19:59", MIB),
        ("Sun", "20:00", None),
    ],
)
def test_entries_may_name_days(day: str, clock: str, rate: int | None) -> None:
    assert at(WEEKLY, day, clock) == rate


def test_before_the_first_entry_of_a_week_the_last_one_holds() -> None:
    assert at("Wed-10:00,1M Sat-10:00,2M", "Mon", "00:00") == 2 * MIB


def test_entries_may_stand_apart_in_many_ways_and_carry_units_of_tlsync() -> None:
    assert parse_timetable(" 8:00,5 MB/s;\n 20:00,unlimited ") == parse_timetable("08:00,5MB/s 20:00,off")


def test_of_two_entries_for_one_time_the_later_one_counts() -> None:
    assert at("Tuesday-08:00,1M 08:00,2M mon-08:00,3M", "Tue", "09:00") == 2 * MIB
    assert at("Tuesday-08:00,1M 08:00,2M mon-08:00,3M", "Mon", "09:00") == 3 * MIB


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "'' is not a rate"),
        ("20 MB", "'20 MB' is not a rate"),
        ("10X", "'10X' is not a rate"),
        ("-5M", "'-5M' is not a rate"),
        ("bM", "is not a rate"),
        ("10M:fast", "'fast' is not a rate"),
        ("0", 'write "off" where there is no limit'),
        ("0 MB/s", "nothing is ever sent"),
        ("08:00,512K 25:00,1M", "entry '25:00,1M': '25:00' is no time of day"),
        ("08:00,512K 12:60,1M", "entry '12:60,1M': '12:60' is no time of day"),
        ("08:00,512K noise 12:00,1M", "entry '08:00,512K noise'"),
        ("08:00,0", "entry '08:00,0'"),
        ("08:00,1M,2M", "entry '08:00,1M,2M'"),
        ("Mo-08:00,1M", "entry 'Mo-08:00,1M': 'Mo' is no day of the week"),
        ("Mon-Fri-08:00,1M", "'Mon-Fri' is no day of the week"),
        (",", "entry ',': '' is no time of day"),
    ],
)
def test_what_is_wrong_is_named(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_timetable(text)
    assert told in str(caught.value)


def test_every_wrong_entry_is_named() -> None:
    with pytest.raises(ValueError, match=r"'24:00,1M'.*'Xyz-01:00,1M'"):
        parse_timetable("24:00,1M 08:00,1M Xyz-01:00,1M")


# Changes of the clock


def test_the_clock_is_put_on_over_an_entry() -> None:
    """Berlin, 2026-03-29: 02:00 is followed by 03:00, so what begins at 02:30 begins at 03:00."""
    timetable = parse_timetable("01:00,1M 02:30,2M 05:00,3M")
    before = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # 01:30
    change = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert timetable.rate_at(before, BERLIN) == MIB
    assert timetable.next_change(before, BERLIN) == change
    assert timetable.rate_at(change, BERLIN) == 2 * MIB
    assert timetable.next_change(change, BERLIN) == datetime(2026, 3, 29, 3, 0, tzinfo=UTC)  # 05:00


def test_the_clock_is_put_back_over_an_entry() -> None:
    """Berlin, 2026-10-25: 02:30 comes twice; the wall clock says what holds."""
    timetable = parse_timetable("01:00,1M 02:30,2M")
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert timetable.next_change(first - timedelta(minutes=1), BERLIN) == first
    put_back = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    assert timetable.next_change(first, BERLIN) == put_back
    assert timetable.rate_at(put_back, BERLIN) == MIB
    assert timetable.next_change(put_back, BERLIN) == put_back + timedelta(minutes=30)


def test_an_average_counts_the_real_length_of_a_day() -> None:
    timetable = parse_timetable("00:00,1024B 12:00,2048B")
    day = datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 3, 30, tzinfo=BERLIN)  # of 23 hours
    assert timetable.average(day[0], day[1], BERLIN) == pytest.approx((11 * 1024 + 12 * 2048) / 23)
    assert parse_timetable("00:00,1M 23:59,off").average(day[0], day[1], BERLIN) is None


ZONES = st.sampled_from([UTC, BERLIN, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/New_York")])
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
STEPS = st.dictionaries(st.integers(0, WEEK_MIN - 1), st.sampled_from([None, 100, 200, 300]), min_size=1, max_size=12)


@given(STEPS, INSTANTS, ZONES)
def test_nothing_changes_before_the_next_change_and_something_does_there(
    steps: dict[int, int | None], instant: datetime, zone: tzinfo
) -> None:
    timetable = Timetable(WeekPlan(tuple(sorted(steps.items()))), "")
    change = timetable.next_change(instant, zone)
    rate = timetable.rate_at(instant, zone)
    if change is None:
        assert set(steps.values()) == {rate}
        return
    assert instant < change <= instant + timedelta(days=8)
    assert timetable.rate_at(change, zone) != rate
    span = change - instant
    for part in range(50):
        assert timetable.rate_at(instant + span * part / 50, zone) == rate
    assert timetable.rate_at(change - timedelta(seconds=1), zone) == rate or change - instant < timedelta(seconds=1)


@given(STEPS, INSTANTS, ZONES, st.integers(1, 200_000))
def test_pieces_are_the_whole_span_without_gaps(
    steps: dict[int, int | None], begin: datetime, zone: tzinfo, span_s: int
) -> None:
    end = begin + timedelta(seconds=span_s)
    pieces = list(WeekPlan(tuple(sorted(steps.items()))).pieces(begin, end, zone))
    assert (pieces[0][0], pieces[-1][1]) == (begin, end)
    assert all(one[1] == other[0] and one[2] != other[2] for one, other in pairwise(pieces))


@given(STEPS, INSTANTS, ZONES, st.integers(1, 200_000))
def test_an_average_lies_between_the_rates(
    steps: dict[int, int | None], begin: datetime, zone: tzinfo, span_s: int
) -> None:
    average = Timetable(WeekPlan(tuple(sorted(steps.items()))), "").average(
        begin, begin + timedelta(seconds=span_s), zone
    )
    rates = {rate for rate in steps.values() if rate is not None}
    assert average is None or min(rates) - 1e-6 <= average <= max(rates) + 1e-6


@given(st.lists(st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(1, 9999)), min_size=1, max_size=8))
def test_what_is_written_is_what_holds(entries: list[tuple[int, int, int]]) -> None:
    text = " ".join(f"{hour:02d}:{minute:02d},{rate}" for hour, minute, rate in entries)
    timetable = parse_timetable(text)
    for hour, minute, _ in entries:
        wanted = [rate for other_hour, other_minute, rate in entries if (other_hour, other_minute) == (hour, minute)]
        assert timetable.rate_at(MONDAY + timedelta(hours=hour, minutes=minute), UTC) == wanted[-1] * KIB


@given(st.text(max_size=40))
def test_any_text_is_a_timetable_or_told_to_be_none(text: str) -> None:
    try:
        timetable = parse_timetable(text)
    except ValueError as error:
        assert str(error)
    else:
        assert timetable.is_unlimited or timetable.week.steps
    assert UNLIMITED.is_unlimited
