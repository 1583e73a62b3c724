"""Is somebody writing this file now? Asked of the system, without waiting and without touching the file.

A read lease is granted only while nobody has the file open for writing, mapped memory included; it is given back
at once, since a writer would have to wait for it. Where the system grants no leases (files of other users, some file
systems, other systems than Linux), the open files of all processes are looked through, as far as they may be seen.
Only this machine is asked: what is said of a file that others can write to over a network holds for this one.
"""

from __future__ import annotations

import errno
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class Writer(StrEnum):
    """Whether a program has a file open for writing."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


_ACCESS_MODE = 0o3
_SNAPSHOT_S = 1.0
_MAPPED = re.compile(rb"^\S+ .w.s \S+ ([0-9a-f]+):([0-9a-f]+) (\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """What all processes had open for writing at a moment, by inode. Not complete: some may not be looked into."""

    taken_s: float
    opened: dict[int, list[str]]
    """Links below /proc that lead to the open files."""
    mapped: frozenset[tuple[int, int]]
    """Device and inode of memory shared with a file that may be written."""
    is_complete: bool


class Writers:
    """Looks for writers of files. One look through all processes serves for a second."""

    def __init__(self) -> None:
        self._snapshot: _Snapshot | None = None

    def of(self, fd: int) -> Writer:
        """Whether a program has the file behind a descriptor, opened for reading only, open for writing. Never raises.

        The descriptor must be the caller's only one of this file: a lease belongs to what was opened, not to a number.
        """
        leased = _ask_for_lease(fd)
        return leased if leased != Writer.UNKNOWN else self._look_through_processes(fd)

    def _look_through_processes(self, fd: int) -> Writer:
        snapshot = self._snapshot
        if snapshot is None or not 0 <= time.monotonic() - snapshot.taken_s < _SNAPSHOT_S:
            snapshot = self._snapshot = _take_snapshot()
        if snapshot is None:
            return Writer.UNKNOWN
        found = os.fstat(fd)
        if (found.st_dev, found.st_ino) in snapshot.mapped:
            return Writer.PRESENT
        for link in snapshot.opened.get(found.st_ino, ()):
            with suppress(OSError):
                other = os.stat(link)  # noqa: PTH116
                if (other.st_dev, other.st_ino) == (found.st_dev, found.st_ino):
                    return Writer.PRESENT
        return Writer.ABSENT if snapshot.is_complete else Writer.UNKNOWN


def _ask_for_lease(fd: int) -> Writer:
    """Take a read lease and give it back."""
    if fcntl is None or not hasattr(fcntl, "F_SETLEASE"):
        return Writer.UNKNOWN
    try:
        # A writer that comes just now breaks the lease, of which a signal tells. The usual one would end this process;
        # this one is ignored by all who do not ask for it.
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return Writer.PRESENT if error.errno == errno.EAGAIN else Writer.UNKNOWN
    with suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return Writer.ABSENT


def _take_snapshot() -> _Snapshot | None:
    """Look through the open files and mapped memory of all processes; None without a /proc."""
    opened: dict[int, list[str]] = {}
    mapped: set[tuple[int, int]] = set()
    is_complete = True
    try:
        processes = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return None
    if not processes:
        return None
    for process in processes:
        try:
            for inode, number in _opened_for_writing(process):
                opened.setdefault(inode, []).append(f"/proc/{process}/fd/{number}")
            for major, minor, inode in _MAPPED.findall(_read(f"/proc/{process}/maps")):
                mapped.add((os.makedev(int(major, 16), int(minor, 16)), int(inode)))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended
        except OSError:
            is_complete = False
    return _Snapshot(time.monotonic(), opened, frozenset(mapped), is_complete)


def _opened_for_writing(process: str) -> Iterator[tuple[int, str]]:
    """Inode and number of what a process may write to. The files themselves are not touched: they may hang.

    Raises:
        OSError: The process may not be looked into, or its kernel does not name inodes (before Linux 5.14).
    """
    for number in os.listdir(f"/proc/{process}/fdinfo"):
        try:
            about = _read(f"/proc/{process}/fdinfo/{number}")
        except FileNotFoundError:
            continue  # closed meanwhile
        flags, inode = re.search(rb"^flags:\s*([0-7]+)", about, re.MULTILINE), re.search(rb"^ino:\s*(\d+)", about, re.M)
        if flags is None or inode is None:
            raise PermissionError(errno.EPERM, "not said", number)
        if int(flags[1], 8) & _ACCESS_MODE in (os.O_WRONLY, os.O_RDWR):
            yield int(inode[1]), number


def _read(name: str) -> bytes:
    with open(name, "rb") as file:  # noqa: PTH123
        return file.read()
