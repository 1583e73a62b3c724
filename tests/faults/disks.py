"""Disks for fault tests: images that are mounted, pulled out and taken away, and a running engine beside them."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.faults.conftest import Row
from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Silent
from tlsync.store.reader import CatalogReader
from tlsync.store.store import Store

_SIZES = {"ext4": "24M", "xfs": "310M", "btrfs": "120M"}
_MAKE = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-m", "0"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
}


class Disk:
    """A file system in an image, to be plugged in anywhere."""

    def __init__(self, row: Row, image: Path, kind: str = "ext4") -> None:
        row.needs("root", _MAKE[kind][0], "mount")
        self._row = row
        self._image = image
        self._points: list[Path] = []
        subprocess.run(["truncate", "-s", _SIZES[kind], str(image)], check=True)
        subprocess.run([*_MAKE[kind], str(image)], check=True, capture_output=True)

    def plug(self, point: Path) -> None:
        done = subprocess.run(["mount", "-o", "loop", str(self._image), str(point)], capture_output=True, text=True)
        if done.returncode:
            self._row.gap(f"can't mount an image: {done.stderr.strip()}")
        self._points.append(point)

    def unplug(self, *, is_lazy: bool = False) -> None:
        """Unmount it, waiting for files that are open unless it is lazy."""
        point = self._points.pop()
        until_s = time.monotonic() + 20
        while subprocess.run(["umount", *(["-l"] if is_lazy else []), str(point)], capture_output=True).returncode:
            assert time.monotonic() < until_s, f"{point} stays busy"
            threading.Event().wait(0.05)

    def yank(self) -> None:
        """Pull it out: nothing is announced, and what is not in memory fails."""
        self._row.needs("xfs_io")
        subprocess.run(["xfs_io", "-x", "-c", "shutdown", str(self._points[-1])], check=True, capture_output=True)

    def close(self) -> None:
        while self._points:
            subprocess.run(["umount", "-l", str(self._points.pop())], capture_output=True)


@contextmanager
def running(workshop: Workshop) -> Iterator[Engine]:
    """The engine as `tlsync run` has it, in this process."""
    settings, stop = workshop.settings, threading.Event()
    with ExitStack() as stack:
        store = stack.enter_context(Store(settings.state_dir, workshop.clock))
        client = stack.enter_context(
            TwelveLabs(
                api_key=workshop.server.api_key,
                base_url=settings.platform.base_url,
                stop=stop,
                retries=QUICK_RETRIES,
            )
        )
        engine = Engine(
            settings,
            store,
            client,
            workshop.prober,
            clock=workshop.clock,
            stop=stop,
            progress=Silent(),
            is_single_pass=False,
        )
        thread = threading.Thread(target=engine.run_forever, name="test-engine")
        thread.start()
        try:
            yield engine
        finally:
            stop.set()
            thread.join(30)
            assert not thread.is_alive(), "the engine does not stop"


def root_of(workshop: Workshop, number: int = 0) -> dict[str, Any]:
    """A root as `status` shows it."""
    with CatalogReader(workshop.state_dir) as reader:
        return reader.roots()[number]


def wait_until(is_true: Callable[[], Any], what: str, limit_s: float = 30.0) -> float:
    """Look again and again until something is so; says how long that took."""
    started_s = time.monotonic()
    pause = threading.Event()
    while not is_true():
        assert time.monotonic() - started_s < limit_s, f"waited in vain for: {what}"
        pause.wait(0.02)
    return time.monotonic() - started_s


def watches() -> int:
    """How many folders this process watches."""
    lines = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            if "inotify" in os.readlink(f"/proc/self/fd/{name}"):  # noqa: PTH115 (no path, a label)
                lines += Path(f"/proc/self/fdinfo/{name}").read_text().count("inotify wd:")
        except OSError:
            continue
    return lines


def folders(root: Path) -> int:
    return 1 + sum(path.is_dir() for path in root.rglob("*"))
