"""What a difference between two looks at a file means: nothing, maybe something, or a change. Pure."""

from __future__ import annotations

from typing import Literal

from tlsync.models import StatSignature

Difference = Literal["none", "maybe", "changed"]

_SECOND_NS = 1_000_000_000
_HOUR_NS = 3600 * _SECOND_NS
_COARSEST_NS = 2 * _SECOND_NS
"""FAT keeps the time of a file in steps of two seconds, and in local time, which shifts with summer time."""


def difference(old: StatSignature, new: StatSignature, *, is_loose: bool) -> Difference:
    """Compare two looks.

    "maybe": owner, mode, inode or the way the time is kept differ; what the file holds decides.

    Args:
        is_loose: The file system gives inode numbers and change times that prove nothing.
    """
    if old == new:
        return "none"
    if old.size_bytes != new.size_bytes:
        return "changed"
    if old.mtime_ns == new.mtime_ns:
        return "none" if is_loose else "maybe"
    return "maybe" if _is_same_time(old.mtime_ns, new.mtime_ns) else "changed"


def _is_same_time(old_ns: int, new_ns: int) -> bool:
    """Whether two times may be one that was rounded to seconds, or moved by an hour, or both."""
    apart_ns = abs(old_ns - new_ns)
    if apart_ns == _HOUR_NS:
        return True
    is_rounded = old_ns % _SECOND_NS == 0 or new_ns % _SECOND_NS == 0
    return is_rounded and min(apart_ns, abs(apart_ns - _HOUR_NS)) < _COARSEST_NS
