"""Whether a root is really there: absence counts only below a root that is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tlsync.store.catalog import Catalog
from tlsync.store.roots import RootRow, Roots

_SAMPLE = 50


@dataclass(frozen=True, slots=True)
class Health:
    """`trouble` says, for people, why a root counts as offline."""

    is_online: bool
    trouble: str
    inode: int | None


def look_at(root: RootRow, catalog: Catalog) -> Health:
    """Check a root's folder without writing to it.

    A folder that is not the one first seen, and has none of the files known below it, is another volume
    or an empty mount point: then the root counts as offline, so that nothing is taken for deleted.
    """
    try:
        found = root.path.stat()
        with os.scandir(root.path) as entries:
            next(entries, None)
    except FileNotFoundError:
        return Health(False, "the folder does not exist (drive not connected?)", None)
    except NotADirectoryError:
        return Health(False, "not a folder", None)
    except OSError as error:
        return Health(False, f"can't be read: {error.strerror}", None)
    if root.inode is not None and root.inode != found.st_ino:
        known = list(catalog.below(root.id).values())[:_SAMPLE]
        if known and not any(_exists(file.path) for file in known):
            return Health(
                False, "another folder or volume is at this path: none of the files known below it are there", None
            )
    return Health(True, "", found.st_ino)


def check(root: RootRow, roots: Roots, catalog: Catalog) -> bool:
    """Look at a root, note what was found, and say whether it is online."""
    health = look_at(root, catalog)
    if (health.is_online, health.trouble) != (root.is_online, root.trouble) or root.inode is None:
        roots.set_health(root.id, is_online=health.is_online, trouble=health.trouble, inode=health.inode)
    return health.is_online


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:
        return False
    return True
