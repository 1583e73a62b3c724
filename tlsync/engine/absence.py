"""When known files that are not seen any more count as missing, and when that is held back.

Kept here: files become missing only while their root was the same before and after they were looked for, and
only so many at once. A mass that disappears is more often a share half gone than a decision.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

from tlsync.engine import health
from tlsync.engine.volumes import Place
from tlsync.models import FileId
from tlsync.states import FileState
from tlsync.store.catalog import ID, IS_KNOWN, LOOKS, PATH, STATE, Catalog, StaleMove
from tlsync.store.roots import RootRow, Roots

log = logging.getLogger(__name__)

_ALWAYS_BELIEVED = 20
_BELIEVED_SHARE = 0.1
_AT_ONCE = 500
"""Files that are noted in one transaction."""


class Gone(NamedTuple):
    """A known file that was looked for and not found. `path` is below its root."""

    id: FileId
    path: bytes
    state: str
    size_bytes: int
    is_known: bool
    """By its content, and not only by its name."""


def gone_of(rows: Iterable[sqlite3.Row]) -> list[Gone]:
    """Of rows of `Catalog.page`, those that were not missing already."""
    return [
        Gone(FileId(row[ID]), row[PATH], row[STATE], row[LOOKS][0], bool(row[IS_KNOWN]))
        for row in rows
        if row[STATE] != FileState.MISSING
    ]


class Absence:
    """Decides about known files that a look did not find."""

    def __init__(self, catalog: Catalog, roots: Roots) -> None:
        self._catalog = catalog
        self._roots = roots

    def judge(
        self,
        root: RootRow,
        gone: Sequence[Gone],
        before: Place | None,
        *,
        is_whole: bool = False,
    ) -> None:
        """Take files for missing, or hold that back.

        Args:
            root: The root they are below.
            gone: Files that were looked for and not found.
            before: What was at the root's path before they were looked for.
            is_whole: The whole root was looked at without an error: a hold that has no cause any more ends.
        """
        if not gone:
            if is_whole:
                self._release(root)
            return
        after = health.note(root, self._roots)
        if not after.is_online or after.place != before or self._roots.get(root.id).condition == "hung":
            log.info("what is mounted changed meanwhile, absent files are kept root=%s files=%d", root.path, len(gone))
            return
        known = [file for file in gone if file.is_known]
        if len(known) > _ALWAYS_BELIEVED:
            present = self._roots.known_count(root.id)
            if len(known) > _BELIEVED_SHARE * present:
                self._hold(root, known, present)
                return
        if is_whole:
            self._release(root)
        rest = iter(gone)
        while some := list(islice(rest, _AT_ONCE)):
            with self._catalog.transaction():
                for file in some:
                    self._miss(root, file)

    def _miss(self, root: RootRow, gone: Gone) -> None:
        file = self._catalog.get(gone.id)
        if file is None or file.state != gone.state or os.fsencode(file.path) != _path_of(root, gone):
            return  # a step moved it at the same moment: that step's word counts
        with suppress(StaleMove):
            if file.content_id is None:
                self._catalog.forget(file)  # nothing was known of it but its name
            else:
                self._catalog.move(file, FileState.MISSING, "no longer there")

    def _hold(self, root: RootRow, gone: list[Gone], present: int) -> None:
        why = f"held: {len(gone)} of {present} known files are gone"
        moved = self._catalog.count_as_large(root.id, Counter(file.size_bytes for file in gone))
        if moved * 2 > len(gone):
            why += f", and {moved} new ones are as large: they were probably moved, and are compared"
        else:
            folder = os.path.commonpath([os.path.dirname(_path_of(root, file)) for file in gone])  # noqa: PTH120 (bytes)
            why += f"; if that is meant: tlsync forget --gone {os.fsdecode(folder)}"
        was_held = self._roots.get(root.id).held
        if was_held != why:
            self._roots.hold(root.id, why)
        if not was_held:
            log.warning("absent files are not taken for missing root=%s reason=%s", root.path, why)

    def _release(self, root: RootRow) -> None:
        if self._roots.get(root.id).held:
            self._roots.hold(root.id, "")
            log.info("files are no longer held root=%s", root.path)


def _path_of(root: RootRow, gone: Gone) -> bytes:
    return os.path.join(os.fsencode(root.path), gone.path)  # noqa: PTH118 (bytes)
