"""Two looks at a file: equal, to be verified, or a change."""

from __future__ import annotations

import pytest

from tlsync.engine.looks import difference
from tlsync.models import StatSignature

S = 1_000_000_000
OLD = StatSignature(size_bytes=10, mtime_ns=1_700_000_001 * S + 123, ctime_ns=5, inode=7)


def at(mtime_ns: int, *, size_bytes: int = 10, ctime_ns: int = 5, inode: int = 7) -> StatSignature:
    return StatSignature(size_bytes, mtime_ns, ctime_ns, inode)


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (OLD, "none"),
        (at(OLD.mtime_ns, ctime_ns=6), "maybe"),
        (at(OLD.mtime_ns, inode=8), "maybe"),
        (at(OLD.mtime_ns, size_bytes=11), "changed"),
        (at(OLD.mtime_ns + 3600 * S), "maybe"),
        (at(OLD.mtime_ns - 3600 * S), "maybe"),
        (at(OLD.mtime_ns - 3600 * S, size_bytes=9), "changed"),
        (at(1_700_000_000 * S), "maybe"),  # rounded down to even seconds
        (at(1_700_000_002 * S), "maybe"),
        (at(1_700_003_600 * S), "maybe"),  # rounded and moved by an hour
        (at(OLD.mtime_ns + 1), "changed"),  # both are exact: an edit
        (at(OLD.mtime_ns + 3 * S), "changed"),
        (at(1_700_000_004 * S), "changed"),
        (at(OLD.mtime_ns + 7200 * S), "changed"),
        (at(0), "changed"),
        (at(-5 * S), "changed"),
    ],
)
def test_difference(new: StatSignature, expected: str) -> None:
    assert difference(OLD, new, is_loose=False) == expected


def test_where_inodes_prove_nothing_size_and_time_do() -> None:
    assert difference(OLD, at(OLD.mtime_ns, ctime_ns=6, inode=8), is_loose=True) == "none"
    assert difference(OLD, at(OLD.mtime_ns + 1, ctime_ns=6, inode=8), is_loose=True) == "changed"
    assert difference(OLD, at(OLD.mtime_ns + 3600 * S), is_loose=True) == "maybe"
