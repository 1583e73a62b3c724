"""The files that wait for room in a cap: for what, and in which order they try again. Kept in memory only."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlsync.models import FileId
from tlsync.states import FileState
from tlsync.store.spending import Amounts

if TYPE_CHECKING:  # searches come by here, too, and do without the catalog's database
    from tlsync.store.catalog import FileRow

_TURN_S = 0.005
_LONGEST_TURN_S = 30.0
"""When room comes, those who wait don't all try at once, and the longest in waiting tries first."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A file that waits, in the state in which it was stopped. The longest in waiting has the lowest `number`."""

    state: FileState
    need: Amounts
    cap: str
    number: int

    @property
    def turn_s(self) -> float:
        """How long after the cap has opened it is this one's turn."""
        return min(_LONGEST_TURN_S, _TURN_S * self.number)


class CapQueue:
    """Used by one thread at a time."""

    def __init__(self) -> None:
        self._waiting: dict[FileId, Waiting] = {}
        self._numbers = itertools.count()

    def join(self, file: FileRow, need: Amounts, cap: str) -> Waiting:
        """A file waits. Who waits already keeps its number."""
        if not self._waiting:
            self._numbers = itertools.count()
        known = self._waiting.get(file.id)
        number = next(self._numbers) if known is None else known.number
        self._waiting[file.id] = waiting = Waiting(file.state, need, cap, number)
        return waiting

    def find(self, file_id: FileId) -> Waiting | None:
        return self._waiting.get(file_id)

    def leave(self, file_id: FileId) -> None:
        """A file waits no longer, if it did."""
        self._waiting.pop(file_id, None)

    def among(self, file_ids: Iterable[FileId]) -> list[Waiting]:
        """Those of the files that wait."""
        return [self._waiting[file_id] for file_id in file_ids if file_id in self._waiting]

    @property
    def caps(self) -> set[str]:
        """The names of the caps that somebody waits for."""
        return {waiting.cap for waiting in self._waiting.values()}
