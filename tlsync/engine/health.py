"""Whether a root is really there: absence counts only below a root that is.

Kept here: a root is known by its volume and its folder, or, where these prove nothing, by files known below it.
While none is known there is nothing to protect, and what is at the path is taken for it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tlsync.engine import volumes
from tlsync.engine.volumes import Place
from tlsync.media.identity import DRIVE_TROUBLE
from tlsync.store.conditions import Condition
from tlsync.store.roots import RootRow, Roots

_SAMPLE = 50
_PROBED = 3

_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True, slots=True)
class Health:
    """`trouble` says, for people, why a root is not online; `place` is what was found at its path."""

    condition: Condition
    trouble: str
    place: Place | None

    @property
    def is_online(self) -> bool:
        return self.condition == "online"


def look_at(root: RootRow, roots: Roots) -> Health:
    """Check a root's folder without writing to it. May block for as long as its volume hangs."""
    try:
        place = volumes.look(root.path)
    except FileNotFoundError:
        return Health("offline", "the folder does not exist (drive not connected?)", None)
    except NotADirectoryError:
        return Health("offline", "not a folder", None)
    except OSError as error:
        return Health("offline", _why(error), None)
    health = judge(root, place, lambda: _seen_of(roots.known_paths(root.id, _SAMPLE)))
    if health.is_online and place.mount is not None and not place.mount.is_network:
        trouble = _probe(roots.known_paths(root.id, _PROBED))
        if trouble:
            return Health("offline", trouble, None)
    return health


def judge(root: RootRow, place: Place, seen: Callable[[], bool | None]) -> Health:
    """Whether what is at the path is the root.

    Args:
        seen: Whether files known below the root are there; None when none is known.
    """
    online = Health("online", "", place)
    if root.inode is None or (root.volume, root.inode) == (place.volume, place.inode):
        return online
    is_other = volumes.is_other(root.volume, place.volume)
    there = seen()
    if there is None or (there and not is_other):
        return online
    if place.is_empty:
        return Health("foreign", "the folder is empty: connect the drive or share with its files", place)
    way_out = f"connect the right one, or, if this one is meant: tlsync forget {root.path}"
    if is_other:
        expected, found = volumes.shown(root.volume), volumes.shown(place.volume)
        return Health(
            "foreign", f"another volume is at this path (expected {expected}, found {found}): {way_out}", place
        )
    return Health(
        "foreign",
        f"another folder or volume is at this path: none of the files known below it are there; {way_out}",
        place,
    )


def note(root: RootRow, roots: Roots, *, ends_hang: bool = False) -> Health:
    """Look at a root and note what was found."""
    health = look_at(root, roots)
    if (health.condition, health.trouble) != (root.condition, root.trouble):
        roots.set_health(root.id, health.condition, health.trouble, ends_hang=ends_hang)
    place = health.place
    if health.is_online and place is not None and (place.volume, place.inode) != (root.volume, root.inode):
        roots.set_identity(root.id, volume=place.volume, inode=place.inode)
    return health


def check(root: RootRow, roots: Roots) -> bool:
    """Whether a root is online. Of one that is known to hang its disk is not asked."""
    now = roots.get(root.id)
    return now.condition != "hung" and note(now, roots).is_online


def _seen_of(known: list[Path]) -> bool | None:
    return any(_exists(path) for path in known) if known else None


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _probe(known: list[Path]) -> str:
    """Why none of some known files can be opened although their folder is there; "" when one can.

    After a drive was pulled out the system goes on listing its folders from memory; opening a file tells.
    """
    trouble = ""
    for path in known:
        try:
            os.close(os.open(path, _OPEN_FLAGS | getattr(os, "O_NOFOLLOW", 0)))
        except OSError as error:
            if error.errno in DRIVE_TROUBLE:
                trouble = _why(error)
        else:
            return ""
    return trouble


def _why(error: OSError) -> str:
    if error.errno in DRIVE_TROUBLE and error.errno != errno.ETIMEDOUT:
        return f"its drive or server has gone ({error.strerror}): connect it again"
    return f"can't be read: {error.strerror}"
