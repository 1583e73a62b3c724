"""The ledger counts once, over days, threads and processes, and outlives whoever writes it."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.conftest import FakeClock
from tlsync.errors import CapReached, CatalogError
from tlsync.store.spending import FILE_NAME, Amounts, Spending, Used
from tlsync.store.spending_reader import SpendingReader

TODAY = date(2026, 1, 2)
MINUTE = Amounts(duration_ms=60_000, money_micros=50_000)


@pytest.fixture
def spending(tmp_path: Path, fake_clock: FakeClock) -> Iterator[Spending]:
    ledger = Spending(tmp_path, fake_clock, UTC)
    yield ledger
    ledger.close()


def refuse(used: Used) -> None:
    raise CapReached("full", cap="minutes_per_day", resets_at=None)


def test_bytes_add_up_by_day_and_month(spending: Spending, fake_clock: FakeClock) -> None:
    spending.add_bytes(TODAY, "u1", 100)
    spending.add_bytes(TODAY, "u1", 50)
    fake_clock.advance(86_400)
    spending.add_bytes(spending.today(), "u1", 7)
    used = spending.used("USD")
    assert (used.day.size_bytes, used.month.size_bytes) == (7, 157)
    assert spending.used("USD", TODAY).day.size_bytes == 150


def test_an_open_order_is_counted_once_and_a_settled_one_again(spending: Spending) -> None:
    assert spending.order("indexing", "a", MINUTE, "USD")
    assert not spending.order("indexing", "a", MINUTE, "USD", refuse)  # known: room is not asked for again
    assert spending.used("USD").day == MINUTE
    spending.settle("indexing", "a")
    assert spending.order("indexing", "a", MINUTE, "USD")
    assert spending.used("USD").day.duration_ms == 120_000


def test_what_was_refused_is_taken_back(spending: Spending) -> None:
    spending.order("texts", "a", MINUTE, "USD")
    spending.take_back("texts", "a")
    assert spending.used("USD").day == Amounts()
    spending.take_back("texts", "a")


def test_an_answer_makes_an_order_cheaper_but_never_dearer(spending: Spending) -> None:
    for item, cost in (("cheap", 10), ("dear", 99_999_999)):
        spending.order("texts", item, MINUTE, "USD")
        spending.settle("texts", item, cost)
    assert spending.used("USD").day.money_micros == 10 + 50_000


def test_a_check_that_refuses_leaves_nothing_behind(spending: Spending) -> None:
    with pytest.raises(CapReached):
        spending.order("indexing", "a", MINUTE, "USD", refuse)
    assert spending.used("USD") == Used()


def test_money_of_another_currency_is_not_added(spending: Spending) -> None:
    spending.order("indexing", "a", MINUTE, "EUR")
    assert spending.used("USD").day == Amounts(duration_ms=60_000)
    assert spending.used("EUR").day.money_micros == 50_000


def test_the_month_ends_with_its_last_day(spending: Spending, fake_clock: FakeClock) -> None:
    fake_clock.advance((datetime(2026, 1, 31, 23, 59, tzinfo=UTC) - fake_clock.now()).total_seconds())
    spending.order("indexing", "a", MINUTE, "USD")
    fake_clock.advance(120)
    assert spending.today() == date(2026, 2, 1)
    assert spending.used("USD") == Used()


def test_a_day_is_that_of_the_wall_clock_and_of_its_zone(tmp_path: Path) -> None:
    clock = FakeClock(datetime(2026, 1, 2, 4, 30, tzinfo=UTC))
    for zone, day in (("America/New_York", 1), ("Asia/Tokyo", 2)):
        ledger = Spending(tmp_path, clock, ZoneInfo(zone))
        assert ledger.today() == date(2026, 1, day)
        ledger.close()


def test_two_processes_share_one_ledger(tmp_path: Path, fake_clock: FakeClock) -> None:
    """A command beside the daemon: what one notes the other sees, and room is given once."""
    ledgers = [Spending(tmp_path, fake_clock, UTC) for _ in range(4)]
    refused: list[int] = []

    def check(used: Used) -> None:
        if used.day.money_micros + 10 > 100:
            refuse(used)

    def work(number: int) -> None:
        for turn in range(10):
            try:
                ledgers[number].order("search", f"{number}-{turn}", Amounts(money_micros=10), "USD", check)
            except CapReached:
                refused.append(turn)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (ledgers[0].used("USD").day.money_micros, len(refused)) == (100, 30)
    for ledger in ledgers:
        ledger.close()


def test_nothing_is_forgotten_by_a_process_that_dies(tmp_path: Path, fake_clock: FakeClock) -> None:
    ledger = Spending(tmp_path, fake_clock, UTC)
    ledger.add_bytes(TODAY, "u1", 5)
    ledger.order("indexing", "a", MINUTE, "USD")
    next_run = Spending(tmp_path, fake_clock, UTC)  # the first one was never closed
    assert next_run.used("USD").day == Amounts(5, 60_000, 50_000)
    assert not next_run.order("indexing", "a", MINUTE, "USD")
    next_run.close()
    ledger.close()


def test_a_damaged_ledger_is_named_and_left_alone(tmp_path: Path, fake_clock: FakeClock) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 100)
    ledger = Spending(tmp_path, fake_clock, UTC)
    with pytest.raises(CatalogError, match=FILE_NAME) as caught:
        ledger.used("USD")
    assert "move it away" in caught.value.hint
    with pytest.raises(CatalogError):
        SpendingReader(tmp_path).days(TODAY)
    ledger.close()
    assert (tmp_path / FILE_NAME).read_bytes() == b"no database" * 100


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
def test_only_its_owner_can_read_it(spending: Spending, tmp_path: Path) -> None:
    spending.add_bytes(TODAY, "u1", 5)
    assert stat.S_IMODE((tmp_path / FILE_NAME).stat().st_mode) == 0o600


def test_a_reader_sees_what_the_writer_counts(spending: Spending, tmp_path: Path) -> None:
    assert SpendingReader(tmp_path).used("USD", TODAY) == Used()
    spending.add_bytes(TODAY, "u1", 5)
    spending.order("indexing", "a", MINUTE, "USD")
    spending.order("search", "b", Amounts(money_micros=4), "EUR")
    reader = SpendingReader(tmp_path)
    assert reader.used("USD", TODAY) == spending.used("USD", TODAY)
    assert [(day.what, day.count) for day in reader.days(TODAY)] == [("indexing", 1), ("search", 1), ("upload", 1)]
    assert reader.days(date(2026, 1, 3)) == []


def test_a_reader_changes_nothing(spending: Spending, tmp_path: Path) -> None:
    spending.add_bytes(TODAY, "u1", 5)
    spending.close()
    before = (tmp_path / FILE_NAME).read_bytes()
    SpendingReader(tmp_path).days(TODAY)
    assert (tmp_path / FILE_NAME).read_bytes() == before
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
