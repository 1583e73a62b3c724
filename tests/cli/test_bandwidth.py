"""`bandwidth`, `resume --now`, `sync` outside of its hours, and what the commands that look say of it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync
from tests.workshop import Workshop
from tlsync.clock import from_text
from tlsync.store.process_lock import RUN, only_one

MakeClip = Callable[..., Path]


@pytest.fixture
def settings(tmp_path: Path, tlsync: Tlsync) -> Callable[[str], None]:
    """Adds a section to the settings of `tlsync`."""

    def add(text: str) -> None:
        with (tmp_path / "config.toml").open("a") as stream:
            stream.write(text)

    return add


def closed_hours() -> str:
    later = datetime.now().astimezone() + timedelta(hours=6)
    return f'[upload]\nhours = "{later:%H}:00-{later + timedelta(hours=1):%H}:00"\n'


def test_without_an_argument_it_tells_what_is_in_force(tlsync: Tlsync, settings: Callable[[str], None]) -> None:
    assert tlsync("bandwidth").out == "unlimited (upload.bandwidth in the settings)\n"
    settings('[upload]\nbandwidth = "512K"\n')
    assert tlsync("bandwidth", "--json").json == {
        "v": 1, "bytes_per_s": 524_288, "until": None, "source": "settings", "timetable": "512K",
        "override_until": None, "settings": "512K", "is_running": False,
    }  # fmt: skip


def test_another_rate_holds_for_a_while_or_until_it_is_lifted(tlsync: Tlsync, workshop: Workshop) -> None:
    outcome = tlsync("bandwidth", "5", "MB/s", "--for", "2h", "--json")
    assert (outcome.json["bytes_per_s"], outcome.json["source"]) == (5_000_000, "override")
    until = outcome.json["override_until"]
    assert outcome.json["until"] == until
    assert abs(from_text(until) - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=2)
    assert stat.S_IMODE((workshop.state_dir / "bandwidth.json").stat().st_mode) == 0o600
    assert tlsync("bandwidth").out.startswith("5.0 MB/s (set by tlsync bandwidth, until ")
    outcome = tlsync("bandwidth", "1M")
    assert outcome.out == "1.0 MB/s (set by tlsync bandwidth, until tlsync bandwidth settings)\n"
    assert outcome.err == "no tlsync runs now; the next run or sync keeps to it\n"
    with only_one(workshop.state_dir, RUN):
        assert tlsync("bandwidth", "2M").err == ""
    assert tlsync("bandwidth", "settings").out == "unlimited (upload.bandwidth in the settings)\n"
    assert not (workshop.state_dir / "bandwidth.json").exists()


def test_a_timetable_tells_when_the_next_rate_comes(tlsync: Tlsync) -> None:
    later = datetime.now().astimezone() + timedelta(hours=2)
    first = datetime.now().astimezone() - timedelta(hours=2)
    out = tlsync("bandwidth", f"{first:%H}:00,1M {later:%H}:00,2M").out
    assert out.startswith("1.0 MB/s (set by tlsync bandwidth, until tlsync bandwidth settings); from ")
    assert f"{later:%H}:00 2.1 MB/s" in out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["fast"], "'fast' is not a rate"),
        (["08:00,1M 25:00,2M"], "'25:00' is no time of day"),
        (["1M", "--for", "soon"], "'soon' is not a duration"),
        (["1M", "--for", "0s"], "'0s': up to 366 d"),
        (["--for", "2h"], "--for needs a rate"),
        (["settings", "--for", "2h"], "--for needs a rate"),
    ],
)
def test_what_is_no_rate_is_refused_and_changes_nothing(
    tlsync: Tlsync, workshop: Workshop, arguments: list[str], told: str
) -> None:
    outcome = tlsync("bandwidth", *arguments)
    assert outcome.code == 2
    assert told in outcome.err
    assert not (workshop.state_dir / "bandwidth.json").exists()


def test_an_override_that_cannot_be_read_does_not_count_and_is_told(tlsync: Tlsync, workshop: Workshop) -> None:
    tlsync("bandwidth", "1M")
    (workshop.state_dir / "bandwidth.json").write_text("{")
    outcome = tlsync("bandwidth")
    assert outcome.out == "unlimited (upload.bandwidth in the settings)\n"
    assert "tlsync bandwidth settings removes it" in outcome.err


def test_a_bad_entry_in_the_settings_is_named_with_its_line(tlsync: Tlsync, settings: Callable[[str], None]) -> None:
    settings('[upload]\nbandwidth = "08:00,512K 25:00,1M"\nhours = "22:00-6"\n')
    outcome = tlsync("bandwidth")
    assert outcome.code == 2
    assert ":9: [upload] bandwidth: entry '25:00,1M': '25:00' is no time of day" in outcome.err
    assert ":10: [upload] hours: entry '22:00-6': '6' is no time of day" in outcome.err


def test_outside_of_its_hours_sync_leaves_uploads_and_says_so(
    tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip, settings: Callable[[str], None]
) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    settings(closed_hours())
    outcome = tlsync("sync")
    assert outcome.code == 5
    assert "1 pending" in outcome.out
    assert "(upload.hours); the next sync or run goes on, --now sends at once" in outcome.err
    outcome = tlsync("sync", "--json")
    assert (outcome.code, [held["by"] for held in outcome.json["held"]]) == (5, ["hours"])
    held = tlsync("status", "--json").json["held"]
    assert [one["by"] for one in held] == ["hours"]
    why = tlsync("why", str(clip))
    assert "held back: waiting for" in why.out and "(upload.hours)" in why.out
    assert tlsync("why", str(clip), "--json").json["held"] == held
    assert workshop.server.ledger.puts() == []
    assert tlsync("sync", "--now").code == 0
    assert tlsync("sync").code == 0  # nothing is left to send: nothing to say
    assert "held back" not in tlsync("why", str(clip)).out


def test_why_tells_of_a_pause(
    tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip, settings: Callable[[str], None]
) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    settings(closed_hours())
    tlsync("sync")
    tlsync("pause", "--reason", "on a call")
    assert "held back: paused until tlsync resume (on a call)" in tlsync("why", str(clip)).out


def test_resume_now_passes_over_the_hours_until_they_change(
    tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip, settings: Callable[[str], None]
) -> None:
    make_clip(workshop.footage / "clip.mp4")
    settings(closed_hours())
    opens = tlsync("status", "--json").json["held"][0]["until"]
    assert tlsync("resume", "--now", "--json").json["goes_on_until"] == opens
    assert tlsync("status", "--json").json["held"] == []
    tlsync("pause")
    tlsync("resume")
    assert tlsync("status", "--json").json["held"] != []  # a pause ends the wish
    assert "uploads go on until" in tlsync("resume", "--now").out
    assert tlsync("sync").code == 0
    wish = json.loads((workshop.state_dir / "go_on.json").read_text())
    assert from_text(wish["until"]) == from_text(opens)
