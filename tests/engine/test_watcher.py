"""Events of one root, and whether its folders are really watched."""

from __future__ import annotations

import errno
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlsync.engine import watcher
from tlsync.engine.watcher import Watcher


class Ear:
    def __init__(self, root: Path) -> None:
        self.paths: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self.losses = 0
        self.watcher = Watcher(root, self.paths.put, self.lose)

    def lose(self) -> None:
        self.losses += 1


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    made = Ear(tmp_path)
    yield made
    made.watcher.close()


def inodes(*folders: Path) -> set[int]:
    return {folder.stat().st_ino for folder in folders}


@pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="only Linux says what it watches")
def test_the_system_says_which_folders_are_watched(ear: Ear, tmp_path: Path) -> None:
    """Also with a second watcher in the process: each knows its own."""
    deep = tmp_path / "day" / "card"
    deep.mkdir(parents=True)
    assert ear.watcher.watched_inodes() is None
    assert ear.watcher.open() == ""
    assert ear.watcher.watched_inodes() == inodes(tmp_path, deep.parent, deep)
    other = Ear(deep)
    other.watcher.open()
    assert other.watcher.watched_inodes() == inodes(deep)
    other.watcher.close()
    assert ear.watcher.watched_inodes() == inodes(tmp_path, deep.parent, deep)


def test_a_new_clip_is_told_and_again_after_opening_anew(ear: Ear, tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        ear.watcher.open()
        (tmp_path / name).touch()
        while ear.paths.get(timeout=10) != tmp_path / name:
            pass


def test_a_limit_of_the_system_is_told_with_its_name(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(number: int) -> object:
        def observer() -> object:
            raise OSError(number, "limit reached")

        return observer

    monkeypatch.setattr(watcher, "Observer", refused(errno.EMFILE))
    assert "fs.inotify.max_user_instances" in ear.watcher.open()
    monkeypatch.setattr(watcher, "Observer", refused(errno.ENOSPC))
    assert "fs.inotify.max_user_watches" in ear.watcher.open()
    assert not ear.watcher.is_open


def test_a_thread_of_the_watcher_that_ended_is_noticed(ear: Ear) -> None:
    ear.watcher.open()
    assert not ear.watcher.has_died
    for thread in ear.watcher._threads:
        if hasattr(thread, "queue_events"):
            thread.stop()  # type: ignore[attr-defined]
            thread.join(10)
    assert ear.watcher.has_died
    ear.watcher.open()
    assert not ear.watcher.has_died


def test_lost_events_are_told(ear: Ear) -> None:
    """watchdog says so only in its log."""
    watcher.logging.getLogger("watchdog.observers.inotify_c").warning(
        "Inotify queue overflowed; filesystem events were lost"
    )
    assert ear.losses == 1
