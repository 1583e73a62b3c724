"""`tlsync retry`: another chance for files that failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.store import Store


def retry_files(store: Store, paths: Sequence[Path]) -> list[FileRow]:
    """Take failed files back to where they failed, with all their attempts ahead.

    Args:
        paths: Files or folders; none for everything. Files that the platform would not take (`ineligible`)
            are looked at again only when named, since nothing about them has changed. So are those that were
            removed from the platform on purpose: naming them takes that back.

    Returns:
        The files as they are now.
    """
    catalog = store.catalog
    chosen = [file for file in catalog.in_states(FileState.FAILED) if _is_named(file, paths, otherwise=True)]
    refused = [file for file in catalog.in_states(FileState.INELIGIBLE) if _is_named(file, paths, otherwise=False)]
    for file in refused:
        if file.content_id is not None:
            store.removals.revoke(file.content_id)
    moved = [catalog.move(file, file.came_from or FileState.SETTLING, "retried by hand", attempts=0) for file in chosen]
    # What was there before is forgotten: a file that was held since it became shorter is taken as it is now.
    return moved + [
        catalog.move(file, FileState.SETTLING, "retried by hand", attempts=0, content_id=None) for file in refused
    ]


def _is_named(file: FileRow, paths: Sequence[Path], *, otherwise: bool) -> bool:
    if not paths:
        return otherwise
    return any(file.path == path or path in file.path.parents for path in paths)
