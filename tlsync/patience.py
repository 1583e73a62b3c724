"""Asks disks questions that may never be answered: a volume that hangs must not hold up who asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def answers_within(seconds: float, ask: Callable[[Item], Answer], items: Iterable[Item]) -> dict[Item, Answer]:
    """Ask about all items at once; those that answer in time are in the result.

    A question without an answer is left behind in its thread, which ends with the process. `ask` must not raise.
    """
    answers: dict[Item, Answer] = {}

    def note(item: Item) -> None:
        answers[item] = ask(item)

    threads = [threading.Thread(target=note, args=(item,), daemon=True) for item in items]
    for thread in threads:
        thread.start()
    until_s = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, until_s - time.monotonic()))
    return dict(answers)


class Presence:
    """Whether files are there, for who looks at many: a disk that does not answer is waited for once."""

    def __init__(self, patience_s: float = 1.0) -> None:
        self._patience_s = patience_s
        self._silent: set[Path] = set()

    def has(self, path: Path, disk: Path) -> bool:
        """Whether a path is there.

        Args:
            disk: Names the disk that it is on, for example by a folder above it.
        """
        if disk in self._silent:
            return False
        answer = answers_within(self._patience_s, Path.exists, [path])
        if path not in answer:
            self._silent.add(disk)
        return answer.get(path, False)
