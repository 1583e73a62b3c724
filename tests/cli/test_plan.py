"""A plan as an editor reads it: how much, how long, for how much money, and what is not taken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync
from tests.conftest import MakeClip
from tests.workshop import Workshop
from tlsync.cli.plan_text import plan_lines


def configure(text: str) -> None:
    with Path(os.environ["TLSYNC_CONFIG"]).open("a") as config:
        config.write(text)


def test_a_plan_tells_calls_time_and_money(tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "a.mp4", duration_s=30.0)
    configure('[upload]\nbandwidth = "10 kB/s"\n')
    plan = tlsync("plan", "--json").json
    assert plan["estimated_s"] == pytest.approx(plan["bytes_to_send"] / 10_000, abs=0.2)
    assert plan["rate"] == {"bytes_per_s": 10_000, "source": "settings"}
    assert plan["calls"] > 5
    assert plan["chunks"] == 1
    cost = plan["cost"]
    assert (cost["currency"], cost["as_of"]) == ("USD", "2026-06-20")
    lines = {line["what"]: line for line in cost["lines"]}
    assert lines["indexing"]["quantity"] == plan["minutes_to_index"] == pytest.approx(0.5, abs=0.01)
    assert lines["indexing"]["amount"] == pytest.approx(0.5 * 0.042, rel=0.02)
    assert cost["amount"] == pytest.approx(sum(line["amount"] for line in cost["lines"]), abs=0.001)
    out = tlsync("plan").out
    assert out.startswith("1 file to send, ")
    assert f"· about {cost['amount']:.2f} USD (prices of 2026-06-20)" in out
    assert "at 10.0 kB/s" in out


def test_a_plan_goes_by_the_bandwidth_that_was_ordered(tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "a.mp4", duration_s=30.0)
    configure('[upload]\nbandwidth = "10 kB/s"\n')
    tlsync("bandwidth", "40 kB/s")
    assert tlsync("plan", "--json").json["rate"]["bytes_per_s"] == 40_000


def test_without_a_limit_or_a_past_the_time_is_not_known(
    tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip
) -> None:
    make_clip(workshop.footage / "a.mp4")
    plan = tlsync("plan", "--json").json
    assert (plan["estimated_s"], plan["rate"]["source"]) == (None, "unknown")
    assert "time not known yet" in tlsync("plan").out
    tlsync("sync")
    make_clip(workshop.footage / "b.mp4", pattern=1)
    plan = tlsync("plan", "--json").json
    assert plan["rate"]["source"] == "last uploads"
    assert plan["estimated_s"] >= 0
    assert "as the last uploads went" in tlsync("plan").out


def test_no_price_is_not_a_price_of_nothing(tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "a.mp4")
    configure("[prices]\nindexing_per_minute = 0\n")
    cost = tlsync("plan", "--json").json["cost"]
    line = next(line for line in cost["lines"] if line["what"] == "indexing")
    assert (line["price"], line["amount"]) == (None, None)
    assert cost["amount"] is not None
    assert "indexing: 0.1 minutes, no price set" in tlsync("plan").out
    configure("storage_per_minute_month = 0\nanalysis_per_minute = 0\noutput_per_1k_tokens = 0\nsearch_per_query = 0\n")
    assert tlsync("plan", "--json").json["cost"]["amount"] is None
    assert "· no price set" in tlsync("plan").out


def test_three_hundred_rejects_are_grouped_and_named_with_v(
    tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip
) -> None:
    for number in range(298):
        (workshop.footage / f"empty{number:03}.mp4").touch()
    for number in range(2):
        make_clip(workshop.footage / f"short{number}.mp4", duration_s=1.0, pattern=number)
    report = tlsync("plan", "--json").json
    assert [(group["kind"], group["files"]) for group in report["rejects"]] == [("empty", 298), ("too short", 2)]
    assert len(report["files"]) == 300
    out = tlsync("plan").out
    assert len(out.splitlines()) < 10
    assert "298 × empty, for example" in out
    for arguments in (("plan", "-v"), ("-v", "plan")):
        assert "short1.mp4" in tlsync(*arguments).out


def test_a_plan_says_how_it_fits_into_the_caps(tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "a.mp4", duration_s=30.0)
    make_clip(workshop.footage / "b.mp4", duration_s=5.0)
    configure("[caps]\nminutes_per_day = 0.2\n")
    (cap,) = tlsync("plan", "--json").json["caps"]
    assert (cap["cap"], cap["used"], cap["holds"], cap["more_periods"], cap["too_large_files"]) == (
        "minutes_per_day",
        0,
        False,
        2,
        1,
    )
    out = tlsync("plan").out
    assert "this plan goes on for 2 more days" in out
    assert "1 file alone needs more" in out


def test_a_plan_tells_what_waits(tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "a.mp4")
    configure("[caps]\nminutes_per_day = 0\n")
    assert tlsync("sync").code == 8
    assert tlsync("plan", "--json").json["waiting"]["held_by_caps"] == 1
    assert "waiting: 1 held by a cap" in tlsync("plan").out


def test_a_file_that_no_session_can_carry_is_marked(tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "a.mp4")
    with clip.open("ab") as stream:  # a box that holds nothing, and no disk space
        stream.write((50_000_000).to_bytes(4, "big") + b"free")
        stream.truncate(clip.stat().st_size + 50_000_000)
    configure('[upload]\nbandwidth = "0.5 kB/s"\n')
    plan = tlsync("plan", "--json").json
    assert "an upload has 24 h" in plan["files"][0]["too_slow"]
    assert "1 file can't be whole within the 24 h" in tlsync("plan").out


def test_nothing_to_send_is_said_in_few_words(tlsync: Tlsync, workshop: Workshop) -> None:
    assert tlsync("plan").out.splitlines()[0] == "nothing to send"


def test_names_are_made_fit_for_a_terminal() -> None:
    report = {
        "files": [{"action": "reject", "size_bytes": 1, "path": "/a\x1b[2J.mp4", "reason": "no\x07", "too_slow": None}],
        "counts": {"upload": 0, "link": 0, "nothing": 0, "wait": 0, "reject": 1},
        "caps": [],
        "waiting": {"at_platform": 0, "held_by_caps": 0, "to_be_retried": 0},
        "rejects": [],
    }
    assert "\x1b" not in "".join(plan_lines(report, is_each=True))
