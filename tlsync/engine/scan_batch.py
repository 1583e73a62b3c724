"""What a scan found and has not noted yet: one transaction for many new files, one message for many with work to do.

Kept here: while one batch of new files is noted, in a thread of its own, the scan gathers the next, and no more than
that; whatever ends the scan, what was noted is told.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from tlsync.engine.walk import Found
from tlsync.models import FileId, RootId
from tlsync.states import FileState
from tlsync.store.catalog import Catalog

_FIRST_BATCH, _MOST_BATCH = 50, 5000
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
        self._noting: _Noting | None = None
        self.new: list[Found] = []
        self.unfinished: defaultdict[FileState, list[FileId]] = defaultdict(list)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._tell_noted()

    def note_some(self) -> None:
        """Begin to note what there is, if it is enough.

        Raises:
            CatalogError: What was begun before could not be noted.
        """
        if len(self.new) >= self._size:
            if self._catalog.is_in_transaction:
                self.note()
                return
            self._tell_noted()
            self._noting = _Noting(self._catalog, self._root_id, self.new)
            self.new = []
            self._size = min(_MOST_BATCH, 2 * self._size)
        elif self._noting is not None and self._noting.is_over:
            self._tell_noted()
        for state, ids in self.unfinished.items():
            if len(ids) >= _MOST_BATCH:
                self._on_work(ids, state)
                self.unfinished[state] = []

    def note(self) -> None:
        """Note all there is.

        Raises:
            CatalogError: That, or what was begun before, could not be noted.
        """
        self._tell_noted()
        if self.new:
            self._on_work(self._catalog.add_all(self._root_id, self.new), FileState.DISCOVERED)
            self.new = []
        for state, ids in self.unfinished.items():
            self._on_work(ids, state)
        self.unfinished.clear()

    def _tell_noted(self) -> None:
        noting, self._noting = self._noting, None
        if noting is not None:
            self._on_work(noting.result(), FileState.DISCOVERED)


class _Noting:
    """New files on their way into the catalog: SQLite writes while the walk waits for the disk."""

    def __init__(self, catalog: Catalog, root_id: RootId, found: list[Found]) -> None:
        self._catalog = catalog
        self._root_id = root_id
        self._found = found
        self._ids: list[FileId] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="new-files", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._ids = self._catalog.add_all(self._root_id, self._found)
        except BaseException as error:
            self._error = error

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def result(self) -> list[FileId]:
        """The new files, as soon as they are noted; an error of theirs is raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._ids
