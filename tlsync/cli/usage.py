"""`tlsync usage`: what was sent and what it cost, by day and month. Reads the ledger only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json, print_table, size
from tlsync.cli.wiring import settings_to_look
from tlsync.config import Settings
from tlsync.engine.cap_usage import caps_report
from tlsync.local_days import day_of
from tlsync.store.reader import CatalogReader
from tlsync.store.spending_reader import DayUsage, SpendingReader

_KINDS = {"upload": "uploads", "indexing": "indexed", "texts": "texts", "search": "searches", "analyze": "questions"}
_HEADER = ("", "sent", "minutes indexed", "texts", "searches", "questions", "money")


@click.command("usage")
@click.option("--days", type=click.IntRange(1, 3660), default=30, help="How many days back (30).")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(options: GlobalOptions, days: int, is_json: bool) -> int:
    """Show what this machine sent and ordered, by day and month, and what that cost by [prices] in the settings."""
    settings = settings_to_look(options)
    report = usage_report(settings, days, datetime.now(UTC))
    if is_json:
        print_json(report)
        return 0
    if not report["days"]:
        click.echo(f"nothing was sent or ordered in the last {days} days")
    else:
        rows = [_row(day["day"], day) for day in report["days"]]
        rows += [_row(f"month {month['month']}", month) for month in report["months"]]
        print_table(rows, _HEADER)
        click.echo(f"Money by the prices of {settings.prices.as_of}: an estimate; check it against your contract.")
    for cap in report["caps"]:
        click.echo(cap["text"])
    return 0


def usage_report(settings: Settings, days: int, now: datetime) -> dict[str, Any]:
    """The document of `usage --json`. Days begin at midnight of this machine's clock."""
    today = day_of(now)
    since = today - timedelta(days=days - 1)
    first = min(since, today.replace(day=1))
    usages = SpendingReader(settings.state_dir).days(_month_of(first))
    with CatalogReader(settings.state_dir) as reader:
        caps = caps_report(settings, reader, now)
    return {
        "v": 1,
        "currency": settings.prices.currency,
        "as_of": settings.prices.as_of,
        "days": [
            {"day": day, **_totals(found)}
            for day, found in groupby(usages, lambda usage: usage.day)
            if day >= since.isoformat()
        ],
        "months": [{"month": month, **_totals(found)} for month, found in groupby(usages, lambda usage: usage.day[:7])],
        "caps": caps,
    }


def _month_of(day: date) -> date:
    return day.replace(day=1)


def _totals(usages: Iterable[DayUsage]) -> dict[str, Any]:
    found = list(usages)
    money: dict[str, float] = {}
    kinds: dict[str, dict[str, Any]] = {}
    for usage in found:
        kind = kinds.setdefault(usage.what, {"count": 0, "bytes": 0, "minutes": 0.0, "money": {}})
        kind["count"] += usage.count
        kind["bytes"] += usage.amounts.size_bytes
        kind["minutes"] = round(kind["minutes"] + usage.amounts.duration_ms / 60_000, 4)
        if usage.currency:
            for sums in (kind["money"], money):
                sums[usage.currency] = round(sums.get(usage.currency, 0.0) + usage.amounts.money_micros / 1e6, 6)
    return {
        "bytes": sum(kind["bytes"] for kind in kinds.values()),
        "minutes": round(sum(kind["minutes"] for kind in kinds.values()), 4),
        "money": money,
        "by_kind": kinds,
    }


def _row(name: str, totals: dict[str, Any]) -> tuple[str, ...]:
    def number(what: str) -> str:
        found = totals["by_kind"].get(what, {"count": 0})["count"]
        return f"{found:,}".rjust(len(_KINDS[what]))

    money = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in sorted(totals["money"].items()))
    minutes = f"{totals['minutes']:,.1f}".rjust(len("minutes indexed"))
    return name, size(totals["bytes"]).rjust(9), minutes, *map(number, ("texts", "search", "analyze")), money
