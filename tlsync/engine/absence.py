"""When known files that are not seen any more count as missing, and when that is held back.

Kept here: files become missing only while their root was the same before and after they were looked for, and
only so many at once. A mass that disappears is more often a share half gone than a decision.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress

from tlsync.engine import health
from tlsync.engine.volumes import Place
from tlsync.models import StatSignature
from tlsync.states import FileState
from tlsync.store.catalog import Catalog, FileRow, StaleMove
from tlsync.store.roots import RootRow, Roots

log = logging.getLogger(__name__)

_ALWAYS_BELIEVED = 20
_BELIEVED_SHARE = 0.1


class Absence:
    """Decides about known files that a look did not find."""

    def __init__(self, catalog: Catalog, roots: Roots) -> None:
        self._catalog = catalog
        self._roots = roots

    def judge(
        self,
        root: RootRow,
        absent: Iterable[FileRow],
        before: Place | None,
        *,
        arrived: Iterable[StatSignature] = (),
        is_whole: bool = False,
    ) -> None:
        """Take files for missing, or hold that back.

        Args:
            root: The root they are below.
            absent: Files that were looked for and not found.
            before: What was at the root's path before they were looked for.
            arrived: Files that the same look found for the first time.
            is_whole: The whole root was looked at without an error: a hold that has no cause any more ends.
        """
        gone = [file for file in absent if file.state != FileState.MISSING]
        if not gone:
            if is_whole:
                self._release(root)
            return
        after = health.note(root, self._roots)
        if not after.is_online or after.place != before or self._roots.get(root.id).condition == "hung":
            log.info("what is mounted changed meanwhile, absent files are kept root=%s files=%d", root.path, len(gone))
            return
        known = [file for file in gone if file.content_id is not None]
        present = self._roots.known_count(root.id)
        if len(known) > max(_ALWAYS_BELIEVED, _BELIEVED_SHARE * present):
            self._hold(root, known, present, arrived)
            return
        if is_whole:
            self._release(root)
        for file in gone:
            with suppress(StaleMove):  # a step moved it at the same moment: that step's word counts
                if file.content_id is None:
                    self._catalog.forget(file)  # nothing was known of it but its name
                else:
                    self._catalog.move(file, FileState.MISSING, "no longer there")

    def _hold(self, root: RootRow, gone: list[FileRow], present: int, arrived: Iterable[StatSignature]) -> None:
        why = f"held: {len(gone)} of {present} known files are gone"
        moved = _as_large(gone, arrived)
        if moved * 2 > len(gone):
            why += f", and {moved} new ones are as large: they were probably moved, and are compared"
        else:
            folder = os.path.commonpath([file.path.parent for file in gone])
            why += f"; if that is meant: tlsync forget --gone {folder}"
        was_held = self._roots.get(root.id).held
        if was_held != why:
            self._roots.hold(root.id, why)
        if not was_held:
            log.warning("absent files are not taken for missing root=%s reason=%s", root.path, why)

    def _release(self, root: RootRow) -> None:
        if self._roots.get(root.id).held:
            self._roots.hold(root.id, "")
            log.info("files are no longer held root=%s", root.path)


def _as_large(gone: list[FileRow], arrived: Iterable[StatSignature]) -> int:
    """How many new files could be one of those that are gone, by their size."""
    sizes = Counter(file.signature.size_bytes for file in gone)
    return (sizes & Counter(signature.size_bytes for signature in arrived)).total()
