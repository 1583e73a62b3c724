"""Reads a file that holds a secret, if only its owner can."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tlsync.errors import ConfigError

_FLAGS = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"))


def read_private_file(path: Path, *, hint: str, longest: int) -> str:
    """Its text, at most `longest` bytes. The mode is checked on the file that was opened, not on its name.

    Args:
        hint: What to look at when the file is not usable.

    Raises:
        ConfigError: It can't be read, is no regular file, or others can read it.
    """
    try:
        handle = os.open(path, os.O_RDONLY | _FLAGS)
    except OSError as error:
        raise ConfigError(f"{path}: the key file can't be read: {error.strerror}", hint=hint) from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"{path}: the key file is not a regular file", hint=hint)
        if os.name == "posix" and found.st_mode & 0o077:
            raise ConfigError(f"{path}: others can read the key file", hint=f"chmod 600 {path}")
        return os.read(handle, longest).decode("utf-8", "replace")
    finally:
        os.close(handle)
