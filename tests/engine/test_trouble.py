"""How long to wait when something is wrong, what is told of it, and when a single pass gives up."""

from __future__ import annotations

import logging

import pytest

from tests.conftest import FakeClock
from tlsync.engine.progress import Silent
from tlsync.engine.trouble import Trouble
from tlsync.errors import (
    CatalogBusy,
    Overloaded,
    PlatformDown,
    QuotaExceeded,
    RateLimited,
    SafeMode,
    TlsyncError,
    Unauthorized,
    Unreachable,
    Untrusted,
)


class Gates:
    """Groups as the client would know them."""

    def __init__(self) -> None:
        self.held: dict[str, float] = {}
        self.down: set[str] = set()

    def held_s(self, group: str) -> float:
        return self.held.get(group, 0.0)

    def is_down(self, group: str) -> bool:
        return group in self.down


class Pauses:
    """Notes the pauses that were asked for."""

    def __init__(self, clock: FakeClock, *, gives_up: bool = False) -> None:
        self.asked: list[tuple[float, bool]] = []
        self.gates = Gates()
        self.trouble = Trouble(
            clock, Silent(), lambda s, is_all: self.asked.append((s, is_all)), self.gates, gives_up=gives_up
        )


def down(group: str, wait_s: float) -> PlatformDown:
    return PlatformDown("the platform answers with errors", retry_after_s=wait_s, group=group)


def limited(group: str, wait_s: float) -> RateLimited:
    error = RateLimited("slow down", retry_after_s=wait_s)
    error.group = group
    return error


def test_waits_grow_while_it_lasts_and_start_short_afterwards(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    for _ in range(10):
        fake_clock.advance(pauses.trouble.report(Unreachable("no network")))
    assert [wait for wait, _ in pauses.asked] == [5, 10, 20, 40, 60, 60, 60, 60, 60, 60]
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


def test_an_exhausted_machine_pauses_everything(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    pauses.trouble.report(Overloaded("too many open files"))
    assert pauses.asked == [(5, True)]


def test_a_bad_key_is_told_once(fake_clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    pauses = Pauses(fake_clock)
    for _ in range(8):
        fake_clock.advance(pauses.trouble.report(Unauthorized("bad key")))
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1
    assert len(pauses.asked) == 8


def test_a_step_from_before_the_trouble_says_nothing_about_it(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    began_s = fake_clock.monotonic_s()
    fake_clock.advance(1)
    pauses.trouble.report(Untrusted("certificate"))
    pauses.trouble.over(began_s)
    assert isinstance(pauses.trouble.current, Untrusted)
    fake_clock.advance(900)
    pauses.trouble.over(fake_clock.monotonic_s())
    assert pauses.trouble.current is None


# --- one group of calls


@pytest.mark.parametrize("error", [down("indexing", 200), limited("indexing", 200), QuotaExceeded("plan")])
def test_trouble_with_one_group_stops_no_lane(fake_clock: FakeClock, error: TlsyncError) -> None:
    error.group = "indexing"  # type: ignore[attr-defined]
    pauses = Pauses(fake_clock)
    assert pauses.trouble.hold(error) == (200 if error.is_temporary else 900)  # type: ignore[arg-type]
    assert pauses.asked == [] and pauses.trouble.current is error


def test_a_group_that_many_files_wait_for_is_told_once(fake_clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    pauses = Pauses(fake_clock)
    for _ in range(4):
        for _ in range(100):
            pauses.trouble.hold(down("a", 60))
        fake_clock.advance(60)
    assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


def test_groups_are_described_in_plain_words(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    pauses.trouble.hold(down("a", 240))
    pauses.trouble.hold(limited("b", 30))
    assert [one["message"] for one in pauses.trouble.describe()] == [
        "the platform answers with errors; asked again in 4 min",
        "slow down; asked again in 30 s",
    ]


def test_a_recovered_group_frees_its_files(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    pauses.trouble.hold(down("a", 240))
    pauses.gates.held["a"], pauses.gates.down = 240.0, {"a"}
    assert pauses.trouble.over(fake_clock.monotonic_s()) == []
    pauses.gates.held.clear()
    assert pauses.trouble.over(fake_clock.monotonic_s()) == ["a"], "its probe was brought forward"
    assert pauses.trouble.current is not None, "and nobody knows yet how it ends"
    assert pauses.trouble.over(fake_clock.monotonic_s()) == [], "once is enough"
    pauses.gates.down.clear()
    assert pauses.trouble.over(fake_clock.monotonic_s()) == ["a"]
    assert pauses.trouble.current is None and pauses.trouble.describe() == []


def test_a_single_pass_ends_at_a_long_limit_but_not_at_a_group_that_is_down(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock, gives_up=True)
    pauses.trouble.hold(down("a", 10))
    fake_clock.advance(31)
    assert pauses.trouble.hold(down("a", 10)) > 30
    assert pauses.trouble.fatal is None
    pauses.trouble.hold(limited("b", 61))
    assert isinstance(pauses.trouble.fatal, RateLimited)


# --- mistakes of tlsync


def test_five_mistakes_in_ten_minutes_are_safe_mode(fake_clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    pauses = Pauses(fake_clock)
    for _ in range(4):
        pauses.trouble.mistake()
        fake_clock.advance(149)
    assert not pauses.trouble.is_safe_mode
    pauses.trouble.mistake()
    assert pauses.trouble.is_safe_mode and isinstance(pauses.trouble.current, SafeMode)
    pauses.trouble.over()
    assert pauses.trouble.describe()[0]["code"] == "safe_mode"
    assert "safe mode" in caplog.text


def test_rare_mistakes_are_not(fake_clock: FakeClock) -> None:
    pauses = Pauses(fake_clock)
    for _ in range(50):
        pauses.trouble.mistake()
        fake_clock.advance(151)
    assert not pauses.trouble.is_safe_mode
