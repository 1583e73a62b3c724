"""What the engine tells while it works: to a progress bar, to `status`, or to nobody."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Protocol

from tlsync.clock import Clock
from tlsync.engine.pace import Pace
from tlsync.errors import TlsyncError


class Progress(Protocol):
    """Called from many threads; implementations lock for themselves and return at once."""

    def scanned(self, files: int) -> None:
        """So many files were found so far."""

    def hashed(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        """A file is read whole to prove what it holds."""

    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        """So much of a file is on the platform; `done == total` is the last call for it."""

    def moved(self, path: Path, state: str, reason: str) -> None:
        """A file reached a state."""

    def trouble(self, error: TlsyncError, wait_s: float) -> None:
        """Something that concerns everything went wrong; the engine waits so long and tries again."""


class Silent:
    """Tells nobody."""

    def scanned(self, files: int) -> None: ...
    def hashed(self, path: Path, done_bytes: int, total_bytes: int) -> None: ...
    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None: ...
    def moved(self, path: Path, state: str, reason: str) -> None: ...
    def trouble(self, error: TlsyncError, wait_s: float) -> None: ...


class TransferBoard:
    """The uploads under way, with their rates, for `status`: what storage has confirmed, not what left the machine."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._transfers: dict[Path, tuple[int, int]] = {}
        self._pace = Pace()
        self._overall = Pace()
        self._confirmed_bytes = 0

    def confirmed(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        """So much of a file is in storage."""
        with self._lock:
            before = self._transfers.get(path, (done_bytes, 0))[0]  # what an earlier run sent is not sent now
            self._confirmed_bytes += max(0, done_bytes - before)
            self._transfers[path] = done_bytes, total_bytes
            self._note()

    def drop(self, path: Path) -> None:
        """The upload of a file is over, however it ended."""
        with self._lock:
            self._transfers.pop(path, None)

    def report(self) -> list[dict[str, object]]:
        """The transfers with the keys of `status --json`."""
        with self._lock:
            self._note()
            return [
                {
                    "path": str(path),
                    "bytes_done": done_bytes,
                    "bytes_total": total_bytes,
                    "bytes_per_s": round(self._pace.rate(str(path)) or 0),
                }
                for path, (done_bytes, total_bytes) in self._transfers.items()
            ]

    def bytes_per_s(self) -> int:
        """Over all uploads."""
        with self._lock:
            self._note()
            return round(self._overall.rate("") or 0)

    def _note(self) -> None:
        now_s = self._clock.monotonic_s()
        self._pace.note(now_s, {str(path): done for path, (done, _) in self._transfers.items()})
        self._overall.note(now_s, {"": self._confirmed_bytes} if self._transfers else {})
