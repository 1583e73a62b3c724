"""Trees of empty clips, and catalogs that know them: for benchmarks that look at names, not at media."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from tlsync.clock import SystemClock
from tlsync.store.store import Store

SUFFIX = ".tlsync.json"


def clips(folders: int, per_folder: int) -> Iterator[str]:
    """Paths of clips below a root, two folders deep."""
    for number in range(folders):
        for clip in range(per_folder):
            yield f"day-{number // 100:03d}/card-{number:05d}/A{number:05d}_C{clip:03d}.mov"


def plant(root: Path, folders: int, per_folder: int, *, has_sidecars: bool = False) -> None:
    """Make the files of a tree, all of them empty."""
    folder = None
    for name in clips(folders, per_folder):
        path = f"{root}/{name}"
        if path.rpartition("/")[0] != folder:
            folder = path.rpartition("/")[0]
            os.makedirs(folder)  # noqa: PTH103 (strings are quicker, for a million files)
        for made in (path, path + SUFFIX) if has_sidecars else (path,):
            os.close(os.open(made, os.O_CREAT | os.O_WRONLY))


def know(state_dir: Path, root: Path) -> int:
    """Take all files of the catalog to where nothing is left to do: `enriched` beside a sidecar, else `ineligible`.

    Returns:
        How many there are.
    """
    connection = sqlite3.connect(state_dir / "catalog.db", isolation_level=None)
    connection.create_function("look_of", 1, lambda path: _look_of(root, path))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("BEGIN")
    connection.execute("UPDATE files SET sidecar_look = look_of(path)")
    connection.execute(
        "INSERT INTO contents (id, size_bytes, fingerprint, sha256, kind, container, duration_s, seen_at)"
        " SELECT id, 1, 'f1-' || id, 's' || id, 'video', 'mov', 1.0, changed_at FROM files"
        " WHERE sidecar_look IS NOT NULL"
    )
    connection.execute(
        "UPDATE files SET state = 'enriched', content_id = id,"
        " sidecar = CAST(? || '/' || CAST(path AS TEXT) || ? AS BLOB) WHERE sidecar_look IS NOT NULL",
        (str(root), SUFFIX),
    )
    connection.execute("UPDATE files SET state = 'ineligible' WHERE sidecar_look IS NULL")
    connection.execute("UPDATE roots SET last_scan_at = NULL")  # so that the next one can be seen to end
    (count,) = connection.execute("SELECT count(*) FROM files").fetchone()
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return int(count)


def scan_in(state_dir: Path, root: Path) -> None:
    """Note every file of a root in a catalog, as a first scan does."""
    from tests.bench.scan import scan_once  # which uses this module

    with Store(state_dir, SystemClock()) as store:
        scan_once(store, root)


def _look_of(root: Path, path: bytes) -> str | None:
    try:
        found = os.lstat(f"{root}/{os.fsdecode(path)}{SUFFIX}")
    except FileNotFoundError:
        return None
    return f"{found.st_size} {found.st_mtime_ns}"
