"""Asks disks questions that may never be answered: a volume that hangs must not hold up who asks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
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
