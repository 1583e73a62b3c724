"""What a scan found and has not noted yet: one transaction for many new files, one message for many with work to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

from tlsync.engine.walk import Found
from tlsync.models import FileId, RootId
from tlsync.states import FileState
from tlsync.store.catalog import Catalog

_FIRST_BATCH, _MOST_BATCH = 50, 2000
"""New files are noted so many at a time: few at first, so that work begins while the scan goes on."""


class Batch:
    """What a scan found, until it is noted: new files, and known ones that have work to do."""

    def __init__(
        self, catalog: Catalog, root_id: RootId, on_work: Callable[[Sequence[FileId], FileState], None]
    ) -> None:
        self._catalog = catalog
        self._root_id = root_id
        self._on_work = on_work
        self._size = _FIRST_BATCH
        self.new: list[Found] = []
        self.unfinished: defaultdict[FileState, list[FileId]] = defaultdict(list)

    def note_some(self) -> None:
        """Note what there is, if it is enough."""
        if len(self.new) >= self._size:
            self.note()
            self._size = min(_MOST_BATCH, 2 * self._size)
        for state, ids in self.unfinished.items():
            if len(ids) >= _MOST_BATCH:
                self._on_work(ids, state)
                self.unfinished[state] = []

    def note(self) -> None:
        if self.new:
            self._on_work(self._catalog.add_all(self._root_id, self.new), FileState.DISCOVERED)
            self.new = []
        for state, ids in self.unfinished.items():
            self._on_work(ids, state)
        self.unfinished.clear()
