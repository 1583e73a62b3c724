"""`tlsync status` when things are not as they should be: quick, and true."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync
from tests.conftest import FakeClock
from tests.workshop import Workshop
from tlsync.clock import SystemClock
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
