"""Bounds a single pass: a root whose disk does not answer is let go, and the pass goes on with the others and ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tlsync.engine import volumes
from tlsync.models import RootId
from tlsync.patience import answers_within
from tlsync.store.conditions import NO_ANSWER
from tlsync.store.roots import RootRow, Roots

log = logging.getLogger(__name__)

_ANSWER_S = 30.0
"""A disk that was asleep takes ten seconds to turn; here nobody comes back to a root that was let go."""
_PAUSE_S = 3.0
_TICK_S = 0.05


class HangWatch:
    """Asks the disks of all roots again and again, from its own threads, while it is entered."""

    def __init__(self, rows: Sequence[RootRow], roots: Roots, on_hung: Callable[[RootId], None]) -> None:
        self._rows = rows
        self._roots = roots
        self._on_hung = on_hung
        self._hung: set[RootId] = set()
        self._ended = threading.Event()
        self._lock = threading.Lock()
        """Who holds it and has seen that the watch has not ended may use the catalog."""
        self._thread = threading.Thread(target=self._run, name="tlsync-hang-watch", daemon=True)

    def do(self, root_id: RootId, act: Callable[[], object]) -> None:
        """Do something on a root's disk. When the root hangs it is left behind in its thread, without a result."""
        errors: list[BaseException] = []

        def work() -> None:
            try:
                act()
            except BaseException as error:  # raised below, in the thread that waits
                errors.append(error)

        thread = threading.Thread(target=work, name=f"tlsync-root-{root_id}", daemon=True)
        if root_id not in self._hung:
            thread.start()
        while thread.is_alive() and root_id not in self._hung:
            thread.join(_TICK_S)
        if errors and root_id not in self._hung:
            raise errors[0]

    def _run(self) -> None:
        while not self._ended.wait(_PAUSE_S):
            self._ask()

    def _ask(self) -> None:
        asked = [row for row in self._rows if row.id not in self._hung]
        answers = answers_within(_ANSWER_S, _touch, [row.path for row in asked])
        with self._lock:
            if self._ended.is_set():
                return
            for row in asked:
                if row.path not in answers:
                    self._roots.set_health(row.id, "hung", NO_ANSWER, ends_hang=False)
                    log.warning("root does not answer, the others go on root=%s", row.path)
                    self._hung.add(row.id)
                    self._on_hung(row.id)

    def __enter__(self) -> Self:
        self._ask()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._ended.set()


def _touch(path: Path) -> bool:
    """Ask a disk for anything at all: an error is an answer, too."""
    try:
        volumes.look(path)
    except OSError:
        return False
    return True
