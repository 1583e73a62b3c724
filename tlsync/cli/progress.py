"""Progress of scan, hash and upload: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from tlsync.cli.output import is_terminal, moved_line, note, shown, size, trouble_line
from tlsync.engine.progress import Progress
from tlsync.errors import TlsyncError

_LINE_EVERY_SHARE = 0.25


class ShownProgress(Progress, AbstractContextManager["ShownProgress"], Protocol):
    """A progress display that lives as long as a `with` block."""


def shown_progress(*, is_quiet: bool) -> ShownProgress:
    """The display that fits where stderr goes."""
    if is_quiet:
        return _Nothing()
    if not is_terminal():
        return _Lines()
    from tlsync.cli.bars import Bars  # rich is imported only when somebody looks on

    return Bars()


class _Nothing:
    """For --quiet, and for the daemon, whose log says it all."""

    def scanned(self, files: int) -> None: ...
    def hashed(self, path: Path, done_bytes: int, total_bytes: int) -> None: ...
    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None: ...
    def moved(self, path: Path, state: str, reason: str) -> None: ...
    def trouble(self, error: TlsyncError, wait_s: float) -> None: ...

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Lines(_Nothing):
    """A line when an upload is a quarter further, and when a file reaches a state that people wait for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[Path, float] = {}

    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        share = done_bytes / total_bytes
        with self._lock:
            if done_bytes >= total_bytes:
                self._told.pop(path, None)
                return
            if share - self._told.get(path, 0.0) < _LINE_EVERY_SHARE:
                return
            self._told[path] = share
        note(f"sending {shown(path.name)}: {size(done_bytes)} of {size(total_bytes)}")

    def moved(self, path: Path, state: str, reason: str) -> None:
        line = moved_line(path, state, reason)
        if line is not None:
            note(line)

    def trouble(self, error: TlsyncError, wait_s: float) -> None:
        note(trouble_line(error, wait_s))
