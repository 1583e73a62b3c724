"""Progress bars, by rich: one for the scan, and one for each file that is read whole or sent."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.text import Text

from tlsync.cli.output import moved_line, shown, size, trouble_line
from tlsync.errors import TlsyncError


class _Speed(TransferSpeedColumn):
    """Bytes a second; nothing for the scan, which counts no bytes."""

    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


class _TimeLeft(TimeRemainingColumn):
    def render(self, task: Task) -> Text:
        return Text() if task.total is None else super().render(task)


class Bars:
    """Shown while a `with` block lives; gone afterwards. What people wait for is printed above, and stays."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[amount]}", markup=False),
            _Speed(),
            _TimeLeft(),
            console=Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[tuple[str, Path], TaskID] = {}
        self._scan: TaskID | None = None

    def scanned(self, files: int) -> None:
        with self._lock:
            if self._scan is None:
                self._scan = self._progress.add_task("looking", total=None, amount="")
            self._progress.update(self._scan, amount=f"{files} files")

    def hashed(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        self._update("reading", path, done_bytes, total_bytes)

    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        self._update("sending", path, done_bytes, total_bytes)

    def moved(self, path: Path, state: str, reason: str) -> None:
        if state != "settling":
            self._end_scan()
        self._print(moved_line(path, state, reason))

    def trouble(self, error: TlsyncError, wait_s: float) -> None:
        self._print(trouble_line(error, wait_s))

    def _update(self, verb: str, path: Path, done_bytes: int, total_bytes: int) -> None:
        with self._lock:
            key = (verb, path)
            if done_bytes >= total_bytes:
                task = self._tasks.pop(key, None)
                if task is not None:
                    self._progress.remove_task(task)
                return
            if key not in self._tasks:
                self._tasks[key] = self._progress.add_task(f"{verb} {shown(path.name)}", total=total_bytes, amount="")
            amount = f"{size(done_bytes)} of {size(total_bytes)}"
            self._progress.update(self._tasks[key], completed=done_bytes, amount=amount)

    def _end_scan(self) -> None:
        """Files are quiet and work begins; until then the scan's bar shows that something goes on."""
        with self._lock:
            if self._scan is not None:
                self._progress.remove_task(self._scan)
                self._scan = None

    def _print(self, line: str | None) -> None:
        if line is not None:
            self._progress.console.print(line, highlight=False, markup=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()
