"""A log in files of a bounded size: private, never written through a link, and never a reason to stop.

`tlsync.log` is the newest; at its full size it becomes `tlsync.log.1`, that one `tlsync.log.2`, and the oldest goes.
"""

from __future__ import annotations

import logging
import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from tlsync.errors import ConfigError

NAME = "tlsync.log"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND
_FLAGS |= sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))
_AGAIN_AFTER_S = 10.0
_FOLLOW_EVERY_S = 0.5


class LogFile(logging.Handler):
    """Appends each record in one write. What can't be written is left out; it is tried again a while later."""

    def __init__(self, path: Path, max_size_bytes: int, keep: int) -> None:
        """
        Args:
            keep: So many full files are kept beside the one in use.

        Raises:
            ConfigError: The file can't be opened, or is not one that only its owner could have put there.
        """
        super().__init__()
        self._path = path
        self._max_size_bytes = max_size_bytes
        self._keep = keep
        self._again_s = 0.0
        self._is_torn = False
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd: int | None = _open(path)
        except OSError as error:
            raise ConfigError(
                f"{path}: can't be used as a log: {error.strerror or error}",
                hint="look what is there, or set [log] file to another place",
            ) from error

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
            fd = self._ready(len(line))
            if fd is not None:
                if self._is_torn:  # a full disk took a part of the last one
                    line = b"\n" + line
                self._is_torn = os.write(fd, line) < len(line)
        except OSError:
            self._is_torn = True  # perhaps; an empty line does no harm

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
        super().close()

    def _ready(self, coming_bytes: int) -> int | None:
        """The file to write to; None while there is none."""
        if self._fd is None:
            if time.monotonic() < self._again_s:
                return None
            self._again_s = time.monotonic() + _AGAIN_AFTER_S
            self._fd = _open(self._path)
        if os.fstat(self._fd).st_size + coming_bytes > self._max_size_bytes and self._is_ours(self._fd):
            self._rotate()
        return self._fd

    def _is_ours(self, fd: int) -> bool:
        """Whether the file at the path is the one that is open: else somebody has moved it away already."""
        try:
            is_same = os.path.samestat(os.lstat(self._path), os.fstat(fd))
        except FileNotFoundError:
            is_same = False
        if not is_same:
            self._reopen()
        return is_same

    def _rotate(self) -> None:
        try:
            for number in range(self._keep, 0, -1):
                newer = self._path if number == 1 else _numbered(self._path, number - 1)
                if os.path.lexists(newer):
                    os.replace(newer, _numbered(self._path, number))  # noqa: PTH105 (replaces a link, never follows)
        except OSError:
            return  # a reader holds one on Windows: better a file that is too large than lines that are lost
        self._reopen()

    def _reopen(self) -> None:
        assert self._fd is not None
        os.close(self._fd)
        self._fd = None
        self._fd = _open(self._path)


def last_lines(path: Path, number: int) -> list[str]:
    """The last lines of a log, over its rotated files; as many as there are."""
    found: deque[str] = deque()
    candidate, rotated = path, 0
    while len(found) < number:
        try:
            lines = deque(_lines_of(candidate), maxlen=number - len(found))
        except OSError:
            break
        found.extendleft(reversed(lines))
        rotated += 1
        candidate = _numbered(path, rotated)
    return list(found)


def follow(path: Path, wait: Callable[[float], object] = time.sleep) -> Iterator[str]:
    """Lines as they come from now on, also when the log goes on in a new file or is not there yet."""
    stream = None
    try:
        stream = path.open("rb")
        stream.seek(0, os.SEEK_END)
    except OSError:
        pass
    try:
        begun = b""
        while True:
            while stream is not None and (line := stream.readline()):
                begun += line
                if begun.endswith(b"\n"):
                    yield begun.decode("utf-8", "replace").rstrip("\n")
                    begun = b""
            try:
                if stream is None or not os.path.samestat(path.stat(), os.fstat(stream.fileno())):
                    newer = path.open("rb")
                    if stream is not None and (rest := stream.read()):  # written between the last look and the move
                        yield from (begun + rest).decode("utf-8", "replace").splitlines()
                        begun = b""
                    if stream is not None:
                        stream.close()
                    stream = newer
                    continue
            except OSError:
                pass  # between two files, or not there yet
            wait(_FOLLOW_EVERY_S)
    finally:
        if stream is not None:
            stream.close()


def _lines_of(path: Path) -> Iterator[str]:
    with path.open("rb") as stream:
        for line in stream:
            yield line.decode("utf-8", "replace").rstrip("\n")


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _open(path: Path) -> int:
    """Open a log for appending, for its owner only.

    Raises:
        OSError: It can't be opened; it is a link, no regular file, or somebody else's.
    """
    fd = os.open(path, _FLAGS, 0o600)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise OSError("it is not a regular file")
        if found.st_nlink > 1:
            raise OSError("it has another name too, so it may be somebody's file")
        if os.name == "posix":
            if found.st_uid != os.geteuid():
                raise OSError("it belongs to another user")
            if found.st_mode & 0o077:
                os.fchmod(fd, 0o600)
    except BaseException:
        os.close(fd)
        raise
    return fd
