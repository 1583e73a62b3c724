"""Whether the computer runs on its battery, and whether its line is paid for by the byte, where the system tells.

Linux: the kernel's power supplies; NetworkManager's `Metered` (guesses included). macOS: `pmset`; of lines it says
nothing. Windows: GetSystemPowerStatus; the cost of the connection in use.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tlsync.clock import Clock

_SUPPLIES = Path("/sys/class/power_supply")
_EVERY_S = 30.0
_ASK_S = 5.0
_FIRST_ANSWER_S = 1.0
_NETWORK_MANAGER = "org.freedesktop.NetworkManager"
_BUSCTL = (
    *("busctl", "--json=short", "get-property"),
    *(_NETWORK_MANAGER, "/org/freedesktop/NetworkManager", _NETWORK_MANAGER, "Metered"),
)
_NMCLI = ("nmcli", "-t", "-f", "GENERAL.METERED", "dev", "show")
_CONNECTION_COST = (
    "[void][Windows.Networking.Connectivity.NetworkInformation, Windows, ContentType = WindowsRuntime];"
    "[Windows.Networking.Connectivity.NetworkInformation]::GetInternetConnectionProfile()"
    ".GetConnectionCost().NetworkCostType"
)
_OF_THE_SYSTEM = ("PATH", "HOME", "SystemRoot", "DBUS_SYSTEM_BUS_ADDRESS", "TEMP")
"""Nothing else of our environment goes to another program: it may hold the API key."""

Run = Callable[[Sequence[str]], str]


class Power(NamedTuple):
    """None: the system does not tell."""

    on_battery: bool | None = None
    is_metered: bool | None = None


def look(run: Run | None = None, supplies: Path = _SUPPLIES) -> Power:
    """Ask the system; takes some seconds at most."""
    return Power(on_battery(run, supplies), is_metered(run))


def on_battery(run: Run | None = None, supplies: Path = _SUPPLIES) -> bool | None:
    """Whether the computer runs on its battery now."""
    if sys.platform == "win32":
        return _windows_on_battery()
    if sys.platform == "darwin":
        said = _answer(run, ("pmset", "-g", "batt"))
        return None if said is None else "'Battery Power'" in said
    return _linux_on_battery(supplies)


def is_metered(run: Run | None = None) -> bool | None:
    """Whether the line in use is metered."""
    if sys.platform == "win32":
        said = _answer(run, ("powershell", "-NoProfile", "-NonInteractive", "-Command", _CONNECTION_COST))
        return {"Unrestricted": False, "Fixed": True, "Variable": True}.get(said.strip()) if said else None
    if sys.platform == "darwin":
        return None
    said = _answer(run, _BUSCTL)
    if said is not None:
        try:
            return {1: True, 2: False, 3: True, 4: False}.get(json.loads(said)["data"])
        except (ValueError, KeyError, TypeError):
            return None
    said = _answer(run, _NMCLI)
    values = [line.partition(":")[2] for line in said.splitlines()] if said else []
    if any(value.startswith("yes") for value in values):
        return True
    return False if any(value.startswith("no") for value in values) else None


class PowerWatch:
    """What the system said last, looked at twice a minute at most, and never waited for but the first time."""

    def __init__(self, clock: Clock, look: Callable[[], Power] = look) -> None:
        self._clock = clock
        self._look = look
        self._answer = Power()
        self._asked_s: float | None = None
        self._asking: threading.Thread | None = None

    def current(self) -> Power:
        is_first = self._asked_s is None
        now_s = self._clock.monotonic_s()
        is_due = self._asked_s is None or now_s - self._asked_s >= _EVERY_S
        if is_due and (self._asking is None or not self._asking.is_alive()):
            self._asked_s = now_s
            self._asking = threading.Thread(target=self._ask, name="tlsync-power", daemon=True)
            self._asking.start()
            if is_first:
                self._asking.join(_FIRST_ANSWER_S)
        return self._answer

    def _ask(self) -> None:
        self._answer = self._look()


def _linux_on_battery(supplies: Path) -> bool | None:
    """A supply from outside that is online: no. Else a battery that is being used up, or a supply that is off: yes.
    Batteries of mice and keyboards do not count."""
    try:
        found = [_facts(folder) for folder in supplies.iterdir()]
    except OSError:
        return None
    own = [facts for facts in found if facts.get("scope") != "Device"]
    batteries = [facts for facts in own if facts.get("type") in ("Battery", "UPS")]
    outside = [facts.get("online") for facts in own if facts.get("type") not in ("Battery", "UPS", None)]
    if not batteries:
        return False
    if any(online not in ("0", None) for online in outside):
        return False
    return "0" in outside or any(facts.get("status") == "Discharging" for facts in batteries)


def _facts(folder: Path) -> dict[str, str]:
    facts = {}
    for name in ("type", "online", "status", "scope"):
        try:
            facts[name] = (folder / name).read_text("ascii").strip()
        except (OSError, ValueError):
            continue  # not every supply has all of them
    return facts


def _windows_on_battery() -> bool | None:
    if sys.platform == "win32":
        import ctypes

        status = (ctypes.c_ubyte * 12)()  # SYSTEM_POWER_STATUS; its first byte: 0 offline, 1 online, 255 unknown
        if ctypes.windll.kernel32.GetSystemPowerStatus(ctypes.byref(status)):
            return {0: True, 1: False}.get(status[0])
    return None


def _answer(run: Run | None, command: Sequence[str]) -> str | None:
    """What a program of the system says; None where there is none, or where it fails."""
    try:
        return (run or _run)(command)
    except (OSError, subprocess.SubprocessError):
        return None


def _run(command: Sequence[str]) -> str:
    environment = {name: os.environ[name] for name in _OF_THE_SYSTEM if name in os.environ}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_ASK_S,
        env=environment | {"LC_ALL": "C"},
        check=True,
    )
    return done.stdout
