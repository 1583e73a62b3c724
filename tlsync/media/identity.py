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
    return StatSignature(st.st_size, wrapped(st.st_mtime_ns), wrapped(st.st_ctime_ns), wrapped(st.st_ino))


def wrapped(number: int) -> int:
    """A number that is compared for being equal only, within the 64 bits of the catalog."""
    return (number + 2**63) % 2**64 - 2**63


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

    Chunks are confirmed as they are sent; `catch_up` then reads, behind the last gap-free byte, what
    is still in the page cache. Any thread may confirm. One at a time catches up: a second caller
    comes back at once, since the first takes in what was confirmed meanwhile.
    """

    def __init__(self, size_bytes: int, path: Path | str = "") -> None:
        self._size_bytes = size_bytes
        self._path = path
        self._digest = hashlib.sha256()
        self._hashed_bytes = 0
        self._ends: dict[int, int] = {}  # of confirmed windows, by where they begin
        self._guard = threading.Lock()
        self._turn = threading.Lock()

    def confirm(self, chunk: Chunk) -> None:
        """This window was sent as it is in the file."""
        with self._guard:
            if chunk.size_bytes > 0:
                self._ends[chunk.offset] = chunk.offset + chunk.size_bytes

    def catch_up(self, fd: int) -> None:
        """Hash whatever is confirmed without a gap.

        Raises:
            FileChanged: The file became shorter.
            FileUnreadable: The disk fails.
        """
        if not self._turn.acquire(blocking=False):
            return
        try:
            self._advance(fd)
        finally:
            self._turn.release()

    def finish(self, fd: int) -> str:
        """Hash the rest and give the hex digits.

        Raises:
            ValueError: Not every byte of the file was confirmed.
            FileChanged: The file became shorter.
            FileUnreadable: The disk fails.
        """
        with self._turn:
            self._advance(fd)
            if self._hashed_bytes != self._size_bytes:
                raise ValueError(f"{self._hashed_bytes} of {self._size_bytes} bytes are confirmed without a gap")
            return self._digest.hexdigest()

    def _advance(self, fd: int) -> None:
        while (end := self._next_end()) is not None:
            try:
                for block in read_window(fd, self._hashed_bytes, end - self._hashed_bytes, path=self._path):
                    self._digest.update(block)
                    self._hashed_bytes += len(block)
            finally:
                if self._hashed_bytes < end:  # a disk that failed may come back: the rest stays confirmed
                    with self._guard:
                        self._ends[self._hashed_bytes] = end

    def _next_end(self) -> int | None:
        """Where the confirmed window that begins at the first byte not hashed yet ends."""
        with self._guard:
            return self._ends.pop(self._hashed_bytes, None)
