"""A folder shown again through FUSE, by a process of its own that can be killed or made to hang.

As a program: `python passthrough.py SOURCE POINT`. It serves reads only; writes go to the folder underneath.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SOURCE = "test-passthrough"


class Passthrough:
    """A mounted view of a folder."""

    def __init__(self, row: Any, source: Path, point: Path) -> None:
        row.needs("root", "fusermount3")
        if importlib.util.find_spec("mfusepy") is None or not Path("/dev/fuse").exists():
            row.gap("needs mfusepy and /dev/fuse")
        self._point = point
        self._server = subprocess.Popen(
            [sys.executable, str(Path(__file__)), str(source), str(point)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        until_s = time.monotonic() + 15
        while not any(f" {point} " in line and " fuse" in line for line in _mounts()):
            if self._server.poll() is not None:
                said = self._server.stderr.read().decode("utf-8", "replace") if self._server.stderr else ""
                row.gap(f"FUSE does not work here: {said.strip()[-200:]}")
            assert time.monotonic() < until_s, "the FUSE server does not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """The server dies, and the mount stays behind."""
        self._server.kill()
        self._server.wait(10)

    def hang(self) -> None:
        """The server answers nothing any more."""
        self._server.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._server.send_signal(signal.SIGCONT)

    def close(self) -> None:
        # Killed first: then everything that waits for it gets an error, and nothing here can hang.
        if self._server.poll() is None:
            self._server.kill()
            self._server.wait(10)
        if self._server.stderr is not None:
            self._server.stderr.close()
        subprocess.run(["umount", "-l", str(self._point)], capture_output=True)


def _mounts() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()


def _serve(source: str, point: str) -> None:
    import mfusepy

    class View(mfusepy.Operations):  # type: ignore[misc]
        use_ns = True

        def getattr(self, path: str, fh: int | None = None) -> dict[str, int]:
            try:
                found = os.lstat(source + path)
            except OSError as error:
                raise mfusepy.FuseOSError(error.errno or errno.EIO) from error
            keys = ("st_mode", "st_size", "st_nlink", "st_uid", "st_gid", "st_ino")
            times = {f"st_{name}": getattr(found, f"st_{name}_ns") for name in ("atime", "mtime", "ctime")}
            return {key: getattr(found, key) for key in keys} | times

        def readdir(self, path: str, fh: int) -> list[str]:
            return [".", "..", *os.listdir(source + path)]

        def open(self, path: str, flags: int) -> int:
            return os.open(source + path, os.O_RDONLY)

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            return os.pread(fh, size, offset)

        def release(self, path: str, fh: int) -> int:
            os.close(fh)
            return 0

    # Nothing is remembered by the kernel: each look asks the server.
    fresh = {"attr_timeout": 0, "entry_timeout": 0}
    mfusepy.FUSE(View(), point, foreground=True, nothreads=False, fsname=SOURCE, allow_other=True, **fresh)


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2])
