"""What was spent is told, by day and month; caps end commands with exit code 8."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync
from tests.conftest import MakeClip
from tests.workshop import Workshop
from tlsync.clock import SystemClock
from tlsync.local_days import day_of
from tlsync.store.spending import FILE_NAME, Amounts, Spending

TODAY = day_of(datetime.now(UTC))


def configure(caps: str) -> None:
    """Add a section to the settings of the `tlsync` fixture."""
    with Path(os.environ["TLSYNC_CONFIG"]).open("a") as config:
        config.write(caps)


def spend(workshop: Workshop, money: float, day: date | None = None) -> None:
    workshop.state_dir.mkdir(exist_ok=True)

    class Then(SystemClock):
        def now(self) -> datetime:
            now = super().now()
            return now if day is None else now + (day - day_of(now))

    ledger = Spending(workshop.state_dir, Then())
    ledger.order("search", f"{money} {day}", Amounts(money_micros=round(money * 1e6)), "USD")
    ledger.close()


def test_usage_of_a_machine_that_did_nothing(tlsync: Tlsync, workshop: Workshop) -> None:
    assert tlsync("usage").out == "nothing was sent or ordered in the last 30 days\n"
    report = tlsync("usage", "--json").json
    assert (report["days"], report["months"], report["caps"]) == ([], [], [])
    assert not workshop.state_dir.exists()


def test_usage_adds_up_by_day_month_and_kind(tlsync: Tlsync, clip: Path, workshop: Workshop) -> None:
    assert tlsync("search", "boats", "--by", "visual").code == 0
    report = tlsync("usage", "--json").json
    today, month = report["days"][0], report["months"][0]
    assert (today["day"], month["month"]) == (TODAY.isoformat(), TODAY.isoformat()[:7])
    assert today["bytes"] == clip.stat().st_size == workshop.server.ledger.put_bytes()
    assert today["minutes"] == pytest.approx(5 / 60, rel=0.1)
    assert {kind: found["count"] for kind, found in today["by_kind"].items()} == {
        "upload": 1,
        "indexing": 1,
        "texts": 4,
        "search": 1,
    }
    assert today["by_kind"]["search"]["money"] == {"USD": 0.004}
    assert today["money"]["USD"] == pytest.approx(sum(k["money"].get("USD", 0) for k in today["by_kind"].values()))
    text = tlsync("usage").out
    assert TODAY.isoformat() in text
    assert "USD" in text


def test_usage_keeps_to_the_days_asked_for(tlsync: Tlsync, workshop: Workshop) -> None:
    spend(workshop, 1.0, TODAY - timedelta(days=3))
    spend(workshop, 2.0)
    assert [day["money"] for day in tlsync("usage", "--days", "3", "--json").json["days"]] == [{"USD": 2.0}]
    assert len(tlsync("usage", "--days", "4", "--json").json["days"]) == 2


def test_sync_that_leaves_files_for_a_cap_ends_with_8_and_says_so(
    tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip
) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    spend(workshop, 9.99)
    configure("[caps]\nmoney_per_day = 10\n")
    done = tlsync("sync")
    assert done.code == 8
    assert "a cap was reached: caps.money_per_day = 10: 9.99 used up; 1 file waits" in done.err
    outcome = tlsync("sync", "--json")
    assert (outcome.code, outcome.json["pending"], outcome.json["failed"]) == (8, 1, 0)
    (cap,) = outcome.json["caps"]
    assert (cap["cap"], cap["used"], cap["limit"], cap["holds"]) == ("money_per_day", 9.99, 10, True)
    assert tlsync("status", "--json").json["caps"] == [cap]
    assert "1 file waits" in tlsync("status").out
    why = tlsync("why", str(clip))
    assert "caps.money_per_day = 10 is reached" in why.out
    assert tlsync("usage", "--json").json["caps"] == [cap]


def test_questions_over_a_cap_of_money_are_refused_unless_asked_for(tlsync: Tlsync, clip: Path) -> None:
    configure("[caps]\nmoney_per_day = 0.001\n")
    for question in (("search", "boats"), ("analyze", str(clip), "What?")):
        refused = tlsync(*question)
        assert refused.code == 8
        assert "--beyond-caps" in refused.err
        assert tlsync(*question, "--beyond-caps").code == 0
    kinds = tlsync("usage", "--json").json["days"][0]["by_kind"]
    assert (kinds["search"]["count"], kinds["analyze"]["count"]) == (1, 1)


def test_status_says_nothing_of_caps_where_none_is_set(tlsync: Tlsync) -> None:
    assert "caps" not in tlsync("status", "--json").json


def test_money_caps_need_prices(tlsync: Tlsync) -> None:
    configure(
        "[prices]\nindexing_per_minute = 0\nanalysis_per_minute = 0\nsearch_per_query = 0\n[caps]\nmoney_per_day = 5\n"
    )
    refused = tlsync("status")
    assert refused.code == 2
    assert "money_per_day: no price is set" in refused.err


def test_a_damaged_ledger_is_told_and_hides_nothing_else(tlsync: Tlsync, workshop: Workshop) -> None:
    workshop.state_dir.mkdir()
    (workshop.state_dir / FILE_NAME).write_bytes(b"no database" * 100)
    configure("[caps]\nmoney_per_day = 5\n")
    report = tlsync("status", "--json").json
    assert "move it away" in report["errors"][0]["hint"]
    assert "caps" not in report
    assert tlsync("usage").code == 1


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('[prices]\nas_of = "2026-13-01"', "is not a day"),
        ('[prices]\ncurrency = "dollars"', "is not a currency"),
        ("[prices]\nindexing_per_minute = -1", "must be a number from 0 on"),
        ('[caps]\nbytes_per_day = "much"', "is not a size"),
        ("[caps]\nminutes_per_week = 5", "did you mean 'minutes_per_day'?"),
    ],
)
def test_mistakes_in_prices_and_caps_are_told(tlsync: Tlsync, line: str, told: str) -> None:
    configure(f"{line}\n")
    refused = tlsync("usage")
    assert refused.code == 2
    assert told in refused.err
