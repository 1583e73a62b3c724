"""Files with work to do for which there was no room in memory: they wait in the catalog, and are taken from it in turn.

Kept here: a pass over the catalog only goes forward, so a file that rests for now is asked once per pass and not again
and again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tlsync.models import FileId
from tlsync.states import FileState
from tlsync.store.catalog import Catalog

_START = FileId(0)


class Backlog:
    """One pass per lane at a time. Used by one thread."""

    def __init__(self, catalog: Catalog, states: Mapping[str, Sequence[FileState]]) -> None:
        """
        Args:
            states: Those whose step runs in a lane.
        """
        self._catalog = catalog
        self._states = states
        self._places = dict.fromkeys(states, (0, _START))

    def more(self, lane: str, limit: int) -> list[FileId]:
        """The next files of a pass; none: it is over, and the next call begins another one."""
        number, last = self._places[lane]
        states = self._states[lane]
        while number < len(states):
            found = self._catalog.ids_in(states[number], last, limit)
            if found:
                self._places[lane] = (number, found[-1])
                return found
            number, last = number + 1, _START
        self._places[lane] = (0, _START)
        return []
