"""How long to wait when something is wrong for all files, and when a single pass gives up."""

from __future__ import annotations

import pytest

from tests.conftest import FakeClock
from tlsync.engine.progress import Silent
from tlsync.engine.trouble import Trouble
from tlsync.errors import CatalogBusy, RateLimited, ServerFault, Unauthorized, Unreachable


class Pauses:
    """Notes the pauses that were asked for."""

    def __init__(self, clock: FakeClock, *, gives_up: bool = False) -> None:
        self.asked: list[tuple[float, bool]] = []
        self.trouble = Trouble(clock, Silent(), lambda s, is_all: self.asked.append((s, is_all)), gives_up=gives_up)


def test_waits_grow_while_it_lasts_and_start_short_afterwards(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    for _ in range(10):
        fake_clock.advance(pauses.trouble.report(Unreachable("no network")))
    assert [wait for wait, _ in pauses.asked] == [5, 10, 20, 40, 80, 160, 320, 640, 900, 900]
    pauses.trouble.over()
    assert pauses.trouble.current is None
    assert pauses.trouble.report(Unreachable("no network")) == 5


def test_the_same_trouble_seen_by_many_threads_is_one(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    waits = [pauses.trouble.report(Unreachable("no network")) for _ in range(8)]
    assert waits == [5] * 8
    assert len(pauses.asked) == 1


def test_the_platform_says_how_long(fake_clock: FakeClock) -> None:
    assert Pauses(fake_clock).trouble.report(RateLimited("slow down", retry_after_s=42)) == 42


def test_what_waiting_does_not_mend_is_tried_every_quarter_hour(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    assert pauses.trouble.report(Unauthorized("bad key")) == 900
    assert isinstance(pauses.trouble.current, Unauthorized)


def test_a_full_disk_of_the_catalog_pauses_everything(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    pauses.trouble.report(CatalogBusy("full"))
    assert pauses.asked == [(5, True)]


@pytest.mark.parametrize("error", [Unauthorized("bad key"), RateLimited("slow down", retry_after_s=3000)])
def test_a_single_pass_ends_at_once_where_waiting_is_pointless(fake_clock: FakeClock, error: Exception) -> None:
    pauses = Pauses(fake_clock, gives_up=True)
    pauses.trouble.report(error)  # type: ignore[arg-type]
    assert pauses.trouble.fatal is error
    assert pauses.asked == []


def test_a_single_pass_tries_three_times(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock, gives_up=True)
    for _ in range(2):
        fake_clock.advance(pauses.trouble.report(Unreachable("no network")))
        assert pauses.trouble.fatal is None
    pauses.trouble.report(Unreachable("no network"))
    assert isinstance(pauses.trouble.fatal, Unreachable)


def test_faults_with_many_files_in_a_row_are_taken_for_a_fault_with_all(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    for _ in range(4):
        pauses.trouble.fault(ServerFault("503"))
    assert pauses.asked == []
    pauses.trouble.fault(ServerFault("503"))
    assert pauses.asked == [(5, False)]


def test_a_success_in_between_starts_the_count_again(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    for _ in range(3):
        pauses.trouble.fault(ServerFault("503"))
        pauses.trouble.fault(ServerFault("503"))
        pauses.trouble.over()
    assert pauses.asked == []
