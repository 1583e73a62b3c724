"""What makes a file the same file: its looks, its sampled fingerprint, its SHA-256.

Looks (`signature`) cost nothing and only say that something may have changed. The fingerprint reads
at most 768 KiB of a file of any size and says where to look for a twin; it proves nothing. SHA-256
proves.

Fingerprint, version 1: the text `f1-` and the first 40 hex digits of the SHA-256 over
    the ASCII text `tlsync fingerprint 1`, a zero byte, the size in bytes as 8 bytes big-endian, then
    the whole file, where it is not longer than 768 KiB; otherwise its first 256 KiB, its last 256 KiB,
    and 16 blocks of 16 KiB between them, block i beginning at 256 KiB + ⌊i · (size − 528 KiB) / 15⌋.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tlsync.errors import FileChanged, FileError, FileUnreadable, FileVanished, Interrupted, NotEligible
from tlsync.media.opening import open_file
from tlsync.models import Chunk, StatSignature

BLOCK_BYTES = 1024 * 1024

_MOST = 2**63
"""The catalog's numbers are below this."""

_KIB = 1024
_EDGE_BYTES = 256 * _KIB
_SAMPLE_BYTES = 16 * _KIB
_SAMPLES = 16
_WHOLE_UP_TO_BYTES = 2 * _EDGE_BYTES + _SAMPLES * _SAMPLE_BYTES

DRIVE_TROUBLE = frozenset({errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV, errno.ENXIO, errno.ETIMEDOUT})
_TOO_MANY = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def signature(st: os.stat_result) -> StatSignature:
    """How a file looks without being read. Numbers that the catalog can't hold are wrapped to its 64 bits:
    times after the year 2262, and the inode numbers that some network file systems make up.
    """
    mtime_ns, ctime_ns, inode = st.st_mtime_ns, st.st_ctime_ns, st.st_ino
    if not (-_MOST <= mtime_ns < _MOST and -_MOST <= ctime_ns < _MOST and inode < _MOST):
        mtime_ns, ctime_ns, inode = wrapped(mtime_ns), wrapped(ctime_ns), wrapped(inode)
    return StatSignature(st.st_size, mtime_ns, ctime_ns, inode)


def wrapped(number: int) -> int:
    """A number that is compared for being equal only, within the 64 bits of the catalog."""
    return (number + _MOST) % (2 * _MOST) - _MOST


def file_error(path: Path | str, error: OSError) -> FileError:
    """Sort what the system says about a file into our errors, with a hint for each case."""
    shown, number = str(path), error.errno or 0
    if number in (errno.ENOENT, errno.ENOTDIR):
        return FileVanished(shown, "the file is no longer there")
    if number == errno.ELOOP:
        return NotEligible(shown, "is a symbolic link", hint="put the file itself into the watched folder")
    if number in (errno.EACCES, errno.EPERM):
        return FileUnreadable(shown, "permission denied", hint="let the user who runs tlsync read the file")
    if number in DRIVE_TROUBLE:
        return FileUnreadable(
            shown, f"can't be read: {os.strerror(number)}", hint="check the drive or the network share"
        )
    if number in _TOO_MANY:
        return FileUnreadable(
            shown, f"can't be opened: {os.strerror(number)}", hint="close other programs, or raise the system's limits"
        )
    return FileUnreadable(shown, f"can't be read: {os.strerror(number)}", hint="tlsync tries again later")


@contextmanager
def open_media(path: Path, root: Path | None = None) -> Iterator[int]:
    """A descriptor for reading, closed at the end. Links are not followed, and nothing is waited for.

    Args:
        root: The watched folder; given, no folder between it and the file may be a link either (see `opening`).

    Raises:
        FileVanished: There is no such file.
        NotEligible: A link, a folder, a pipe or a device.
        FileUnreadable: The system refuses.
    """
    try:
        fd = open_file(path, root)
    except OSError as error:
        raise file_error(path, error) from error
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise NotEligible(str(path), "is not a regular file")
        yield fd
    finally:
        os.close(fd)


def fingerprint(fd: int, size_bytes: int, *, path: Path | str = "") -> str:
    """The sampled fingerprint; the format is at the top of this module.

    Raises:
        FileChanged: The file is shorter than `size_bytes`.
        FileUnreadable: The disk fails.
    """
    digest = hashlib.sha256(b"tlsync fingerprint 1\0" + size_bytes.to_bytes(8, "big"))
    for offset, length in _sample_windows(size_bytes):
        for block in read_window(fd, offset, length, path=path):
            digest.update(block)
    return "f1-" + digest.hexdigest()[:40]


