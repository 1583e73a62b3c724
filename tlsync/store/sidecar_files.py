"""The files beside media that tlsync knows by their names: how they are called, and how they are read."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

log = logging.getLogger(__name__)

_NAME_LIMIT_BYTES = 255
_LONGEST_BYTES = 64 * 1024 * 1024
"""What is longer is no sidecar: the texts of a video of four hours take two."""

_READ_FLAGS = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
    _READ_FLAGS |= getattr(os, _flag, 0)


def read(path: Path) -> bytes | None:
    """The bytes of a regular file; None when there is none. What is no regular file is nobody's sidecar."""
    try:
        handle = os.open(path, _READ_FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a pipe or a socket
            return b""
        raise
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LONGEST_BYTES:
            return b""
        with os.fdopen(handle, "rb", closefd=False) as stream:
            return stream.read()
    finally:
        os.close(handle)


def readable(paths: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    for path in paths:
        try:
            data = read(path)
        except OSError as error:
            log.info("passed over a sidecar path=%s reason=%s", path, error.strerror)
            continue
        if data is not None:
            yield path, data


def listing(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def fitting(media_name: str, suffix: str) -> str:
    """`media_name` + `suffix`, shortened with a hash where the file system would refuse the length."""
    raw = os.fsencode(media_name)
    room = _NAME_LIMIT_BYTES - len(suffix)
    if len(raw) > room:
        digest = hashlib.sha256(raw).hexdigest()[:12].encode()
        raw = raw[: room - len(digest) - 1].decode("utf-8", "ignore").encode() + b"~" + digest
    return os.fsdecode(raw) + suffix
