"""Whether a file is only its owner's to change: what it says is done in the owner's name."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def lent_to_others(path: Path) -> str:
    """How others could decide what a file says, and what to do about it; "" when they can't.

    The group of the user alone (as many systems give each user one) is not others.

    Raises:
        OSError: It can't be looked at.
    """
    if os.name != "posix":
        return ""
    real = path.resolve()
    for place in (real, real.parent):
        found = place.stat()
        if found.st_uid not in (os.geteuid(), 0):
            return f"{place} belongs to another user"
        if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
            continue  # as /tmp: others can add files there, and not replace this one
        is_open_to_group = found.st_mode & stat.S_IWGRP and not _is_group_of_one(found.st_uid, found.st_gid)
        if found.st_mode & stat.S_IWOTH or is_open_to_group:
            return f"others can write {place} (chmod go-w {place})"
    return ""


def _is_group_of_one(user: int, group: int) -> bool:
    try:
        import grp
        import pwd

        owner, members = pwd.getpwuid(user), grp.getgrgid(group)
    except (ImportError, KeyError):
        return False
    return (
        members.gr_gid == owner.pw_gid and members.gr_name == owner.pw_name and set(members.gr_mem) <= {owner.pw_name}
    )
