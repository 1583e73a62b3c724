"""`tlsync retry`: another chance for files that failed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlsync.states import FileState
from tlsync.store.catalog import Catalog, FileRow


def retry_files(catalog: Catalog, paths: Sequence[Path]) -> list[FileRow]:
    """Take failed files back to where they failed, with all their attempts ahead.

    Args:
        paths: Files or folders; none for everything. Files that the platform would not take (`ineligible`)
            are looked at again only when named, since nothing about them has changed.

    Returns:
        The files as they are now.
    """
    chosen = [file for file in catalog.in_states(FileState.FAILED) if _is_named(file, paths, otherwise=True)]
    refused = [file for file in catalog.in_states(FileState.INELIGIBLE) if _is_named(file, paths, otherwise=False)]
    moved = [catalog.move(file, file.came_from or FileState.SETTLING, "retried by hand", attempts=0) for file in chosen]
    return moved + [catalog.move(file, FileState.SETTLING, "retried by hand", attempts=0) for file in refused]


def _is_named(file: FileRow, paths: Sequence[Path], *, otherwise: bool) -> bool:
    if not paths:
        return otherwise
    return any(file.path == path or path in file.path.parents for path in paths)
