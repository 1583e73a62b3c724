"""What the system tells of its power and its line."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tlsync import power
from tlsync.power import Power, PowerWatch

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="asks the system in the way of Linux")

MAINS = {"type": "Mains", "online": "1"}
OFF = {"type": "Mains", "online": "0"}
USED = {"type": "Battery", "status": "Discharging"}
FULL = {"type": "Battery", "status": "Full"}
MOUSE = {"type": "Battery", "status": "Discharging", "scope": "Device"}
USB_C = {"type": "USB", "online": "1"}


@linux_only
@pytest.mark.parametrize(
    ("supplies", "on_battery"),
    [
        ([], False),
        ([MAINS], False),
        ([MAINS, USED], False),
        ([OFF, USED], True),
        ([OFF, FULL], True),
        ([USB_C, USED], False),
        ([USED], True),
        ([FULL], False),
        ([MOUSE], False),
        ([OFF, MOUSE], False),
        ([MAINS, MOUSE], False),
        ([{"type": "UPS", "status": "Discharging"}], True),
        ([{}, USED], True),
    ],
)
def test_whether_the_battery_is_in_use(tmp_path: Path, supplies: list[dict[str, str]], on_battery: bool) -> None:
    for number, facts in enumerate(supplies):
        (tmp_path / str(number)).mkdir()
        for name, value in facts.items():
            (tmp_path / str(number) / name).write_text(f"{value}\n")
    assert power.on_battery(supplies=tmp_path) is on_battery


@linux_only
def test_without_the_kernels_folder_nobody_knows(tmp_path: Path) -> None:
    assert power.on_battery(supplies=tmp_path / "none") is None


def answers(**said: str) -> Callable[[Sequence[str]], str]:
    """Programs by name; others are not installed."""

    def run(command: Sequence[str]) -> str:
        if command[0] not in said:
            raise FileNotFoundError(command[0])
        if said[command[0]] == "fails":
            raise subprocess.CalledProcessError(1, command[0])
        return said[command[0]]

    return run


@linux_only
@pytest.mark.parametrize(
    ("said", "is_metered"),
    [
        ({"busctl": '{"type":"u","data":1}'}, True),
        ({"busctl": '{"type":"u","data":3}'}, True),
        ({"busctl": '{"type":"u","data":4}'}, False),
        ({"busctl": '{"type":"u","data":0}'}, None),
        ({"busctl": "nonsense"}, None),
        ({"busctl": "fails", "nmcli": "GENERAL.METERED:unknown\n\nGENERAL.METERED:yes (guessed)\n"}, True),
        ({"nmcli": "GENERAL.METERED:no\nGENERAL.METERED:unknown\n"}, False),
        ({"nmcli": "GENERAL.METERED:unknown\n"}, None),
        ({"busctl": "fails", "nmcli": "fails"}, None),
        ({}, None),
    ],
)
def test_whether_the_line_is_metered(said: dict[str, str], is_metered: bool | None) -> None:
    assert power.is_metered(answers(**said)) is is_metered


def test_macos_is_asked_in_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert power.on_battery(answers(pmset="Now drawing from 'Battery Power'\n -InternalBattery-0 80%")) is True
    assert power.on_battery(answers(pmset="Now drawing from 'AC Power'")) is False
    assert power.look(answers()) == Power(None, None)


@linux_only
def test_the_key_is_not_given_to_other_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWELVE_LABS_API_KEY", "canary")
    assert "canary" not in power._run(["env"])


def test_the_system_is_asked_twice_a_minute_at_most_and_not_waited_for(fake_clock: FakeClock) -> None:
    asked: list[int] = []
    go_on = threading.Event()

    def look() -> Power:
        asked.append(len(asked))
        if len(asked) == 2:
            go_on.wait(30)
        return Power(is_metered=len(asked) == 2)

    watch = PowerWatch(fake_clock, look)
    assert watch.current() == Power(is_metered=False)
    for _ in range(29):
        fake_clock.advance(1)
        watch.current()
    assert asked == [0]
    fake_clock.advance(1)
    assert watch.current() == Power(is_metered=False)  # the second answer is on its way
    fake_clock.advance(100)
    assert watch.current() == Power(is_metered=False)
    go_on.set()
    assert watch._asking is not None
    watch._asking.join(30)
    assert asked == [0, 1]
    assert watch._answer == Power(is_metered=True)
