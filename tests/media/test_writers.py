"""Who is writing a file: asked by a lease, else by looking through the processes."""

from __future__ import annotations

import errno
import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tlsync.media import writers
from tlsync.media.identity import open_media
from tlsync.media.writers import Writer, Writers

fcntl = pytest.importorskip("fcntl")
if not hasattr(fcntl, "F_SETLEASE"):
    pytest.skip("leases are a thing of Linux", allow_module_level=True)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"x" * 8192)
    return path


@pytest.fixture(params=["lease", "processes"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both ways to know: the second is for systems and files that grant no lease."""
    if request.param == "processes":
        monkeypatch.setattr(writers, "_ask_for_lease", lambda fd: Writer.UNKNOWN)
    yield request.param


def ask(path: Path) -> Writer:
    with open_media(path) as fd:
        return Writers().of(fd)


@pytest.mark.parametrize("flags", [os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_APPEND])
def test_a_writer_is_seen_until_it_closes(clip: Path, way: str, flags: int) -> None:
    fd = os.open(clip, flags)
    try:
        assert ask(clip) == Writer.PRESENT
    finally:
        os.close(fd)
    assert ask(clip) in (Writer.ABSENT, Writer.UNKNOWN)


def test_a_writer_that_only_holds_a_mapping_is_seen(clip: Path, way: str) -> None:
    with clip.open("r+b") as file:
        mapping = mmap.mmap(file.fileno(), 0)
    try:
        assert ask(clip) == Writer.PRESENT
    finally:
        mapping.close()


def test_readers_are_no_writers(clip: Path, way: str) -> None:
    with clip.open("rb"), clip.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ):
        assert ask(clip) in (Writer.ABSENT, Writer.UNKNOWN)


def test_a_file_of_this_user_that_nobody_writes_is_free(clip: Path) -> None:
    assert ask(clip) == Writer.ABSENT


def test_writers_of_other_files_do_not_matter(clip: Path, way: str, tmp_path: Path) -> None:
    with (tmp_path / "other").open("wb"):
        assert ask(clip) in (Writer.ABSENT, Writer.UNKNOWN)


def test_a_writer_in_another_process_is_seen(clip: Path, way: str) -> None:
    code = "import sys; f = open(sys.argv[1], 'ab'); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(clip)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            assert ask(clip) == Writer.PRESENT
        finally:
            process.communicate(b"")


def test_no_lease_is_left_behind(clip: Path) -> None:
    """A writer that comes while the file is still open for reading is not kept waiting."""
    with open_media(clip) as fd:
        Writers().of(fd)
        os.close(os.open(clip, os.O_WRONLY | os.O_NONBLOCK))  # EWOULDBLOCK if there were one


def test_a_writer_that_comes_at_this_moment_ends_nobody(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It breaks the lease, of which a signal tells; and it waits only until the lease is given back."""
    real, opened = fcntl.fcntl, threading.Event()
    arrived: list[threading.Thread] = []

    def write() -> None:
        with clip.open("ab"):
            opened.set()

    def spy(fd: int, command: int, argument: Any = 0) -> Any:
        answer = real(fd, command, argument)
        if command == fcntl.F_SETLEASE and argument == fcntl.F_RDLCK:
            arrived.append(threading.Thread(target=write))
            arrived[0].start()
            assert not opened.wait(0.2), "the lease holds the writer up"
        return answer

    monkeypatch.setattr(fcntl, "fcntl", spy)
    assert ask(clip) == Writer.ABSENT
    assert opened.wait(10)
    arrived[0].join()


@pytest.mark.parametrize("refusal", [errno.EACCES, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_refused_lease_says_nothing(clip: Path, monkeypatch: pytest.MonkeyPatch, refusal: int) -> None:
    def refuse(fd: int, command: int, argument: Any = 0) -> Any:
        raise OSError(refusal, "no")

    monkeypatch.setattr(fcntl, "fcntl", refuse)
    monkeypatch.setattr(writers, "_take_snapshot", lambda: None)
    assert ask(clip) == Writer.UNKNOWN


def test_a_system_without_leases_and_without_a_process_table_knows_nothing(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "fcntl", None)
    monkeypatch.setattr(os, "listdir", lambda path: (_ for _ in ()).throw(FileNotFoundError(path)))
    assert ask(clip) == Writer.UNKNOWN


def test_processes_that_may_not_be_looked_into_leave_it_open(
    clip: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "lease":
        assert ask(clip) == Writer.ABSENT
        return

    def hidden(process: str) -> Iterator[tuple[int, str]]:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(writers, "_opened_for_writing", hidden)
    assert ask(clip) == Writer.UNKNOWN


def test_one_look_through_the_processes_serves_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "_ask_for_lease", lambda fd: Writer.UNKNOWN)
    taken = []
    real = writers._take_snapshot
    monkeypatch.setattr(writers, "_take_snapshot", lambda: taken.append(1) or real())
    monkeypatch.setattr(writers, "_SNAPSHOT_S", 60.0)
    asked = Writers()
    for number in range(20):
        path = tmp_path / str(number)
        path.write_bytes(b"x")
        with open_media(path) as fd:
            asked.of(fd)
    assert len(taken) == 1


def test_the_file_is_not_touched(clip: Path, way: str) -> None:
    before = clip.stat()
    ask(clip)
    after = clip.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns, after.st_size) == (
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_size,
    )
