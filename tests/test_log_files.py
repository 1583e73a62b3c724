"""A log in files: bounded, private, through no link, and never a reason to stop."""

from __future__ import annotations

import logging
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlsync import log_files
from tlsync.errors import ConfigError
from tlsync.log_files import LogFile, follow, last_lines

only_posix = pytest.mark.skipif(sys.platform == "win32", reason="modes, links and pipes as POSIX has them")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "tlsync.log"


@pytest.fixture
def handlers() -> Iterator[list[LogFile]]:
    opened: list[LogFile] = []
    yield opened
    for handler in opened:
        handler.close()


def opened(handlers: list[LogFile], path: Path, *, max_size_bytes: int = 1000, keep: int = 2) -> LogFile:
    handlers.append(LogFile(path, max_size_bytes, keep))
    return handlers[-1]


def say(handler: LogFile, text: str) -> None:
    handler.handle(logging.LogRecord("tlsync", logging.INFO, __file__, 0, text, (), None))


@only_posix
def test_only_its_owner_may_read_it(path: Path, handlers: list[LogFile]) -> None:
    old = os.umask(0)
    try:
        say(opened(handlers, path), "hello")
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    path.chmod(0o644)
    opened(handlers, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_full_files_move_up_and_the_oldest_goes(path: Path, handlers: list[LogFile]) -> None:
    handler = opened(handlers, path)
    for number in range(50):
        say(handler, f"{number:02d} " + "x" * 96)
    assert sorted(file.name for file in path.parent.iterdir()) == ["tlsync.log", "tlsync.log.1", "tlsync.log.2"]
    assert all(file.stat().st_size <= 1000 for file in path.parent.iterdir())
    assert [line[:2] for line in last_lines(path, 15)] == [str(number) for number in range(35, 50)]
    assert last_lines(path, 1000)[-1][:2] == "49"
    assert len(last_lines(path, 1000)) == 30


def test_a_log_is_gone_on_with(path: Path, handlers: list[LogFile]) -> None:
    for text in ("one", "two"):
        handler = opened(handlers, path)
        say(handler, text)
        handler.close()
    assert last_lines(path, 10) == ["one", "two"]


@only_posix
@pytest.mark.parametrize("planted", ["link", "dangling", "pipe", "folder", "second name"])
def test_nothing_is_written_to_what_somebody_planted(path: Path, handlers: list[LogFile], planted: str) -> None:
    path.parent.mkdir()
    victim = path.parent / "victim"
    victim.write_text("mine")
    if planted == "link":
        path.symlink_to(victim)
    elif planted == "dangling":
        path.symlink_to(path.parent / "nowhere")
    elif planted == "pipe":
        os.mkfifo(path)
    elif planted == "folder":
        path.mkdir()
    else:
        path.hardlink_to(victim)
    with pytest.raises(ConfigError, match=r"tlsync\.log: can't be used as a log") as caught:
        opened(handlers, path)
    assert caught.value.hint
    assert victim.read_text() == "mine"
    assert not (path.parent / "nowhere").exists()


@only_posix
def test_what_is_planted_later_is_not_followed_either(
    path: Path, handlers: list[LogFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither at the place of a full file nor, after it moved, at that of the new one."""
    victim = path.parent.parent / "victim"
    victim.write_text("mine")
    handler = opened(handlers, path)
    path.with_name("tlsync.log.1").symlink_to(victim)
    for number in range(15):
        say(handler, f"{number:02d} " + "x" * 96)
    assert victim.read_text() == "mine"
    assert not path.with_name("tlsync.log.1").is_symlink()
    path.unlink()
    path.symlink_to(victim)
    for number in range(15):
        say(handler, f"{number:02d} " + "x" * 96)
    assert victim.read_text() == "mine"
    now_s = 1e9
    path.unlink()
    monkeypatch.setattr(log_files.time, "monotonic", lambda: now_s)
    say(handler, "back")
    assert last_lines(path, 1) == ["back"]


def test_a_full_disk_stops_nobody_and_tears_no_later_line(
    path: Path, handlers: list[LogFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = opened(handlers, path)
    real = os.write

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    say(handler, "before")
    monkeypatch.setattr(log_files.os, "write", lambda fd, data: real(fd, data[:4]))
    say(handler, "torn in two")
    monkeypatch.setattr(log_files.os, "write", full)
    say(handler, "lost")
    monkeypatch.setattr(log_files.os, "write", real)
    say(handler, "after")
    assert last_lines(path, 10) == ["before", "torn", "after"]


def test_one_that_was_moved_away_is_begun_anew_when_it_is_full(path: Path, handlers: list[LogFile]) -> None:
    """Another tool rotates it: its file is not turned once more."""
    handler = opened(handlers, path)
    say(handler, "x" * 900)
    path.rename(path.with_name("elsewhere"))
    say(handler, "y" * 900)
    assert last_lines(path, 10) == ["y" * 900]
    assert not path.with_name("tlsync.log.1").exists()


def test_following_goes_on_in_the_next_file(path: Path, handlers: list[LogFile]) -> None:
    """Also from before there is one; a line is told when it is whole."""
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        handler = handlers[0] if handlers else opened(handlers, path)
        if len(waits) < 40:
            say(handler, f"{len(waits):02d} " + "x" * 96)
        else:
            raise KeyboardInterrupt

    seen: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        seen.extend(line[:2] for line in follow(path, wait))
    assert seen == [f"{number:02d}" for number in range(1, 40)]
