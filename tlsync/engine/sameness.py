"""Whether an open file still looks like the one that was identified, by the rules of the file system it is on."""

from __future__ import annotations

import os

from tlsync.engine import looks, mounts
from tlsync.media import identity
from tlsync.models import StatSignature


def is_unchanged(fd: int, known: StatSignature, now: StatSignature | None = None) -> bool:
    """Whether two looks at a file show no change.

    Args:
        fd: The open file, which says where it is.
        now: A later look; that of the open file itself, if not given.

    Raises:
        OSError: The system does not say.
    """
    now = now or identity.signature(os.fstat(fd))
    if now == known:
        return True
    mount = mounts.mount_of(fd, mounts.parse(mounts.table_text()))
    return looks.difference(known, now, is_loose=mount is not None and mount.has_loose_stats) == "none"
