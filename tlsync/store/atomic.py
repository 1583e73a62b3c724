"""Writing a file so that it is whole or absent, also after a power cut."""

from __future__ import annotations

import os
import re
import stat
import sys
import threading
from contextlib import suppress
from pathlib import Path

if sys.platform != "win32":
    import fcntl

TEMP_SUFFIX = ".tlsync-tmp"
"""Names that end so are ours and unfinished; the scanner passes them over."""

_TEMP_NAME = r"\.[0-9a-f]{16}" + re.escape(TEMP_SUFFIX)
_HAS_FOLDER_HANDLES = os.open in os.supports_dir_fd

_swept: set[Path] = set()
_sweeping = threading.Lock()


def write_whole(path: Path, data: bytes, *, mode: int = 0o644, is_own_folder: bool = False) -> None:
    """Put `data` at `path`: a temporary file in the same folder, flushed, renamed, and the folder flushed.

    A link at `path` is replaced, not followed. On any failure the old file is as it was. What an earlier process left
    unfinished in the folder is removed on the way, once in the life of this process.

    Args:
        mode: Of the file, less what the process's umask takes away.
        is_own_folder: tlsync made the folder, so a link in its place was put there by somebody else.

    Raises:
        OSError: It could not be written; nothing is left behind.
    """
    if not _HAS_FOLDER_HANDLES:
        _write_by_path(path, data, mode)
        return
    links = os.O_NOFOLLOW if is_own_folder else 0
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | links)
    try:
        if _is_first_time(path.parent):
            _sweep(folder)
        temp = _new_name()
        handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=folder)
        try:
            try:
                with suppress(OSError):  # not every network drive has locks
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # tells a sweep that we are at it
                _write_all(handle, data)
                os.fsync(handle)
                os.replace(temp, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            finally:
                os.close(handle)
        except BaseException:
            with suppress(OSError):
                os.unlink(temp, dir_fd=folder)
            raise
        os.fsync(folder)
    finally:
        os.close(folder)


def sweep(folder: Path) -> int:
    """Remove temporary files of ours that no process writes any more; says how many. Never raises OSError."""
    if not _HAS_FOLDER_HANDLES:
        return 0
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return _sweep(handle)
        finally:
            os.close(handle)
    return 0


def _sweep(folder: int) -> int:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if re.fullmatch(_TEMP_NAME, entry.name)]
    return sum(_remove_abandoned(folder, name) for name in names)


def _remove_abandoned(folder: int, name: str) -> bool:
    """Remove a temporary file, if it is ours and its writer is gone: the writer's lock went with it."""
    with suppress(OSError):
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            found = os.fstat(handle)
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
                return False
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name, dir_fd=folder)
            return True
        finally:
            os.close(handle)
    return False


def _is_first_time(folder: Path) -> bool:
    with _sweeping:
        is_first = folder not in _swept
        _swept.add(folder)
    return is_first


def _write_by_path(path: Path, data: bytes, mode: int) -> None:
    """As `write_whole`, where the system has no handles of folders (Windows)."""
    temp = path.with_name(_new_name())
    handle = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        try:
            _write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        temp.replace(path)
    except BaseException:
        with suppress(OSError):
            temp.unlink()
        raise


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _new_name() -> str:
    return f".{os.urandom(8).hex()}{TEMP_SUFFIX}"