def _sample_windows(size_bytes: int) -> Iterator[tuple[int, int]]:
    if size_bytes <= _WHOLE_UP_TO_BYTES:
        yield 0, size_bytes
        return
    yield 0, _EDGE_BYTES
    yield size_bytes - _EDGE_BYTES, _EDGE_BYTES
    room_bytes = size_bytes - 2 * _EDGE_BYTES - _SAMPLE_BYTES
    for number in range(_SAMPLES):
        yield _EDGE_BYTES + number * room_bytes // (_SAMPLES - 1), _SAMPLE_BYTES


def sha256_of(
    fd: int,
    size_bytes: int,
    *,
    stop: threading.Event | None = None,
    on_bytes: Callable[[int], None] | None = None,
    path: Path | str = "",
) -> str:
    """SHA-256 of the whole file, as hex digits.

    Args:
        on_bytes: Told the length of each block that was read.

    Raises:
        Interrupted: `stop` was set.
        FileChanged: The file is shorter than `size_bytes`.
        FileUnreadable: The disk fails.
    """
    digest = hashlib.sha256()
    for block in read_window(fd, 0, size_bytes, path=path):
        if stop is not None and stop.is_set():
            raise Interrupted("stopped while a file was read")
        digest.update(block)
        if on_bytes is not None:
            on_bytes(len(block))
    return digest.hexdigest()


def read_window(
    fd: int, offset: int, size_bytes: int, *, block_bytes: int = BLOCK_BYTES, path: Path | str = ""
) -> Iterator[bytes]:
    """Exactly the bytes of a window, block by block. The descriptor's own position is not used, so
    any number of threads may read through it.

    Raises:
        FileChanged: The file ends within the window.
        FileUnreadable: The disk fails.
    """
    end = offset + size_bytes
    while offset < end:
        try:
            block = os.pread(fd, min(block_bytes, end - offset), offset)
        except OSError as error:
            raise file_error(path, error) from error
        if not block:
            raise FileChanged(str(path), f"became shorter while it was read: ends at {offset} of {end} bytes")
        offset += len(block)
        yield block


class InOrderHasher:
    """SHA-256 of a file whose chunks are sent in any order, in one pass over the disk.

    Chunks are confirmed as they are sent; `step` and `catch_up` then read, behind the last gap-free byte, what
    is still in the page cache. Any thread may confirm. One at a time hashes: a second caller
    comes back at once, since the first takes in what was confirmed meanwhile.
    """

    def __init__(self, size_bytes: int, path: Path | str = "") -> None:
        self._size_bytes = size_bytes
        self._path = path
        self._digest = hashlib.sha256()
        self._hashed_bytes = 0
        self._confirmed_bytes = 0  # without a gap
        self._ends: dict[int, int] = {}  # of confirmed windows behind a gap, by where they begin
        self._guard = threading.Lock()
        self._turn = threading.Lock()

    def confirm(self, chunk: Chunk) -> None:
        """This window was sent as it is in the file."""
        with self._guard:
            if chunk.size_bytes > 0:
                self._ends[chunk.offset] = chunk.offset + chunk.size_bytes
            while (end := self._ends.pop(self._confirmed_bytes, None)) is not None:
                self._confirmed_bytes = end

    def step(self, fd: int) -> bool:
        """Hash one block, if one is confirmed without a gap; says whether there was one.

        Raises:
            FileChanged: The file became shorter.
            FileUnreadable: The disk fails.
        """
        if not self._turn.acquire(blocking=False):
            return False
        try:
            return self._step(fd)
        finally:
            self._turn.release()

    def catch_up(self, fd: int) -> None:
        """Hash whatever is confirmed without a gap.

        Raises:
            FileChanged: The file became shorter.
            FileUnreadable: The disk fails.
        """
        while self.step(fd):
            pass

    def finish(self, fd: int) -> str:
        """Hash the rest and give the hex digits.

        Raises:
            ValueError: Not every byte of the file was confirmed.
            FileChanged: The file became shorter.
            FileUnreadable: The disk fails.
        """
        with self._turn:
            while self._step(fd):
                pass
            if self._hashed_bytes != self._size_bytes:
                raise ValueError(f"{self._hashed_bytes} of {self._size_bytes} bytes are confirmed without a gap")
            return self._digest.hexdigest()

    def _step(self, fd: int) -> bool:
        left_bytes = self._confirmed_bytes - self._hashed_bytes
        if left_bytes <= 0:
            return False
        block = next(read_window(fd, self._hashed_bytes, left_bytes, path=self._path))
        self._digest.update(block)
        self._hashed_bytes += len(block)
        return True
