"""A catalog that can't be used any more is set aside, whole and as it is. Nothing of it is deleted."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tlsync.errors import CatalogError
from tlsync.store.database import FILE_NAME
from tlsync.store.soundness import seal_path

Why = Literal["damaged", "replaced"]


def set_aside(state_dir: Path, why: Why, now: datetime) -> Path | None:
    """Move the catalog with its journals into a folder of their own in the state folder; None if there is no catalog.

    The caller holds the lock of the state folder, and no process of tlsync has the catalog open. The database goes
    last: as long as it is there, a crash in between leaves a catalog without its journal, which the next start checks.

    Raises:
        CatalogError: It can't be moved.
    """
    catalog = state_dir / FILE_NAME
    files = [Path(f"{catalog}-wal"), Path(f"{catalog}-shm"), seal_path(catalog), catalog]
    there = [path for path in files if path.exists()]
    if not there:
        return None
    folder = _free_folder(state_dir, f"catalog.{why}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    try:
        folder.mkdir(mode=0o700)
        for path in there:
            path.rename(folder / path.name)
        for changed in (folder, state_dir):
            handle = os.open(changed, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except OSError as error:
        raise CatalogError(
            f"{catalog}: can't be set aside: {error.strerror}", hint=f"move it out of {state_dir} by hand"
        ) from error
    return folder


def _free_folder(state_dir: Path, name: str) -> Path:
    folder, number = state_dir / name, 1
    while folder.exists():
        number += 1
        folder = state_dir / f"{name}-{number}"
    return folder
