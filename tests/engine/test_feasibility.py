"""Which uploads can't end in time, and what is said of them."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync.engine.feasibility import carried_bytes, refusal, would_take_s
from tlsync.hours import ALWAYS, parse_hours
from tlsync.timetable import UNLIMITED, constant, parse_timetable

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
NOON = MONDAY + timedelta(hours=12)
NIGHTS = parse_hours("22:00-06:00")
GB = 10**9
HOUR_S = 3600


def test_one_rate_is_a_division() -> None:
    assert would_take_s(GB, constant(1000), ALWAYS, NOON, UTC) == pytest.approx(GB / 1000)


def test_closed_hours_are_waited_for() -> None:
    rate = constant(1_000_000)
    assert would_take_s(3600 * 10**6, rate, NIGHTS, NOON, UTC) == 11 * HOUR_S
    assert would_take_s(9 * 3600 * 10**6, rate, NIGHTS, NOON, UTC) == (10 + 24 + 1) * HOUR_S  # and the next night


def test_rates_change_on_the_way() -> None:
    timetable = parse_timetable("00:00,1024B 13:00,2048B")
    assert would_take_s(1024 * HOUR_S + 2048 * 60, timetable, ALWAYS, NOON, UTC) == HOUR_S + 60


def test_without_a_limit_only_closed_hours_count() -> None:
    assert would_take_s(10**15, UNLIMITED, ALWAYS, NOON, UTC) == 0
    assert would_take_s(10**15, UNLIMITED, NIGHTS, NOON, UTC) == 10 * HOUR_S
    assert would_take_s(10**12, parse_timetable("08:00,1 23:00,off"), ALWAYS, NOON, UTC) == 11 * HOUR_S


def test_years_are_reckoned_at_once() -> None:
    assert would_take_s(10**15, constant(100), parse_hours("Sun 00:00-00:01"), NOON, UTC) == pytest.approx(
        10**15 / 6000 * 7 * 24 * HOUR_S, rel=0.001
    )


@given(
    st.integers(1, 10**12),
    st.sampled_from(["100K", "08:00,512K 12:00,10M 18:00,30M", "Mon-00:00,512 Sat-10:00,1M"]),
    st.sampled_from(["always", "22:00-06:00", "Mon-Fri 19:00-07:00, Sat-Sun 00:00-24:00"]),
    st.integers(0, 7 * 86_400),
)
def test_what_the_time_carries_is_the_size(size_bytes: int, rates: str, open_: str, offset_s: int) -> None:
    timetable, hours, begin = parse_timetable(rates), parse_hours(open_), MONDAY + timedelta(seconds=offset_s)
    takes_s = would_take_s(size_bytes, timetable, hours, begin, UTC)
    assert math.isfinite(takes_s)
    if takes_s < 60 * 86_400:
        carried = carried_bytes(timetable, hours, begin, begin + timedelta(seconds=takes_s), UTC)
        assert carried == pytest.approx(size_bytes, rel=1e-6, abs=100)


@pytest.mark.parametrize(
    ("size_bytes", "rates", "open_", "told"),
    [
        (40 * GB, "350 kB/s", "always", "40 GB take 32 h at 350 kB/s; an upload has 24 h"),
        (40 * GB, "1 MB/s", "always", None),
        (
            40 * GB,
            "1 MB/s",
            "22:00-06:00",
            "40 GB take 28 h at 1 MB/s within upload.hours 22:00-06:00; an upload has 24 h",
        ),
        (28 * GB, "1 MB/s", "22:00-06:00", None),
        (
            200 * GB,
            "00:00,1MB/s 12:00,2MB/s",
            "always",
            "200 GB take 34 h at 1.5 MB/s on average; an upload has 24 h",
        ),
        (10**15, "08:00,1M 23:00,off", "always", None),
        (10**15, "unlimited", "22:00-06:00", None),
    ],
)
def test_what_is_said(size_bytes: int, rates: str, open_: str, told: str | None) -> None:
    assert refusal(size_bytes, parse_timetable(rates), parse_hours(open_), NOON, UTC) == told
