"""Another bandwidth than that of the settings, which somebody asked for; and the wish to go on whatever they say."""

from __future__ import annotations

from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from tlsync.clock import to_text
from tlsync.store.orders import UNREADABLE, Order, OrderFile

if TYPE_CHECKING:
    from tlsync.timetable import Timetable


class Bandwidth(NamedTuple):
    """What is in force. `until` is when it changes by itself, None: never. `source` says where it comes from."""

    bytes_per_s: int | None
    until: datetime | None
    source: Literal["settings", "override"]
    timetable: Timetable

    def as_json(self) -> dict[str, Any]:
        return {
            "bytes_per_s": self.bytes_per_s,
            "until": None if self.until is None else to_text(self.until),
            "source": self.source,
            "timetable": self.timetable.text,
        }


def override_file(state_dir: Path) -> OrderFile:
    """The order's text is a rate or a timetable, as in the settings."""
    return OrderFile(state_dir, "bandwidth.json", "bandwidth")


def go_on_file(state_dir: Path) -> OrderFile:
    """While the order stands, hours, battery and metered lines hold nothing back."""
    return OrderFile(state_dir, "go_on.json")


def in_force(settings: Timetable, override: Order | None, now: datetime, zone: tzinfo | None = None) -> Bandwidth:
    """What holds at an instant: the override, or the settings where there is none that can be read."""
    wanted = _timetable_of(override)
    timetable = wanted or settings
    ends = [timetable.next_change(now, zone), override.until if override and wanted else None]
    until = min((end for end in ends if end is not None), default=None)
    return Bandwidth(timetable.rate_at(now, zone), until, "override" if wanted else "settings", timetable)


def _timetable_of(order: Order | None) -> Timetable | None:
    if order is None or order.key == UNREADABLE:
        return None
    from tlsync.timetable import parse_timetable  # only for who has one

    try:
        return parse_timetable(order.text)
    except ValueError:
        return None
