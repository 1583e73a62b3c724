"""Caps give room once, wait for the next day or month, and say why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.conftest import FakeClock
from tests.engine.caps_desk import CapsDesk, content, file
from tlsync.engine.caps import NoRoom
from tlsync.errors import CapReached, CatalogError, Interrupted, Rejected, Unreachable
from tlsync.models import ContentId
from tlsync.states import FileState
from tlsync.store.spending import FILE_NAME, Amounts

MakeDesk = Callable[..., CapsDesk]


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    made: list[CapsDesk] = []

    def make(clock: FakeClock | None = None, zone: Any = UTC, **limits: Any) -> CapsDesk:
        made.append(CapsDesk(tmp_path, limits, clock or FakeClock(), zone))
        return made[-1]

    yield make
    for one in made:
        one.spending.close()


def index(desk: CapsDesk, number: int, minutes: float = 1.0) -> None:
    with desk.caps.order_indexing(content(number, minutes=minutes), f"asset{number}"):
        pass


def test_what_is_let_in_is_set_aside_before_anything_is_spent(desk: MakeDesk) -> None:
    """Four workers that open a session at the same moment don't overshoot."""
    it = desk(minutes_per_day=2.5)
    it.caps.let_in(file(1), content(1), 100)
    it.caps.let_in(file(2), content(2), 100)
    with pytest.raises(CapReached) as caught:
        it.caps.let_in(file(3), content(3), 100)
    assert (caught.value.cap, caught.value.resets_at) == ("minutes_per_day", datetime(2026, 1, 3, tzinfo=UTC))
    assert str(caught.value) == (
        "caps.minutes_per_day = 2.5 is reached: 2.0 are used up or under way, this needs 1.0;"
        " goes on at 2026-01-03 00:00"
    )
    it.caps.let_in(file(4), content(4, minutes=0.5), 100)  # a smaller one goes ahead


def test_what_is_set_aside_becomes_what_is_spent(desk: MakeDesk) -> None:
    it = desk(minutes_per_day=1, money_per_day=2.01, bytes_per_day=100)
    it.caps.let_in(file(1), content(1), 100)
    day = it.caps.begin_chunk(ContentId(1), 100, 0)
    it.caps.sent(ContentId(1), "u1", day, 100)
    index(it, 1)
    with it.caps.order_text(content(1), "video1 summary") as receipt:
        receipt.tokens = 10
    assert (it.bytes, it.minutes, it.money) == (100, 1.0, 2.0)
    with pytest.raises(CapReached):
        it.caps.let_in(file(2), content(2), 1)


def test_room_that_a_failed_file_held_is_given_to_others(desk: MakeDesk) -> None:
    it = desk(minutes_per_day=1)
    it.caps.let_in(file(1), content(1), 100)
    it.gone.add(ContentId(1))
    it.caps.let_in(file(2), content(2), 100)


def test_an_upload_that_goes_on_needs_room_for_the_rest_only(desk: MakeDesk) -> None:
    it = desk(bytes_per_day=100)
    it.caps.let_in(file(1), content(1), 100)
    day = it.caps.begin_chunk(ContentId(1), 60, 0)
    it.caps.sent(ContentId(1), "u1", day, 60)
    it.restart()
    it.caps.let_in(file(1), content(1), 40)
    with pytest.raises(CapReached):
        it.caps.let_in(file(2), content(2), 1)


def test_a_chunk_that_is_sent_again_needs_room_of_its_own(desk: MakeDesk) -> None:
    it = desk(bytes_per_day=150)
    it.caps.let_in(file(1), content(1), 100)
    day = it.caps.begin_chunk(ContentId(1), 100, 0)
    it.caps.sent(ContentId(1), "u1", day, 50)  # and then the line broke
    it.caps.begin_chunk(ContentId(1), 100, 50)
    it.caps.sent(ContentId(1), "u1", day, 99)
    with pytest.raises(CapReached, match="bytes_per_day"):
        it.caps.begin_chunk(ContentId(1), 100, 99)
    assert it.bytes == 149


def test_the_stricter_of_two_caps_decides(desk: MakeDesk) -> None:
    it = desk(minutes_per_day=5, minutes_per_month=1, bytes_per_day=1000)
    it.caps.let_in(file(1), content(1), 100)
    with pytest.raises(CapReached) as caught:
        it.caps.let_in(file(2), content(2), 100)
    assert caught.value.cap == "minutes_per_month"
    with pytest.raises(CapReached) as both:  # the day would be over sooner, and would not help
        it.caps.let_in(file(3), content(3, minutes=5, size_bytes=999), 999)
    assert (both.value.cap, both.value.resets_at) == ("minutes_per_month", None)


