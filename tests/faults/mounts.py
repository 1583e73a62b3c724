"""File systems of a test's own: small ones that fill up, and ones whose power can be cut. Gone when the test ends."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.conftest import Row


@contextmanager
def tmpfs(row: Row, folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory, for example with `size=4m` or `nr_inodes=40`."""
    row.needs("root", "mount", "umount")
    folder.mkdir(exist_ok=True)
    _mount(row, "-t", "tmpfs", "-o", f"mode=755,{options}", "tlsync-test", str(folder))
    try:
        yield folder
    finally:
        _unmount(folder)


def remount(row: Row, folder: Path, options: str) -> None:
    """Change what a mount allows, for example `ro`."""
    _mount(row, "-o", f"remount,{options}", str(folder))


def fill(folder: Path, name: str = "ballast", leave_bytes: int = 0) -> Path:
    """Take all space of a file system, but for some."""
    ballast = folder / name
    with ballast.open("wb", buffering=0) as stream:
        for size_bytes in (1 << 20, 4096, 1):
            try:
                while True:
                    stream.write(b"\0" * size_bytes)
            except OSError:
                continue
        if leave_bytes:
            stream.truncate(max(0, stream.tell() - leave_bytes))
    return ballast


class Disk:
    """An ext4 or XFS file system in a file, which can lose its power: what was not flushed is gone then."""

    def __init__(self, row: Row, image: Path, folder: Path, kind: str) -> None:
        self._row = row
        self._image = image
        self.folder = folder
        row.needs("root", "mount", "umount", "xfs_io", f"mkfs.{kind}")
        folder.mkdir()
        with image.open("wb") as stream:
            stream.truncate(320 << 20)
        quiet = ["-q", "-F", "-E", "nodiscard"] if kind == "ext4" else ["-q", "-K"]
        subprocess.run([f"mkfs.{kind}", *quiet, str(image)], check=True, capture_output=True)

    def plug_in(self) -> None:
        """Mount it; a journal that needs it is replayed."""
        _mount(self._row, "-o", "loop", str(self._image), str(self.folder))

    def flush(self) -> None:
        """What was written up to now survives."""
        subprocess.run(["sync", "-f", str(self.folder)], check=True)

    def cut_power(self) -> None:
        """From now on nothing reaches the disk, and every access fails."""
        subprocess.run(["xfs_io", "-x", "-c", "shutdown", str(self.folder)], check=True, capture_output=True)

    def pull_out(self) -> None:
        """Unmount it; nothing may use it any more."""
        subprocess.run(["umount", str(self.folder)], check=True, capture_output=True)

    def close(self) -> None:
        _unmount(self.folder)


@contextmanager
def disk(row: Row, folder: Path, kind: str) -> Iterator[Disk]:
    """A disk, plugged in at `folder`."""
    made = Disk(row, folder.with_suffix(f".{kind}"), folder, kind)
    try:
        made.plug_in()
        yield made
    finally:
        made.close()


def _mount(row: Row, *arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        row.gap(f"mount is refused here: {done.stderr.strip()[:120]}")


def _unmount(folder: Path) -> None:
    """Also when something still has a file open there."""
    if os.path.ismount(folder):
        subprocess.run(["umount", "-l", str(folder)], check=False, capture_output=True)
