"""`tlsync forget`: the catalog lets go of files. Media and platform are as they were, and what they held stays known.

It is also how a person says that files are gone on purpose, and that what is at a root's path now is the root.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from tlsync.store.catalog import FileRow
from tlsync.store.sidecars import Sidecars
from tlsync.store.store import Store

FORGET = "forget"
FORGET_WITH_SIDECARS = "forget-with-sidecars"
"""What a running daemon is asked for."""


def forget_files(store: Store, sidecars: Sidecars, paths: Sequence[Path], *, with_sidecars: bool) -> list[FileRow]:
    """Drop the rows of files at or below paths. A root at or below one of them is taken anew, whatever is there.

    Args:
        with_sidecars: Also remove the sidecars and captions that tlsync wrote for them.

    Returns:
        The files as they were. What is still on disk is found again by the next scan, and linked by its content.
    """
    forgotten: list[FileRow] = []
    for root in store.roots.all():
        for path in paths:
            is_whole = path == root.path or path in root.path.parents
            if not is_whole and root.path not in path.parents:
                continue
            relative = b"" if is_whole else os.fsencode(path.relative_to(root.path))
            single = store.catalog.find(root.id, relative) if relative else None
            below = list(store.catalog.below(root.id, relative).values())
            with store.catalog.transaction():
                for file in [single, *below] if single else below:
                    store.catalog.forget(file)
                    forgotten.append(file)
                if is_whole:
                    store.roots.adopt(root.id)
    if with_sidecars:
        for file in forgotten:
            if file.sidecar is not None:
                sidecars.remove(file.sidecar, file.path)
    return forgotten
