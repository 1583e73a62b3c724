"""The folder that holds everything tlsync keeps: its owner's alone, and with nothing planted in it."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from tlsync.errors import CatalogError

_OURS = ("catalog.db", "catalog.db-wal", "catalog.db-shm", "lock", "tlsync.log", "pause.json", "requests", "sidecars")
_HINT = "set state_dir in the settings, or TLSYNC_STATE_DIR, to a folder of yours"


def prepare_state_folder(state_dir: Path) -> None:
    """Make the folder, readable by its owner only, or look whether it can be trusted.

    The folder may be reached through a link, which its owner set. What is in it may not be: a link in the place of the
    catalog or the lock would have another file overwritten.

    Raises:
        CatalogError: It can't be made, others may write into it, or a link is where a file of tlsync belongs.
    """
    try:
        make_private(state_dir)
        found = state_dir.stat()
    except OSError as error:
        raise CatalogError(f"{state_dir}: the state folder can't be used: {error.strerror}", hint=_HINT) from error
    if found.st_mode & stat.S_IWOTH:
        raise CatalogError(
            f"{state_dir}: everybody on this machine can write into the state folder",
            hint=f"chmod 700 {state_dir}, or {_HINT}",
        )
    for name in _OURS:
        path = state_dir / name
        if path.is_symlink():
            raise CatalogError(f"{path}: is a link, and tlsync made none", hint="look where it leads, and remove it")
        if path.is_file() and path.stat().st_mode & 0o077:  # an older copy, put back with other rights
            path.chmod(0o600)


def make_private(folder: Path) -> None:
    """Make a folder and those above it for their owner only, as far as they are not there.

    `Path.mkdir` gives those above the rights that the umask leaves, which may be all.

    Raises:
        OSError: One can't be made, or is something else.
    """
    missing = [folder, *folder.parents]
    for number, above in enumerate(missing):
        if above.exists():
            missing = missing[:number]
            break
    for one in reversed(missing):
        one.mkdir(mode=0o700, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
