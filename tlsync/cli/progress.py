"""Progress of scan, hash and upload: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from tlsync.cli.output import is_terminal, note, shown, size
from tlsync.engine.progress import Progress
from tlsync.errors import TlsyncError

if TYPE_CHECKING:
    from rich.progress import TaskID

_LINE_EVERY_SHARE = 0.25
_TOLD_STATES = frozenset({"uploaded", "enriched", "ineligible", "failed", "missing"})


class ShownProgress(Progress, AbstractContextManager["ShownProgress"], Protocol):
    """A progress display that lives as long as a `with` block."""


def shown_progress(*, is_quiet: bool) -> ShownProgress:
    """The display that fits where stderr goes."""
    if is_quiet:
        return _Nothing()
    return _Bars() if is_terminal() else _Lines()


class _Lines:
    """A line when a file is a quarter further, and when it reaches a state that people wait for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[Path, float] = {}

    def scanned(self, files: int) -> None: ...
    def hashed(self, path: Path, done_bytes: int, total_bytes: int) -> None: ...

    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        share = done_bytes / total_bytes
        with self._lock:
            last = self._told.get(path, 0.0)
            if done_bytes >= total_bytes:
                self._told.pop(path, None)
                return
            if share - last < _LINE_EVERY_SHARE:
                return
            self._told[path] = share
        note(f"sending {shown(path.name)}: {size(done_bytes)} of {size(total_bytes)}")

    def moved(self, path: Path, state: str, reason: str) -> None:
        if state in _TOLD_STATES:
            note(f"{state}: {shown(path.name)}" + (f" ({shown(reason)})" if reason else ""))

    def trouble(self, error: TlsyncError, wait_s: float) -> None:
        note(f"waiting {wait_s:.0f} s: {shown(str(error))}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class _Nothing(_Lines):
    """For --quiet."""

    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None: ...
    def moved(self, path: Path, state: str, reason: str) -> None: ...
    def trouble(self, error: TlsyncError, wait_s: float) -> None: ...


class _Bars(_Lines):
    """One line for the scan, and a bar for each file that is hashed or sent."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
        from rich.progress import Progress as Bars

        self._bars = Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[tuple[str, Path], TaskID] = {}

    def scanned(self, files: int) -> None:
        with self._lock:
            self._bars.console.print(f"found {files} files", highlight=False, markup=False)

    def hashed(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        self._update("reading", path, done_bytes, total_bytes)

    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        self._update("sending", path, done_bytes, total_bytes)

    def moved(self, path: Path, state: str, reason: str) -> None:
        if state in _TOLD_STATES:
            text = f"{state}: {shown(path.name)}" + (f" ({shown(reason)})" if reason else "")
            self._bars.console.print(text, highlight=False, markup=False)

    def trouble(self, error: TlsyncError, wait_s: float) -> None:
        self._bars.console.print(f"waiting {wait_s:.0f} s: {shown(str(error))}", highlight=False, markup=False)

    def _update(self, verb: str, path: Path, done_bytes: int, total_bytes: int) -> None:
        with self._lock:
            key = (verb, path)
            if done_bytes >= total_bytes:
                task = self._tasks.pop(key, None)
                if task is not None:
                    self._bars.remove_task(task)
                return
            if key not in self._tasks:
                self._tasks[key] = self._bars.add_task(f"{verb} {shown(path.name)}", total=total_bytes)
            self._bars.update(self._tasks[key], completed=done_bytes)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()
