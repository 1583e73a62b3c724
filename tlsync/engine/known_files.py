"""The files that the catalog knows below a folder, page by page beside a walk, which comes in the same order."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from tlsync.models import RootId
from tlsync.store.catalog import PATH, Catalog, span_of

_PAGE_FILES = 1000


class KnownFiles:
    """Gives the row of each path that is asked for, in ascending order, and then those that nobody asked for.

    Rows are those of `Catalog.page`. A page is read when it is needed, so a row may be newer than the look at its
    folder: whoever acts on it reads the file again.
    """

    def __init__(self, catalog: Catalog, root_id: RootId, folder: bytes = b"") -> None:
        self._catalog = catalog
        self._root_id = root_id
        self._until, self._end = span_of(folder)
        self._page: dict[bytes, sqlite3.Row] = {}
        self.passed: list[sqlite3.Row] = []
        """Rows of paths that were passed without being asked for; the caller takes them out."""

    def take(self, path: bytes) -> sqlite3.Row | None:
        """The row of a path, None where it is not known."""
        while path >= self._until:
            self._turn()
        return self._page.pop(path, None)

    def has_none_from(self, path: bytes) -> bool:
        """Whether it is certain by now that no path from here on is known, as in most of a first scan."""
        return not self._page and self._until == self._end and path < self._end

    def rest(self) -> Iterator[list[sqlite3.Row]]:
        """All rows that are left, a page at a time."""
        while self._until < self._end:
            self._turn()
            yield self._drain()
        self.passed.extend(self._page.values())
        self._page = {}
        yield self._drain()

    def _turn(self) -> None:
        self.passed.extend(self._page.values())
        rows = self._catalog.page(self._root_id, self._until, self._end, _PAGE_FILES)
        self._page = {row[PATH]: row for row in rows}
        self._until = rows[-1][PATH] + b"\0" if len(rows) == _PAGE_FILES else self._end

    def _drain(self) -> list[sqlite3.Row]:
        drained, self.passed = self.passed, []
        return drained
