"""Which uploads are begun over a limited line: what would cost another its session waits for its turn."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.conftest import FakeClock
from tlsync.engine.prospects import Prospects
from tlsync.errors import TooSlow
from tlsync.hours import ALWAYS
from tlsync.models import ContentId
from tlsync.store.catalog import FileRow
from tlsync.store.sessions import Sessions, UnderWay
from tlsync.timetable import UNLIMITED, Timetable, constant

HOUR_S = 3600
ONE_PER_S = constant(1000)


class Stand:
    """A thousand bytes per second, and a journal that says what it is told to say."""

    def __init__(self, clock: FakeClock, timetable: Timetable = ONE_PER_S) -> None:
        self.clock = clock
        self.under_way: list[UnderWay] = []
        self.prospects = Prospects(cast(Sessions, SimpleNamespace(under_way=self._under_way)), clock, timetable, None)

    def _under_way(self, now: datetime) -> list[UnderWay]:
        return self.under_way

    def is_sent(self, number: int, hours: float, left_h: float) -> None:
        """An upload that needs so many hours and whose session ends in so many."""
        ends_at = self.clock.now() + timedelta(hours=left_h)
        self.under_way.append(UnderWay(ContentId(number), int(hours * HOUR_S * 1000), ends_at))

    def beginning(self, number: int, hours: float) -> Any:
        signature = SimpleNamespace(size_bytes=int(hours * HOUR_S * 1000))
        file = SimpleNamespace(id=number, path=Path(f"/{number}.mp4"), signature=signature)
        return self.prospects.beginning(cast(FileRow, file), ContentId(number))


@pytest.fixture
def stand(fake_clock: FakeClock) -> Stand:
    return Stand(fake_clock)


def test_one_that_fits_into_its_day_is_begun(stand: Stand) -> None:
    with stand.beginning(1, hours=22) as why_not:
        assert why_not == ""


def test_one_that_does_not_is_refused(stand: Stand) -> None:
    with pytest.raises(TooSlow, match="take 30 h at 1 kB/s"), stand.beginning(1, hours=30):
        raise AssertionError
    stand.prospects.use(constant(10_000), ALWAYS)
    with stand.beginning(1, hours=30) as why_not:
        assert why_not == ""


def test_small_ones_go_beside_a_large_one(stand: Stand) -> None:
    stand.is_sent(1, hours=12, left_h=20)
    with stand.beginning(2, hours=1) as why_not:
        assert why_not == ""


@pytest.mark.parametrize(("under_way_h", "left_h", "more_h"), [(20, 24, 20), (9, 10, 10)])
def test_one_that_would_cost_another_its_session_waits(
    stand: Stand, under_way_h: float, left_h: float, more_h: float
) -> None:
    stand.is_sent(1, hours=under_way_h, left_h=left_h)
    with stand.beginning(2, hours=more_h) as why_not:
        assert why_not == "waits until another upload is done: together they would not end in time"
    assert stand.prospects.call_in(but=cast(Any, 2)) == []
    assert stand.prospects.call_in(but=cast(Any, 1)) == [2]
    assert stand.prospects.call_in(but=cast(Any, 1)) == []
    stand.under_way.clear()
    with stand.beginning(2, hours=more_h) as why_not:
        assert why_not == ""


def test_one_that_is_lost_anyway_keeps_nobody_waiting(stand: Stand) -> None:
    stand.is_sent(1, hours=100, left_h=5)
    with stand.beginning(2, hours=1) as why_not:
        assert why_not == ""


def test_two_that_begin_at_once_see_each_other(stand: Stand) -> None:
    with stand.beginning(1, hours=20) as first, stand.beginning(2, hours=20) as second:
        assert first == ""
        assert second.startswith("waits until another upload is done")


def test_without_a_limit_all_begin(fake_clock: FakeClock) -> None:
    stand = Stand(fake_clock, UNLIMITED)
    stand.is_sent(1, hours=1000, left_h=1)
    with stand.beginning(2, hours=10_000) as why_not:
        assert why_not == ""
