"""What is held back now, why, and until when: a decision from the pause, the hours, the power and the line. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tlsync.clock import to_text
from tlsync.config import PowerSettings
from tlsync.engine.lanes import RECOGNITION, REMOTE, TRANSFER
from tlsync.hours import Hours
from tlsync.store.pause import Pause

if TYPE_CHECKING:
    from tlsync.power import Power

By = Literal["pause", "hours", "battery", "metered"]

ALL_REMOTE = frozenset({RECOGNITION, TRANSFER, REMOTE})
UPLOADS = frozenset({TRANSFER})


class Held(NamedTuple):
    """`until` None: nobody knows."""

    by: By
    lanes: frozenset[str]
    until: datetime | None
    message: str

    def as_json(self) -> dict[str, Any]:
        until = None if self.until is None else to_text(self.until)
        return {"by": self.by, "lanes": sorted(self.lanes), "until": until, "message": self.message}


def judge(
    now: datetime,
    *,
    pause: Pause | None,
    hours: Hours,
    rules: PowerSettings,
    power: Power | None,
    goes_on: bool = False,
    zone: tzinfo | None = None,
) -> tuple[Held, ...]:
    """All that holds something back.

    Args:
        pause: The one in force.
        power: What the system says; what it does not say, or was not asked for (None), holds nothing back.
        goes_on: Somebody wants uploads to go on whatever the settings say; a pause holds all the same.
        zone: Where the clock hangs; None: that of this machine.
    """
    held = []
    if pause is not None:
        why = f" ({pause.reason})" if pause.reason else ""
        until = "tlsync resume" if pause.until is None else clock_text(pause.until, now, zone)
        held.append(Held("pause", ALL_REMOTE, pause.until, f"paused until {until}{why}"))
    if goes_on:
        return tuple(held)
    if not hours.are_open(now, zone):
        opens = hours.next_change(now, zone)
        when = "" if opens is None else clock_text(opens, now, zone)
        held.append(Held("hours", UPLOADS, opens, f"waiting for {when} (upload.hours)"))
    if power is not None and rules.on_battery == "hold" and power.on_battery:
        held.append(Held("battery", UPLOADS, None, "waiting for mains power (power.on_battery)"))
    if power is not None and rules.on_metered == "hold" and power.is_metered:
        held.append(Held("metered", UPLOADS, None, "waiting for a line that is not metered (power.on_metered)"))
    return tuple(held)


def lanes_of(held: tuple[Held, ...]) -> frozenset[str]:
    """All lanes that something holds back."""
    return frozenset[str]().union(*(one.lanes for one in held))


def clock_text(instant: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """An instant to come, for people: `22:00`, `Sat 22:00`, or with its date."""
    local = instant.astimezone(zone)
    if instant - now < timedelta(days=1):
        return f"{local:%H:%M}"
    return f"{local:%a %H:%M}" if instant - now < timedelta(days=6) else f"{local:%Y-%m-%d %H:%M}"
