"""Supervision of the roots: who hangs, who is back, what was mounted, whether all is watched."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tests.engine.test_scanner import Bench
from tlsync.config import RootSettings, Settings, SyncSettings
from tlsync.engine import mounts, root_looker, volumes
from tlsync.engine.mounts import Mount
from tlsync.engine.root_looker import RootLooker
from tlsync.engine.root_watch import RootWatch
from tlsync.engine.volumes import Place
from tlsync.models import RootId
from tlsync.store.roots import RootRow


class FakeWatcher:
    """Watches as many folders as it may."""

    limit = 10**9

    def __init__(self, root: Path, on_path: Callable[[Path], None], on_loss: Callable[[], None]) -> None:
        self.root, self.on_path, self.on_loss = root, on_path, on_loss
        self.is_open = False
        self.has_died = False
        self.opened = 0
        self.inodes: set[int] = set()

    def open(self) -> str:
        self.is_open = True
        self.opened += 1
        folders = [self.root, *(path for path in sorted(self.root.rglob("*")) if path.is_dir())]
        self.inodes = {path.stat().st_ino for path in folders[: self.limit]}
        return ""

    def watched_inodes(self) -> set[int]:
        return self.inodes

    def end(self) -> None:
        self.is_open = False

    close = end


class Watched:
    """A watch over the bench's root, whose threads are not started: a test makes the turns."""

    def __init__(self, bench: Bench, clock: FakeClock, watch: str = "auto") -> None:
        self.bench, self.clock = bench, clock
        self.hung: list[RootId] = []
        self.back: list[RootId] = []
        settings = Settings(
            bench.footage.parent / "state",
            roots=(RootSettings(path=bench.footage, watch=watch),),  # type: ignore[arg-type]
            sync=SyncSettings(rescan_s=60.0),
        )
        self.watch = RootWatch(
            settings,
            [bench.root],
            bench.scanner,
            bench.store.roots,
            clock,
            threading.Event(),
            self.hung.append,
            self.back.append,
        )
        self.looker: RootLooker = self.watch._lookers[0]

    @property
    def watcher(self) -> FakeWatcher:
        return self.looker._watcher  # type: ignore[return-value]

    @property
    def row(self) -> RootRow:
        return self.bench.store.roots.get(self.bench.root.id)

    def pass_time(self, seconds: float) -> None:
        for _ in range(int(seconds / 0.5)):
            self.clock.advance(0.5)
            self.watch.tick()
            self.looker.turn()


@pytest.fixture
def watched(tmp_path: Path, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Watched]:
    monkeypatch.setattr(root_looker, "Watcher", FakeWatcher)
    bench = Bench(tmp_path, fake_clock)
    (bench.footage / "day" / "card").mkdir(parents=True)
    yield Watched(bench, fake_clock)
    bench.store.close()


def test_the_first_turn_watches_and_scans(watched: Watched) -> None:
    watched.looker.turn()
    assert (watched.row.is_online, watched.row.watching, watched.row.note) == (True, "events", "")
    assert watched.row.last_scan_at is not None


def test_a_root_that_goes_and_comes_is_watched_and_scanned_anew(watched: Watched) -> None:
    watched.looker.turn()
    aside = watched.bench.footage.with_name("aside")
    watched.bench.footage.rename(aside)
    watched.pass_time(4)
    assert not watched.row.is_online
    first_scan = watched.row.last_scan_at
    aside.rename(watched.bench.footage)
    watched.pass_time(4)
    assert watched.row.is_online
    assert watched.watcher.opened == 2
    assert watched.row.last_scan_at != first_scan


