"""One file with all that hangs on it, in a row: for commands that look."""

from __future__ import annotations

import functools
import os
import sqlite3
from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from tlsync.ids import StatSignature
from tlsync.states import FileState


class FileView(NamedTuple):
    """One file, as `ls` and `show` print it."""

    id: int
    path: Path
    root: Path
    state: FileState
    reason: str
    hint: str
    error_code: str | None
    signature: StatSignature
    attempts: int
    retry_at: str | None
    changed_at: str
    content_id: int | None
    content_bytes: int | None
    sha256: str | None
    duration_s: float | None
    asset_id: str | None
    index_id: str | None
    indexed_asset_id: str | None
    sidecar_name: bytes | None

    @property
    def sidecar(self) -> Path | None:
        return Path(os.fsdecode(self.sidecar_name)) if self.sidecar_name else None

    @property
    def size_bytes(self) -> int:
        return self.signature.size_bytes


class FileLine(NamedTuple):
    """One file, as `ls` prints it; there may be very many."""

    path: str
    state: str
    reason: str
    size_bytes: int
    duration_s: float | None


FILES = """
SELECT files.id, files.path, roots.path, files.state, files.reason, files.hint, files.error_code,
       files.size_bytes, files.mtime_ns, files.ctime_ns, files.inode,
       files.attempts, files.retry_at, files.changed_at, files.content_id,
       contents.size_bytes, contents.sha256, contents.duration_s,
       assets.asset_id, roots.index_id, indexed_assets.indexed_asset_id, files.sidecar
FROM files JOIN roots ON roots.id = files.root_id
LEFT JOIN contents ON contents.id = files.content_id
LEFT JOIN assets ON assets.content_id = files.content_id
LEFT JOIN indexed_assets ON indexed_assets.content_id = files.content_id AND indexed_assets.index_id = roots.index_id
"""


LINES = """
SELECT roots.path, files.path, files.state, files.reason, files.size_bytes, contents.duration_s
FROM files JOIN roots ON roots.id = files.root_id LEFT JOIN contents ON contents.id = files.content_id
"""


@functools.cache
def _root(path: bytes) -> Path:
    return Path(os.fsdecode(path))


def to_view(row: sqlite3.Row) -> FileView:
    """A row of `FILES`; taken apart by place, since a listing may be long."""
    file_id, path, root_path, state, reason, hint, error_code, *rest = row
    root, signature = _root(root_path), StatSignature(*rest[:4])
    return FileView(
        file_id, root / os.fsdecode(path), root, FileState(state), reason, hint, error_code, signature, *rest[4:]
    )


def to_lines(rows: Iterable[sqlite3.Row]) -> list[FileLine]:
    """Rows of `LINES`, in the order of their paths."""
    found = [(os.path.join(root, path), rest) for root, path, *rest in rows]  # noqa: PTH118 (bytes)
    return [FileLine(os.fsdecode(path), *rest) for path, rest in sorted(found, key=itemgetter(0))]
