"""Where the API key comes from: the environment, then a file that only its owner can read. Never an argument."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from tlsync.errors import ConfigError, Unauthorized
from tlsync.secret import Secret

VARIABLES = ("TWELVE_LABS_API_KEY", "TWELVELABS_API_KEY")
"""The platform's own documents use both spellings."""

_LONGEST = 4096


def load_api_key(key_file: Path | None, env: Mapping[str, str]) -> Secret:
    """The key, from the first place that has one.

    Raises:
        Unauthorized: There is none anywhere.
        ConfigError: The key file can't be read, is empty, or others can read it.
    """
    for variable in VARIABLES:
        if text := env.get(variable, "").strip():
            return Secret(_clean(text, variable))
    if key_file is not None:
        return Secret(_clean(_read(key_file), str(key_file)))
    raise Unauthorized(
        "there is no API key", hint=f"set {VARIABLES[0]}, or [platform] api_key_file to a file with mode 0600"
    )


def _read(path: Path) -> str:
    """The text of a key file, whose mode is checked on the file that was opened, not on its name."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(
            f"{path}: the key file can't be read: {error.strerror}", hint="check [platform] api_key_file"
        ) from error
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"{path}: the key file is not a regular file", hint="check [platform] api_key_file")
        if found.st_mode & 0o077:
            raise ConfigError(f"{path}: others can read the key file", hint=f"chmod 600 {path}")
        return os.read(handle, _LONGEST).decode("utf-8", "replace")
    finally:
        os.close(handle)


def _clean(text: str, where: str) -> str:
    key = text.strip()
    if not key:
        raise ConfigError(f"{where}: holds no key")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError(f"{where}: holds something that can't be a key (spaces, line breaks or odd characters)")
    return key
