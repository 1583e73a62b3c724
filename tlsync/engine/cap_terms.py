"""What a cap is: its name in the settings, what it counts in which period, and how that is said. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any, Literal, NamedTuple

from tlsync.clock import to_text
from tlsync.config import CapSettings
from tlsync.local_days import next_day, next_month, start_of
from tlsync.store.spending import Amounts, Used

Counts = Literal["minutes", "bytes", "money"]

_PER = {"minutes": 60_000, "bytes": 1, "money": 1_000_000}
"""How many of the ledger's units one unit of the settings is."""


@dataclass(frozen=True, slots=True)
class Cap:
    """One cap that is set; `limit` is in the ledger's units."""

    counts: Counts
    period: Literal["day", "month"]
    limit: int

    @property
    def name(self) -> str:
        return f"{self.counts}_per_{self.period}"

    def of(self, amounts: Amounts) -> int:
        """What this cap counts of something."""
        if self.counts == "minutes":
            return amounts.duration_ms
        return amounts.size_bytes if self.counts == "bytes" else amounts.money_micros

    def is_less_than(self, need: Amounts) -> bool:
        """Whether something alone needs more than the whole cap."""
        return self.of(need) > self.limit

    def used(self, used: Used) -> int:
        return self.of(used.day if self.period == "day" else used.month)

    def resets_at(self, today: date, zone: tzinfo | None = None) -> datetime:
        """When it begins anew, in UTC."""
        return start_of(next_day(today) if self.period == "day" else next_month(today), zone)

    def in_settings(self, number: int) -> float:
        """A number of the ledger in the unit of the settings."""
        return number if self.counts == "bytes" else round(number / _PER[self.counts], 4)

    def said(self, number: int) -> str:
        """A number of the ledger, for people."""
        if self.counts == "bytes":
            return said_bytes(number)
        value = number / _PER[self.counts]
        if self.counts == "minutes":
            return f"{value:.1f}"
        return f"{value:.4f}" if 0 < value < 0.01 else f"{value:.2f}"

    @property
    def said_limit(self) -> str:
        return said_bytes(self.limit) if self.counts == "bytes" else f"{self.limit / _PER[self.counts]:g}"


def caps_of(settings: CapSettings) -> tuple[Cap, ...]:
    """The caps that are set."""
    found = []
    kinds: tuple[Counts, ...] = ("minutes", "bytes", "money")
    periods: tuple[Literal["day", "month"], ...] = ("day", "month")
    for counts in kinds:
        for period in periods:
            value = getattr(settings, f"{counts}_per_{period}")
            if value is not None:
                found.append(Cap(counts, period, int(value * _PER[counts])))
    return tuple(found)


def words_for(cap: Cap, need: int, taken: int, resets_at: datetime | None, zone: tzinfo | None) -> tuple[str, str]:
    """Why something has to wait, and what may be done.

    Args:
        taken: What is used up or set aside.
        resets_at: None: it needs more than the whole cap.
    """
    what = {"minutes": " minutes", "bytes": "", "money": " of money"}[cap.counts]
    if resets_at is None:
        return (
            f"needs {cap.said(need)}{what}, more than caps.{cap.name} = {cap.said_limit}",
            "raise it in the settings, or leave the file out (exclude)",
        )
    at = resets_at.astimezone(zone)
    return (
        f"caps.{cap.name} = {cap.said_limit} is reached: {cap.said(taken)} are used up or under way, this needs"
        f" {cap.said(need)}; goes on at {at:%Y-%m-%d %H:%M}",
        "to go on now, raise it in the settings and start tlsync again",
    )


class Holding(NamedTuple):
    """What a waiting file waits for. `is_too_large`: it alone needs more than the cap, so no day will do."""

    cap: str
    is_too_large: bool


def describe(cap: Cap, used: Used, today: date, zone: tzinfo | None, held: Sequence[Holding]) -> dict[str, Any]:
    """A cap with the keys of `status --json`.

    Args:
        held: One for each waiting file.
    """
    mine = [holding for holding in held if holding.cap == cap.name]
    files, too_large = len(mine), sum(holding.is_too_large for holding in mine)
    resets_at = cap.resets_at(today, zone)
    text = f"caps.{cap.name} = {cap.said_limit}: {cap.said(cap.used(used))} used up"
    if files > too_large:
        many = "1 file waits" if files - too_large == 1 else f"{files - too_large:,} files wait"
        text += f"; {many}, and it goes on at {resets_at.astimezone(zone):%Y-%m-%d %H:%M}"
    if too_large:
        many = "1 file needs" if too_large == 1 else f"{too_large:,} files need"
        text += f"; {many} more than the whole cap (tlsync why PATH)"
    return {
        "cap": cap.name,
        "used": cap.in_settings(cap.used(used)),
        "limit": cap.in_settings(cap.limit),
        "resets_at": to_text(resets_at),
        "holds": files > 0,
        "files": files,
        "text": text,
    }


def said_bytes(number: int) -> str:
    """A number of bytes in binary units, as caps are written."""
    value = float(number)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} B" if unit == "B" else f"{value:.1f} {unit}".replace(".0 ", " ")
        value /= 1024
    return f"{value:.2f} TiB"
