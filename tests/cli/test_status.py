"""`tlsync status` when things are not as they should be: quick, and true."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Tlsync
from tests.cli.reports import NOW, failure, report, root, transfer
from tests.conftest import FakeClock
from tests.workshop import Workshop
from tlsync.cli.status_text import opening, status_lines
from tlsync.clock import SystemClock
from tlsync.models import StatSignature
from tlsync.store.process_lock import RUN, only_one
from tlsync.store.store import Store


def test_roots_tell_their_condition_and_how_they_are_watched(tlsync: Tlsync, workshop: Workshop) -> None:
    with only_one(workshop.state_dir, RUN), Store(workshop.state_dir, SystemClock()) as store:
        row = store.roots.ensure(workshop.footage, "clips")
        store.roots.set_watching(row.id, "polling", "the system allows watching only 16 of 51 folders")
        store.roots.hold(row.id, "held: 300 of 1000 known files are gone")
        store.roots.set_health(row.id, "foreign", "another volume is at this path", ends_hang=False)
        store.heartbeat.beat(os.getpid(), {})
        root = tlsync("status", "--json").json["roots"][0]
        text = tlsync("status").out
    assert (root["online"], root["condition"], root["watching"]) == (False, "foreign", "polling")
    assert root["note"] == "held: 300 of 1000 known files are gone; the system allows watching only 16 of 51 folders"
    assert "OFFLINE: another volume is at this path" in text
    assert "held: 300 of 1000" in text


def test_a_folder_that_hangs_is_not_waited_for(
    tlsync: Tlsync, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a daemon the folders are looked at; one that does not answer is said to hang."""
    real, goes_on = Path.is_dir, threading.Event()

    def is_dir(path: Path) -> bool:
        if path == workshop.footage:
            goes_on.wait(60)  # the test's own time limit tells if anybody waits for this
        return real(path)

    monkeypatch.setattr(Path, "is_dir", is_dir)
    try:
        root = tlsync("status", "--json").json["roots"][0]
    finally:
        goes_on.set()
    assert (root["online"], root["condition"]) == (False, "hung")
    assert "does not answer" in root["trouble"]


def test_a_folder_that_is_not_there_is_offline(tlsync: Tlsync, workshop: Workshop) -> None:
    workshop.footage.rmdir()
    assert tlsync("status", "--json").json["roots"][0]["condition"] == "offline"
    workshop.footage.mkdir()
    assert tlsync("status", "--json").json["roots"][0]["condition"] == "online"


def test_the_lock_tells_whether_a_daemon_lives(tlsync: Tlsync, workshop: Workshop) -> None:
    """Not the heartbeat of one that was killed, whose number may be another process by now; and no other command."""
    with Store(workshop.state_dir, SystemClock()) as store:
        store.heartbeat.beat(os.getpid(), {})
    assert tlsync("status", "--json").json["daemon"] == {"running": False, "pid": None, "paused_until": None}
    with only_one(workshop.state_dir):
        assert tlsync("status", "--json").json["daemon"]["running"] is False
    with only_one(workshop.state_dir, RUN):
        assert tlsync("status", "--json").json["daemon"] == {"running": True, "pid": os.getpid(), "paused_until": None}


def test_a_daemon_that_can_write_nothing_is_alive_all_the_same(tlsync: Tlsync, workshop: Workshop) -> None:
    """On a full disk neither heartbeat nor a note in the lock file can be written."""
    with Store(workshop.state_dir, FakeClock(datetime(2020, 1, 1, tzinfo=UTC))) as store:
        store.heartbeat.beat(4_000_000, {"transfers": [], "troubles": []})
    with only_one(workshop.state_dir, RUN):
        (workshop.state_dir / "lock").write_bytes(b"")
        report = tlsync("status", "--json").json
    assert (report["daemon"]["running"], report["daemon"]["pid"]) == (True, 4_000_000)
    assert report["errors"][0]["code"] == "silent"


