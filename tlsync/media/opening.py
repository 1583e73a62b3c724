"""Opening a file for reading without being led out of the watched folder.

The folder itself may be reached through a link: the person who configured it meant that. Below it no component of the
path may be one, since whoever can write into the folder could otherwise have any file of this machine uploaded.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_FILE_FLAGS = os.O_RDONLY
for _flag in ("O_CLOEXEC", "O_NOFOLLOW", "O_NONBLOCK", "O_NOCTTY", "O_BINARY"):
    _FILE_FLAGS |= getattr(os, _flag, 0)
# Passing through a folder needs no right to list it.
_FOLDER_FLAGS = getattr(os, "O_PATH", 0) | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)


def open_file(path: Path, root: Path | None = None) -> int:
    """A descriptor for reading. The last component is never followed, and nothing is waited for (a pipe opens).

    Args:
        root: An absolute folder above `path`. Each step from it to the file is taken by itself, on the folder that
            the last step opened, so a folder that is exchanged for a link meanwhile is noticed. Without it, or where
            the system can't, folders may be links.

    Raises:
        OSError: With ELOOP where a component is a link.
        ValueError: `path` is not below `root`.
    """
    if root is None or os.open not in os.supports_dir_fd:
        return os.open(path, _FILE_FLAGS)
    *folders, name = path.relative_to(root).parts
    if ".." in folders or name == "..":
        raise ValueError(f"{path} leads out of {root}")
    here = os.open(root, _FOLDER_FLAGS)
    try:
        for folder in folders:
            below = _enter(folder, here)
            os.close(here)
            here = below
        return os.open(name, _FILE_FLAGS, dir_fd=here)
    finally:
        os.close(here)


def _enter(folder: str, here: int) -> int:
    try:
        return os.open(folder, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=here)
    except NotADirectoryError as error:
        # This is also what the system says of a link, when a folder is asked for.
        if stat.S_ISLNK(os.stat(folder, dir_fd=here, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), folder) from error
        raise
