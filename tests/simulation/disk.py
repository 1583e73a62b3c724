"""The disk as tlsync meets it: what people do to their files, and what fails or dies in the middle of a call.

The files are real ones in a temporary folder. Only what a real system would decide by the hour of the day is replaced:
the order of listings, inode numbers and change times.
"""

from __future__ import annotations

import errno
import hashlib
import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from tests.simulation.chaos import Chaos
from tests.simulation.clips import is_whole
from tests.simulation.fibers import Crash, Kernel, Life
from tlsync.media import identity
from tlsync.models import StatSignature

_EPOCH_NS = 1_772_352_000 * 10**9


class Disk:
    """All folders of a run, what is in them, and who is told of changes."""

    def __init__(self, kernel: Kernel, chaos: Chaos, source: random.Random, on_crash: Callable[[Life], None]) -> None:
        self._kernel = kernel
        self._chaos = chaos
        self._random = source
        self._on_crash = on_crash
        self._looks: dict[int, tuple[int, int]] = {}
        self._ticks = 0
        self.media: dict[Path, str] = {}
        """SHA-256 of every media file that people have put somewhere and not taken away."""
        self.existed: set[str] = set()
        """SHA-256 of everything that any media file ever held."""
        self.whole: set[str] = set()
        """The same for those that were whole clips."""
        self.being_written: set[int] = set()
        """Inodes of files that a program of people has open."""
        self.foreign: dict[Path, bytes] = {}
        """Files of people at the places of sidecars."""
        self.listeners: list[Callable[[Path], None]] = []

    # What people do

    def write(self, path: Path, data: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        path.write_bytes(data)
        self._stamp(path, is_new=is_new)

    def append(self, path: Path, data: bytes) -> None:
        with path.open("ab") as stream:
            stream.write(data)
        self._stamp(path)

    def overwrite(self, path: Path, offset: int, data: bytes) -> None:
        with path.open("r+b") as stream:
            stream.seek(offset)
            stream.write(data)
        self._stamp(path)

    def truncate(self, path: Path, size_bytes: int) -> None:
        os.truncate(path, size_bytes)
        self._stamp(path)

    def touch(self, path: Path) -> None:
        self._stamp(path)

    def change_mode(self, path: Path) -> None:
        path.chmod(self._random.choice([0o600, 0o640, 0o644]))
        inode, _ = self._looks[path.stat().st_ino]
        self._looks[path.stat().st_ino] = (inode, self._tick_ns())

    def rename(self, old: Path, new: Path) -> None:
        new.parent.mkdir(parents=True, exist_ok=True)
        moved = {path: sha256 for path, sha256 in self.media.items() if path == old or old in path.parents}
        blocks = {path: data for path, data in self.foreign.items() if old in path.parents}
        self.media.pop(new, None)
        old.replace(new)
        for path, sha256 in moved.items():
            del self.media[path]
            self.media[new / path.relative_to(old) if path != old else new] = sha256
        for path, data in blocks.items():
            del self.foreign[path]
            self.foreign[new / path.relative_to(old)] = data
        self.tell(old)
        self.tell(new)

    def remove(self, path: Path) -> None:
        self.media.pop(path, None)
        path.unlink()
        self.tell(path)

    def block(self, sidecar: Path) -> None:
        """Somebody keeps a file of their own where the sidecar would go."""
        data = b'{"mine": %d}' % self._random.randrange(1000)
        sidecar.write_bytes(data)
        self.foreign[sidecar] = data
        self.tell(sidecar)

    def below(self, root: Path) -> list[Path]:
        return sorted(path for path in self.media if root in path.parents)

    def tell(self, path: Path) -> None:
        for listener in list(self.listeners):
            if not self._chaos.strikes("disk.event_lost", 0.5):
                listener(path)

    def _stamp(self, path: Path, *, is_new: bool = False) -> None:
        now_ns = self._tick_ns()
        os.utime(path, ns=(now_ns, now_ns))
        number = path.stat().st_ino
        inode = self._looks.get(number, (0, 0))[0]
        if is_new or not inode:
            inode = self._ticks
        self._looks[number] = (inode, now_ns)
        data = path.read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        if is_whole(data):
            self.whole.add(sha256)
        self.media[path] = sha256
        self.existed.add(sha256)
        self.tell(path)

    def _tick_ns(self) -> int:
        """The time now, never the same twice."""
        self._ticks += 1
        return _EPOCH_NS + int(self._kernel.now_s * 1e9) + self._ticks

    # What tlsync meets

    def writer_of(self, writer: Any) -> Callable[[object, int], Any]:
        """Who has a file open is asked of the real system; here people say so."""
        return lambda _, fd: writer.PRESENT if os.fstat(fd).st_ino in self.being_written else writer.ABSENT

    @contextmanager
    def installed(self) -> Iterator[None]:
        with ExitStack() as stack:
            for name in ("open", "write", "fsync", "replace", "rename", "unlink", "pread"):
                stack.enter_context(mock.patch.object(os, name, self._guarded(name, getattr(os, name))))
            stack.enter_context(mock.patch.object(os, "scandir", _sorted_scandir(os.scandir)))
            stack.enter_context(mock.patch.object(identity, "signature", self._signature(identity.signature)))
            yield

    def _signature(self, original: Callable[[os.stat_result], StatSignature]) -> Callable[..., StatSignature]:
        def signature(found: os.stat_result) -> StatSignature:
            inode, changed_ns = self._looks.get(found.st_ino, (0, found.st_mtime_ns))
            return original(found)._replace(inode=inode, ctime_ns=changed_ns)

        return signature

    def _guarded(self, name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            fiber = self._kernel.current
            if fiber.owner is None or fiber.is_in_platform:
                return original(*arguments, **options)
            if fiber.owner.is_dead:
                raise Crash
            if self._chaos.strikes(f"disk.crash_at_{name}", 0.05, most=2):
                self._on_crash(fiber.owner)
                raise Crash
            if name in ("write", "fsync", "replace") and self._chaos.strikes(f"disk.full_at_{name}"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if name in ("open", "pread", "fsync") and self._chaos.strikes(f"disk.broken_at_{name}", 0.1):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            if name == "pread" and self._chaos.strikes("disk.short_read"):
                fd, length, offset = arguments
                return original(fd, max(1, length // 2), offset)
            if name == "write" and self._chaos.strikes("disk.short_write"):
                return original(arguments[0], bytes(arguments[1])[: max(1, len(arguments[1]) // 2)])
            result = original(*arguments, **options)
            if name in ("write", "replace", "unlink") and self._chaos.strikes(f"disk.crash_after_{name}", 0.1, most=2):
                self._on_crash(fiber.owner)
                raise Crash
            return result

        return call


class _Listing:
    """What `os.scandir` gives, in the order of names."""

    def __init__(self, entries: Any) -> None:
        with entries:
            self._entries = iter(sorted(entries, key=lambda entry: entry.name))

    def __iter__(self) -> Iterator[Any]:
        return self._entries

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> _Listing:
        return self

    def __exit__(self, *_: object) -> None: ...

    def close(self) -> None: ...


def _sorted_scandir(original: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *arguments: _Listing(original(*arguments))