def test_a_change_of_mounts_is_looked_at_at_once(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    watched.looker.turn()
    watched.bench.footage.rename(watched.bench.footage.with_name("aside"))
    monkeypatch.setattr(mounts, "table_text", lambda: "another table")
    watched.pass_time(0.5)
    assert not watched.row.is_online


def test_another_mount_at_the_same_folder_is_watched_anew(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a remount the old watches never tell anything, and the path looks as before."""
    watched.looker.turn()
    real = volumes.look
    other = Mount(99, "8:1", str(watched.bench.footage), "ext4", "/dev/sda1", False)
    monkeypatch.setattr(volumes, "look", lambda path: replace(real(path), around=(other,)))
    watched.pass_time(4)
    assert watched.watcher.opened == 2


def test_watches_that_are_gone_are_made_again(watched: Watched) -> None:
    watched.looker.turn()
    watched.watcher.inodes = set()
    watched.pass_time(62)
    assert watched.watcher.opened == 2
    assert (watched.row.watching, watched.row.note) == ("events", "")


def test_what_came_before_watches_were_made_again_is_found_soon(watched: Watched) -> None:
    """A clip that came after the walk and before the new watch of its folder is told by nobody."""
    watched.looker.turn()
    watched.watcher.inodes = set()
    watched.pass_time(62)
    (watched.bench.footage / "day" / "card" / "clip.mp4").write_bytes(b"clip")
    watched.pass_time(10)
    assert "day/card/clip.mp4" in watched.bench.states()


def test_events_that_ended_by_themselves_begin_anew(watched: Watched) -> None:
    watched.looker.turn()
    first_scan = watched.row.last_scan_at
    watched.watcher.has_died = True
    watched.pass_time(4)
    assert watched.watcher.opened >= 2
    assert watched.row.last_scan_at != first_scan


def test_over_the_limit_a_root_is_polled_and_says_which_setting(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tried anew once at once, then at each rescan: when the limit was raised, events are back."""
    monkeypatch.setattr(FakeWatcher, "limit", 2)
    watched.looker.turn()
    assert watched.row.watching == "polling"
    assert watched.row.note == ("the system allows watching only 2 of 3 folders: raise fs.inotify.max_user_watches")
    assert watched.watcher.opened == 2
    first_scan = watched.row.last_scan_at
    watched.pass_time(11)
    assert watched.row.last_scan_at != first_scan
    assert watched.watcher.opened == 2
    monkeypatch.setattr(FakeWatcher, "limit", 10**9)
    watched.pass_time(75)
    assert (watched.row.watching, watched.row.note) == ("events", "")


def test_a_folder_that_went_during_the_scan_is_not_missed(watched: Watched) -> None:
    walk = watched.bench.scanner.scan(watched.row)
    assert walk is not None
    watched.looker.turn()
    walk.folders[b"gone"] = 12345
    watched.looker._check_watches(walk)
    assert watched.row.watching == "events"


@pytest.mark.parametrize(("kind", "watching"), [("nfs4", "polling"), ("overlay", "polling"), ("ext4", "events")])
def test_file_systems_without_events_are_polled(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, kind: str, watching: str
) -> None:
    real = volumes.look
    mount = Mount(99, "0:1", str(watched.bench.footage), kind, "server:/share", False)

    def look(path: Path) -> Place:
        return replace(real(path), mount=mount)

    monkeypatch.setattr(volumes, "look", look)
    watched.looker.turn()
    assert watched.row.watching == watching
    assert (kind in watched.row.note) is (watching == "polling")


def test_lost_events_lead_to_a_scan_and_are_shown_until_the_next(watched: Watched) -> None:
    watched.looker.turn()
    first_scan = watched.row.last_scan_at
    watched.clock.advance(1)
    watched.watcher.on_loss()
    watched.looker.turn()
    assert watched.row.last_scan_at != first_scan
    assert "faster than the system could tell" in watched.row.note
    watched.pass_time(65)
    assert watched.row.note == ""


def test_a_root_that_does_not_answer_is_hung_and_comes_back(watched: Watched) -> None:
    watched.looker.turn()
    watched.looker.is_on_disk = True  # as if a call had not returned
    for _ in range(12):
        watched.clock.advance(1)
        watched.watch.tick()
    assert watched.row.condition == "hung"
    assert "does not answer" in watched.row.trouble
    assert watched.hung == [watched.bench.root.id]
    watched.looker.is_on_disk = False
    watched.pass_time(1)
    assert watched.row.condition == "online"
    assert watched.back == [watched.bench.root.id]
    watched.looker.is_on_disk = True
    for _ in range(12):
        watched.clock.advance(1)
        watched.watch.tick()
    assert watched.hung == [watched.bench.root.id] * 2


def test_a_disk_that_is_slow_but_answers_does_not_hang(watched: Watched) -> None:
    watched.looker.turn()
    watched.looker.is_on_disk = True
    for _ in range(60):
        watched.clock.advance(1)
        watched.looker.beats += 1
        watched.watch.tick()
    assert watched.row.condition == "online"


def test_a_computer_that_slept_was_not_waiting_for_a_disk(watched: Watched) -> None:
    watched.looker.turn()
    watched.looker.is_on_disk = True
    watched.clock.advance(7200)
    watched.watch.tick()
    assert watched.row.condition == "online"


def test_after_sleep_everything_is_scanned_and_that_is_logged_once(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watched.looker.turn()
    first_scan = watched.row.last_scan_at
    watched.clock.advance(1)
    said = iter(["the computer slept for 7200 s", ""])
    monkeypatch.setattr(watched.watch._wake, "check", lambda: next(said, ""))
    with caplog.at_level(logging.INFO):
        watched.pass_time(2)
    assert watched.row.last_scan_at != first_scan
    assert [record.getMessage() for record in caplog.records if "slept" in record.getMessage()] == [
        "looking at all folders again reason=the computer slept for 7200 s"
    ]


def test_stopping_waits_for_nobody_who_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that never returns is left behind, and what it says later is not heard."""
    from tlsync.clock import SystemClock

    monkeypatch.setattr(root_looker, "Watcher", FakeWatcher)
    bench = Bench(tmp_path, SystemClock())  # type: ignore[arg-type]
    looking, goes_on = threading.Event(), threading.Event()
    real = volumes.look

    def look(path: Path) -> Place:
        looking.set()
        goes_on.wait(30)
        return real(path)

    monkeypatch.setattr(volumes, "look", look)
    stop = threading.Event()
    settings = Settings(bench.footage.parent / "state", roots=(RootSettings(path=bench.footage),))
    watch = RootWatch(settings, [bench.root], bench.scanner, bench.store.roots, SystemClock(), stop)
    watch.start()
    assert looking.wait(10)
    stop.set()
    watch.join()  # the test's own time limit tells if it waits
    assert watch._lookers[0]._thread.is_alive()
    bench.store.close()
    goes_on.set()
    watch._lookers[0]._thread.join(10)
    assert not watch._lookers[0]._thread.is_alive()


def test_what_events_tell_file_by_file_is_judged_as_one(watched: Watched) -> None:
    """A folder that is removed while events tell of each of its files."""
    day = watched.bench.footage / "day"
    for number in range(30):
        (day / f"{number}.mp4").write_text("x" * number)
    watched.pass_time(1)
    watched.bench.settle_all()
    for number in range(30):
        (day / f"{number}.mp4").unlink()
        watched.watcher.on_path(day / f"{number}.mp4")
        if number % 10 == 9:
            watched.pass_time(0.5)
    watched.pass_time(3)
    assert "missing" not in watched.bench.states().values()
    assert watched.row.held.startswith("held: 30 of 30")


def test_one_file_that_events_say_is_gone_is_missing_soon(watched: Watched) -> None:
    clip = watched.bench.footage / "day" / "clip.mp4"
    clip.write_text("media")
    watched.pass_time(1)
    watched.bench.settle_all()
    clip.unlink()
    watched.watcher.on_path(clip)
    watched.pass_time(2)
    assert watched.bench.states() == {"day/clip.mp4": "missing"}
