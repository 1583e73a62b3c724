"""Writing a file so that it is whole or absent, also after a power cut."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

TEMP_SUFFIX = ".tlsync-tmp"
"""Names that end so are ours and unfinished; the scanner passes them over."""


def write_whole(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Put `data` at `path`: a temporary file in the same folder, flushed, renamed, and the folder flushed.

    A link at `path` is replaced, not followed. On any failure the old file is as it was.

    Raises:
        OSError: It could not be written; nothing is left behind.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        temp = f".{secrets.token_hex(8)}{TEMP_SUFFIX}"
        handle = os.open(
            temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
        )
        try:
            try:
                view = memoryview(data)
                while view:
                    view = view[os.write(handle, view) :]
                os.fchmod(handle, mode & ~_umask())
                os.fsync(handle)
            finally:
                os.close(handle)
            os.replace(temp, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):
                os.unlink(temp, dir_fd=folder)
            raise
        os.fsync(folder)
    finally:
        os.close(folder)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