def test_without_locks_a_late_sign_of_life_has_to_do(
    tlsync: Tlsync, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(state_dir: Path) -> None:
        raise OSError("no locks available")

    with Store(workshop.state_dir, SystemClock()) as store:
        store.heartbeat.beat(os.getpid(), {})
    monkeypatch.setattr("tlsync.cli.status.holder", refuse)
    assert tlsync("status", "--json").json["daemon"]["running"] is True


# The text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "tlsync is running; no clip was seen yet"),
        ({"running": False, "counts": {"enriched": 3}}, "tlsync is not running; all done (3 clips)"),
        ({"counts": {"enriched": 3, "missing": 2}}, "tlsync is running; all done (3 clips)"),
        ({"counts": {"enriched": 3, "failed": 1}}, "tlsync is running; nothing left to do (3 of 4 clips all done)"),
        ({"counts": {"indexing": 2, "ready": 1}}, "tlsync is running; 3 at the platform"),
        (
            {
                "counts": {"identified": 12, "uploading": 2},
                "left": {"files": 14, "bytes": 3_200_000_000},
                "transfers": [transfer("/a", 50_000_000, 10**9), transfer("/b", 50_000_000, 10**9)],
                "bytes_per_s": 12_900_000,
                "errors": [failure("/c", "broken")],
            },
            "tlsync is running; sending 2 of 14 clips, 3.1 GB left, about 4 min at 12.9 MB/s; 1 problem",
        ),
        (
            {
                "running": False,
                "counts": {"uploading": 1},
                "left": {"files": 1, "bytes": 100},
                "transfers": [transfer("/a", 40, 100)],
            },
            "tlsync is not running; 1 clip to send, 60 B",
        ),
        ({"pause": {"until": None, "reason": "call"}}, "tlsync is running; paused; no clip was seen yet"),
        (
            {"held": [{"by": "hours", "message": "outside of the hours of uploads"}]},
            "tlsync is running; outside of the hours of uploads; no clip was seen yet",
        ),
        (
            {"running": False, "other_process": 12, "roots": [root("/gone", online=False, condition="offline")]},
            "another tlsync command works (process 12); no clip was seen yet; 1 problem",
        ),
    ],
)
def test_the_headline_answers_everything(changes: dict[str, Any], said: str) -> None:
    assert opening(report(**changes), NOW) == said


def test_the_whole_text() -> None:
    what = report(
        counts={"uploading": 1, "enriched": 84, "failed": 1},
        left={"files": 1, "bytes": 10**9},
        transfers=[transfer("/footage/a\x1b[2J.mov", 540_000_000, 10**9, 10_500_000)],
        errors=[failure("/footage/b.mov", "the platform could not use it", "tlsync retry")],
        caps=[{"text": "caps.minutes_per_day = 600: 12 used up", "holds": False}],
    )
    assert status_lines(what, NOW) == [
        "tlsync is running; sending 1 of 1 clip, 460.0 MB left; 1 problem",
        "  caps.minutes_per_day = 600: 12 used up",
        "  process 4711; today 0 clips sent (0 B), 0 all done",
        "",
        "Sending",
        "  /footage/a\\x1b[2J.mov: 54 % of 1.0 GB, 10.5 MB/s, about 44 s left",
        "",
        "Clips",
        "   1  being sent (uploading)",
        "  84  all done (enriched)",
        "   1  failed (failed)",
        "",
        "Folders",
        "  /footage: online, watched by events, scanned 3 min ago; index clips",
        "",
        "Problems",
        "  failed: /footage/b.mov: the platform could not use it",
        "    → tlsync retry",
    ]


def test_many_problems_are_counted_and_the_newest_come_first() -> None:
    errors = [failure(f"/f/{number}", "broken", at=f"2026-11-23T13:00:{number:02d}.000Z") for number in range(30)]
    lines = status_lines(report(errors=errors), NOW)
    assert lines[lines.index("Problems") + 1] == "  failed: /f/29: broken"
    assert lines[-1] == "  … and 20 more: tlsync ls --state failed"


def test_what_is_left_and_what_was_done_today(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    (workshop.footage / "later.mp4").write_bytes(clip.read_bytes() + b"more")
    with Store(workshop.state_dir, SystemClock()) as store:
        row = store.roots.ensure(workshop.footage, "clips")
        store.catalog.add(row.id, b"later.mp4", StatSignature(100, 1, 2, 3))
    said = tlsync("status", "--json").json
    assert said["left"] == {"files": 1, "bytes": 100}
    assert said["today"] == {"uploaded": 1, "bytes": clip.stat().st_size, "enriched": 1, "failed": 0}


def test_another_command_at_work_is_told(tlsync: Tlsync, workshop: Workshop) -> None:
    with only_one(workshop.state_dir):
        assert tlsync("status", "--json").json["other_process"] == os.getpid()
        assert tlsync("status").out.startswith(f"another tlsync command works (process {os.getpid()})")
