"""One process at a time works with a state folder: a lock of the system, and who holds it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from tlsync.errors import AlreadyRunning, CatalogError
from tlsync.store.state_folder import prepare_state_folder

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

RUN = "run"
"""The role of the daemon. All others are commands that end by themselves."""

_LOCK_NAME = "lock"
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_WINDOWS_LOCK_AT = 1 << 20
_TRIES_AFTER_S = (0.02, 0.05, 0.1, 0.2)
"""Somebody who only looks whether it is held holds it for a moment."""
_held: set[int] = set()
"""Handles of locks that this process holds."""


class Holder(NamedTuple):
    """Who holds a lock, as far as it could write that down: on a full disk it could not."""

    pid: int | None = None
    role: str = ""


@contextmanager
def only_one(state_dir: Path, role: str = "command") -> Iterator[None]:
    """Hold the lock of a state folder. The system frees it when the process dies, however it dies.

    Args:
        role: One word for others to read: what this process does.

    Raises:
        AlreadyRunning: Another process holds it.
        CatalogError: The state folder can't be used.
    """
    prepare_state_folder(state_dir)
    try:
        handle = os.open(state_dir / _LOCK_NAME, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
    except OSError as error:
        raise CatalogError(
            f"{state_dir}: the state folder can't be used: {error.strerror}",
            hint="set state_dir in the settings, or TLSYNC_STATE_DIR, to a folder of yours",
        ) from error
    try:
        try:
            _take_patiently(handle)
        except BlockingIOError:
            pid = _note_in(handle).pid
            raise AlreadyRunning(
                f"another tlsync works with {state_dir} (process {pid or 'unknown'})",
                hint="see tlsync status; stop the other one, or use another --profile",
            ) from None
        _held.add(handle)
        if os.fstat(handle).st_nlink == 1:  # else it is also somebody's file
            with suppress(OSError):  # a full disk; it is for people and `status`, the lock alone decides
                os.ftruncate(handle, 0)
                os.lseek(handle, 0, os.SEEK_SET)
                os.write(handle, f"{os.getpid()} {role}".encode())
        yield
    finally:
        _held.discard(handle)
        os.close(handle)


def holder(state_dir: Path) -> Holder | None:
    """Who works with a state folder now; None when nobody does.

    Raises:
        OSError: It can't be found out: somebody else's folder, or a volume without locks.
    """
    try:
        handle = os.open(state_dir / _LOCK_NAME, os.O_RDWR | _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        _take_lock(handle)
    except BlockingIOError:
        return _note_in(handle)
    else:
        return None
    finally:
        os.close(handle)


def _take_patiently(handle: int) -> None:
    for wait_s in _TRIES_AFTER_S:
        with suppress(BlockingIOError):
            _take_lock(handle)
            return
        time.sleep(wait_s)
    _take_lock(handle)


def _take_lock(handle: int) -> None:
    """Lock a file for as long as it is open.

    Raises:
        BlockingIOError: Another process holds it.
    """
    if sys.platform == "win32":
        os.lseek(handle, _WINDOWS_LOCK_AT, os.SEEK_SET)  # others must be able to read what stands at the start
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(str(error)) from error
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _note_in(handle: int) -> Holder:
    os.lseek(handle, 0, os.SEEK_SET)
    pid, _, role = os.read(handle, 64).decode("ascii", "replace").strip().partition(" ")
    return Holder(int(pid) if pid.isdecimal() else None, role)


def _let_go_in_child() -> None:
    """A process that is forked off shares the lock, and would keep it when this one dies."""
    while _held:
        with suppress(OSError):
            os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_in_child)
