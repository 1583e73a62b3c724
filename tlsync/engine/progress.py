"""What the engine tells while it works: to a progress bar, to `status`, or to nobody."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tlsync.clock import Clock
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


_RATE_WINDOW_S = 10.0


@dataclass(slots=True)
class _Transfer:
    done_bytes: int = 0
    total_bytes: int = 0
    marks: deque[tuple[float, int]] = field(default_factory=deque)


class TransferBoard:
    """The uploads under way, with their rates over the last seconds, for `status`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._transfers: dict[Path, _Transfer] = {}

    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        with self._lock:
            if done_bytes >= total_bytes:
                self._transfers.pop(path, None)
                return
            transfer = self._transfers.setdefault(path, _Transfer())
            now_s = self._clock.monotonic_s()
            transfer.done_bytes, transfer.total_bytes = done_bytes, total_bytes
            transfer.marks.append((now_s, done_bytes))
            while transfer.marks[0][0] < now_s - _RATE_WINDOW_S and len(transfer.marks) > 1:
                transfer.marks.popleft()

    def drop(self, path: Path) -> None:
        """The upload of a file is over, however it ended."""
        with self._lock:
            self._transfers.pop(path, None)

    def report(self) -> list[dict[str, object]]:
        """The transfers with the keys of `status --json`."""
        with self._lock:
            return [
                {
                    "path": str(path),
                    "bytes_done": transfer.done_bytes,
                    "bytes_total": transfer.total_bytes,
                    "bytes_per_s": round(self._rate(transfer)),
                }
                for path, transfer in self._transfers.items()
            ]

    def _rate(self, transfer: _Transfer) -> float:
        (start_s, start_bytes), (end_s, end_bytes) = transfer.marks[0], transfer.marks[-1]
        return (end_bytes - start_bytes) / (end_s - start_s) if end_s > start_s else 0.0
