"""What is held back at a moment, why, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tlsync.config import PowerSettings
from tlsync.engine.restraint import ALL_REMOTE, UPLOADS, clock_text, judge, lanes_of
from tlsync.hours import ALWAYS, parse_hours
from tlsync.power import Power
from tlsync.store.pause import Pause

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
NIGHTS = parse_hours("22:00-06:00")
GO_ON = PowerSettings("go on", "go on")
HOLD = PowerSettings("hold", "hold")
PAUSE = Pause("key", NOON, NOON + timedelta(hours=2), "on a call")


def test_nothing_holds_nothing() -> None:
    assert judge(NOON, pause=None, hours=ALWAYS, rules=HOLD, power=Power(False, False), zone=UTC) == ()
    assert lanes_of(()) == frozenset()


def test_a_pause_holds_all_that_talks_to_the_platform() -> None:
    (held,) = judge(NOON, pause=PAUSE, hours=ALWAYS, rules=GO_ON, power=None, zone=UTC)
    assert (held.by, held.lanes, held.until) == ("pause", ALL_REMOTE, PAUSE.until)
    assert held.message == "paused until 14:00 (on a call)"


def test_closed_hours_hold_uploads_only() -> None:
    (held,) = judge(NOON, pause=None, hours=NIGHTS, rules=GO_ON, power=None, zone=UTC)
    assert held.as_json() == {
        "by": "hours",
        "lanes": ["transfer"],
        "until": "2026-03-02T22:00:00.000Z",
        "message": "waiting for 22:00 (upload.hours)",
    }
    assert judge(NOON + timedelta(hours=10), pause=None, hours=NIGHTS, rules=GO_ON, power=None, zone=UTC) == ()


@pytest.mark.parametrize(
    ("rules", "power", "by"),
    [
        (HOLD, Power(on_battery=True, is_metered=True), ["battery", "metered"]),
        (HOLD, Power(on_battery=True, is_metered=False), ["battery"]),
        (HOLD, Power(), []),
        (HOLD, None, []),
        (GO_ON, Power(on_battery=True, is_metered=True), []),
        (PowerSettings(), Power(on_battery=True, is_metered=True), ["metered"]),
    ],
)
def test_power_and_line_hold_where_the_system_tells_and_the_settings_say_so(
    rules: PowerSettings, power: Power | None, by: list[str]
) -> None:
    held = judge(NOON, pause=None, hours=ALWAYS, rules=rules, power=power, zone=UTC)
    assert [one.by for one in held] == by
    assert lanes_of(held) == (UPLOADS if by else frozenset())


def test_who_wants_it_to_go_on_passes_over_all_but_a_pause() -> None:
    held = judge(NOON, pause=PAUSE, hours=NIGHTS, rules=HOLD, power=Power(True, True), goes_on=True, zone=UTC)
    assert [one.by for one in held] == ["pause"]


def test_all_that_holds_is_told() -> None:
    held = judge(NOON, pause=PAUSE, hours=NIGHTS, rules=HOLD, power=Power(True, True), zone=UTC)
    assert [one.by for one in held] == ["pause", "hours", "battery", "metered"]
    assert lanes_of(held) == ALL_REMOTE


def test_a_time_of_another_day_names_it() -> None:
    assert clock_text(NOON + timedelta(hours=23), NOON, UTC) == "11:00"
    assert clock_text(NOON + timedelta(days=5), NOON, UTC) == "Sat 12:00"
    assert clock_text(NOON + timedelta(days=50), NOON, UTC) == "2026-04-21 12:00"