def test_a_file_that_needs_more_than_a_cap_says_so_and_holds_up_nobody(desk: MakeDesk) -> None:
    it = desk(minutes_per_day=60)
    with pytest.raises(CapReached) as caught:
        it.caps.let_in(file(1), content(1, minutes=90), 100)
    assert str(caught.value) == "needs 90.0 minutes, more than caps.minutes_per_day = 60"
    assert caught.value.resets_at is None
    it.caps.hold(file(1), caught.value)
    it.caps.let_in(file(2), content(2, minutes=60), 100)
    report = it.caps.report([file(1).id])[0]
    assert report["files"] == 1
    assert "1 file needs more than the whole cap" in report["text"]
    assert [notice["code"] for notice in it.caps.reached()] == ["cap_reached"]
    it.caps.went_on(file(1).id)
    assert it.caps.reached() == []


@pytest.mark.parametrize(
    ("zone", "now", "opens", "cap"),
    [
        ("UTC", "2026-01-02T03:04:05Z", "2026-01-03T00:00:00Z", "minutes_per_day"),
        ("UTC", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z", "minutes_per_month"),
        ("UTC", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z", "minutes_per_month"),
        ("Europe/Berlin", "2026-03-28T23:30:00Z", "2026-03-29T22:00:00Z", "minutes_per_day"),  # a day of 23 hours
        ("Europe/Berlin", "2026-10-24T22:30:00Z", "2026-10-25T23:00:00Z", "minutes_per_day"),  # a day of 25 hours
        ("Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-23T22:00:00Z", "minutes_per_day"),  # no midnight that day
        ("America/Havana", "2026-11-01T04:30:00Z", "2026-11-02T05:00:00Z", "minutes_per_day"),  # midnight comes twice
    ],
)
def test_a_cap_opens_at_midnight_of_the_wall_clock(desk: MakeDesk, zone: str, now: str, opens: str, cap: str) -> None:
    opening = datetime.fromisoformat(opens)
    it = desk(FakeClock(datetime.fromisoformat(now)), ZoneInfo(zone), **{cap: 1})
    index(it, 1)
    with pytest.raises(CapReached) as caught:
        it.caps.let_in(file(2), content(2), 100)
    assert caught.value.resets_at == opening
    it.until(opening.replace(microsecond=0))
    it.clock.advance(-1)
    with pytest.raises(CapReached):
        it.caps.let_in(file(2), content(2), 100)
    it.clock.advance(1)
    it.caps.let_in(file(2), content(2), 100)


def test_a_clock_that_is_set_gives_no_day_twice(desk: MakeDesk) -> None:
    it = desk(minutes_per_day=1)
    today, tomorrow = it.clock.now(), datetime(2026, 1, 3, 12, tzinfo=UTC)
    index(it, 1)
    it.until(tomorrow)  # put on by mistake
    index(it, 2)
    it.until(today)  # and back again
    with pytest.raises(CapReached):
        index(it, 3)
    it.until(tomorrow)  # which comes by itself, and was used up already
    with pytest.raises(CapReached):
        index(it, 3)
    it.until(datetime(2026, 1, 4, tzinfo=UTC))
    index(it, 3)


def test_an_upload_over_midnight_takes_room_of_the_new_day(desk: MakeDesk) -> None:
    it = desk(FakeClock(datetime(2026, 1, 2, 23, 59, tzinfo=UTC)), bytes_per_day=100)
    it.caps.let_in(file(1), content(1), 100)
    yesterday = it.caps.begin_chunk(ContentId(1), 50, 0)
    it.clock.advance(120)
    it.caps.sent(ContentId(1), "u1", yesterday, 50)  # it counts for the day on which it began
    assert it.bytes == 0
    with pytest.raises(CapReached):
        it.caps.let_in(file(2), content(2), 60)  # what is under way comes first
    it.caps.let_in(file(3), content(3), 50)
    today = it.caps.begin_chunk(ContentId(1), 50, 0)
    it.caps.sent(ContentId(1), "u1", today, 50)
    assert (yesterday.day, today.day, it.bytes) == (2, 3, 50)


def test_an_upload_stops_where_the_clock_was_put_to_a_day_that_is_used_up(desk: MakeDesk) -> None:
    it = desk(bytes_per_day=100)
    first = it.clock.now()
    it.spending.add_bytes(it.spending.today(), "earlier", 80)
    it.until(datetime(2026, 1, 3, 12, tzinfo=UTC))
    it.caps.let_in(file(1), content(1), 100)
    it.until(first)
    with pytest.raises(CapReached):
        it.caps.begin_chunk(ContentId(1), 50, 0)
    assert it.bytes == 80


def test_a_lost_answer_and_a_crash_are_not_counted_twice(desk: MakeDesk) -> None:
    it = desk(minutes_per_day=1)
    for trouble in (Unreachable("lost", maybe_applied=True), Interrupted("stopped"), KeyboardInterrupt()):
        with pytest.raises(type(trouble)), it.caps.order_indexing(content(1), "asset1"):
            raise trouble
        it.restart()
    it.clock.advance(3 * 86_400)
    index(it, 1)  # the same order, three days later
    assert it.minutes == 0
    index(it, 1)  # and another one, for example after somebody removed the entry
    assert it.minutes == 1


@pytest.mark.parametrize("trouble", [Rejected("no"), Unreachable("no line")])
def test_an_order_that_was_refused_for_certain_costs_nothing(desk: MakeDesk, trouble: Exception) -> None:
    it = desk(minutes_per_day=1)
    with pytest.raises(type(trouble)), it.caps.order_indexing(content(1), "asset1"):
        raise trouble
    assert it.minutes == 0


def test_a_text_costs_its_own_length_and_sets_the_longest_aside(desk: MakeDesk) -> None:
    it = desk(money_per_day=100)
    with it.caps.order_text(content(1), "v1 gist") as receipt:
        assert it.money == 1.0
        receipt.is_open = True  # the platform works on it
    with it.caps.order_text(content(1), "v1 gist") as receipt:
        receipt.is_void = True
    assert it.money == 0


def test_who_waits_is_looked_at_cheaply_and_goes_on_when_there_is_room(
    desk: MakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = desk(minutes_per_day=1)
    index(it, 1)
    waits = []
    for number in range(2, 502):
        with pytest.raises(CapReached) as caught:
            it.caps.let_in(file(number), content(number), 100)
        waits.append(it.caps.hold(file(number), caught.value))
    assert waits == sorted(waits)  # the longest in waiting tries first
    asked: list[object] = []
    real = it.spending.used
    monkeypatch.setattr(it.spending, "used", lambda *given: asked.append(given) or real(*given))
    assert all(it.caps.holds_s(file(number)) is not None for number in range(2, 502))
    assert len(asked) <= 1
    it.until(datetime(2026, 1, 3, tzinfo=UTC))
    assert it.caps.holds_s(file(2)) is None
    index(it, 2)
    it.caps.went_on(file(2).id)
    assert it.caps.holds_s(file(3)) is not None


def test_a_file_in_another_state_no_longer_waits(desk: MakeDesk) -> None:
    it = desk(minutes_per_day=1)
    index(it, 1)
    with pytest.raises(CapReached) as caught:
        it.caps.let_in(file(2), content(2), 100)
    it.caps.hold(file(2), caught.value)
    assert it.caps.holds_s(file(2, FileState.READY)) is None


def test_waits_are_no_longer_than_an_hour_since_wall_clocks_jump(desk: MakeDesk) -> None:
    it = desk(minutes_per_month=1)
    index(it, 1)
    with pytest.raises(NoRoom) as caught:
        it.caps.let_in(file(2), content(2), 100)
    assert it.caps.hold(file(2), caught.value) == 3600


def test_questions_by_hand_count_and_may_go_beyond(desk: MakeDesk) -> None:
    it = desk(money_per_day=0.3)
    need = Amounts(money_micros=250_000)
    with it.caps.order("search", "q1", need):
        pass
    with pytest.raises(CapReached), it.caps.order("search", "q2", need):
        pass
    with it.caps.order("search", "q3", need, is_beyond_caps=True):
        pass
    assert it.money == 0.5


def test_a_cap_of_nothing_lets_nothing_through_that_it_counts(desk: MakeDesk) -> None:
    it = desk(money_per_day=0)
    with pytest.raises(CapReached):
        it.caps.let_in(file(1), content(1), 100)
    assert desk(bytes_per_day=0).caps.report([])[0]["limit"] == 0


def test_without_caps_a_ledger_that_fails_holds_nothing_up(desk: MakeDesk, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 100)
    it = desk()
    it.caps.let_in(file(1), content(1), 100)
    it.caps.sent(ContentId(1), "u1", it.caps.begin_chunk(ContentId(1), 100, 0), 100)
    index(it, 1)
    with pytest.raises(CatalogError):
        desk(bytes_per_day=1000).caps.let_in(file(1), content(1), 100)
