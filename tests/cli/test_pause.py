"""`pause`, `resume` and what other commands make of it, while no daemon runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync
from tests.workshop import Workshop
from tlsync.clock import from_text
from tlsync.store.process_lock import RUN, only_one

MakeClip = Callable[..., Path]


def test_a_pause_with_an_end_is_told_by_all(tlsync: Tlsync) -> None:
    outcome = tlsync("pause", "--for", "2h", "--reason", "on a call", "--json")
    assert (outcome.code, outcome.json["paused"], outcome.json["reason"]) == (0, True, "on a call")
    assert outcome.json["daemon_running"] is False
    until = outcome.json["paused_until"]
    assert abs(from_text(until) - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=2)
    report = tlsync("status", "--json").json
    assert report["daemon"] == {"running": False, "pid": None, "paused_until": until}
    assert report["pause"] == {"until": until, "reason": "on a call"}
    text = tlsync("status").out
    assert "paused until" in text and "for 2 h (on a call)" in text
    assert tlsync("resume").out == "the pause is over\n"
    assert tlsync("resume", "--json").json == {
        "v": 1, "paused": False, "was_paused": False, "goes_on_until": None,
    }  # fmt: skip
    assert tlsync("status", "--json").json["pause"] is None


def test_a_pause_without_an_end_is_a_pause(tlsync: Tlsync) -> None:
    outcome = tlsync("pause")
    assert "tlsync resume lets it go on" in outcome.out
    assert "the next tlsync run starts paused" in outcome.err
    report = tlsync("status", "--json").json
    assert (report["daemon"]["paused_until"], report["pause"]) == (None, {"until": None, "reason": ""})


def test_sync_keeps_to_it_unless_told_otherwise(tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "clip.mp4")
    tlsync("pause", "--for", "1 d")
    before = workshop.counts()
    outcome = tlsync("sync")
    assert outcome.code == 5
    assert "nothing was done: paused until" in outcome.err and "--even-if-paused" in outcome.err
    assert json.loads(tlsync("sync", "--json").err)["error"]["code"] == "not_yet"
    assert workshop.counts() == before
    assert tlsync("sync", "--even-if-paused", "--json").json["enriched"] == 1
    assert tlsync("status", "--json").json["pause"] is not None


@pytest.mark.parametrize("span", ["soon", "0s", "-1h", "9999d", "", "nan"])
def test_what_is_no_span_is_refused_and_pauses_nothing(tlsync: Tlsync, span: str) -> None:
    assert tlsync("pause", "--for", span).code == 2
    assert tlsync("status", "--json").json["pause"] is None


def test_a_sync_under_way_is_named(tlsync: Tlsync, workshop: Workshop) -> None:
    with only_one(workshop.state_dir):
        assert "another tlsync command is at work" in tlsync("pause").err
    with only_one(workshop.state_dir, RUN):
        assert tlsync("pause").err == ""


def test_a_reason_steers_no_terminal(tlsync: Tlsync) -> None:
    tlsync("pause", "--reason", "x\x1b[2J\x07" * 3)
    assert "\x1b" not in tlsync("status").out
