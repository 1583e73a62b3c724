"""`tlsync forget`: the catalog lets go of files. Media and platform are as they were, and what they held stays known.

It is also how a person says that files are gone on purpose, and that what is at a root's path now is the root.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tlsync.engine import health
from tlsync.store.catalog import FileRow
from tlsync.store.sidecars import Sidecars
from tlsync.store.store import Store

_ACTION = "forget"
_WITH_SIDECARS = "sidecars"
_ONLY_GONE = "gone"


@dataclass(frozen=True, slots=True)
class Manner:
    """How to forget: also the sidecars that tlsync wrote; only files that are no longer on disk."""

    with_sidecars: bool = False
    only_gone: bool = False

    @property
    def action(self) -> str:
        """The word for it in a request to a running daemon."""
        words = [_ACTION] + [_WITH_SIDECARS] * self.with_sidecars + [_ONLY_GONE] * self.only_gone
        return "-".join(words)

    @classmethod
    def of(cls, action: str) -> Manner | None:
        """What a request asks for, None if it is about something else."""
        first, *words = action.split("-")
        return cls(_WITH_SIDECARS in words, _ONLY_GONE in words) if first == _ACTION else None


def forget_files(store: Store, sidecars: Sidecars, paths: Sequence[Path], manner: Manner) -> list[FileRow]:
    """Drop the rows of files at or below paths. A root at or below one of them is taken anew, whatever is there;
    not where only files that are gone are meant.

    Returns:
        The files as they were. What is still on disk is found again by the next scan, and linked by its content.
    """
    forgotten: list[FileRow] = []
    for root in store.roots.all():
        if manner.only_gone and not health.check(root, store.roots):
            continue  # all of a drive that is away seems to be gone
        for path in paths:
            is_whole = path == root.path or path in root.path.parents
            if not is_whole and root.path not in path.parents:
                continue
            relative = b"" if is_whole else os.fsencode(path.relative_to(root.path))
            single = store.catalog.find(root.id, relative) if relative else None
            below = list(store.catalog.below(root.id, relative).values())
            with store.catalog.transaction():
                for file in [single, *below] if single else below:
                    if manner.only_gone and os.path.lexists(file.path):
                        continue
                    store.catalog.forget(file)
                    forgotten.append(file)
                if is_whole and not manner.only_gone:
                    store.roots.adopt(root.id)
    if manner.with_sidecars:
        for file in forgotten:
            if file.sidecar is not None:
                sidecars.remove(file.sidecar, file.path)
    return forgotten
