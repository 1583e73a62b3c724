"""What happened to files lately, and what is left to do, as the catalog has it. For commands that look."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from tlsync.clock import to_text
from tlsync.store.reader import CatalogReader

_TO_SEND = ("discovered", "settling", "identified", "uploading")


class Move(NamedTuple):
    """One row of the history. `size_bytes` is that of the file now, `texts` how many its content has."""

    id: int
    file_id: int
    path: Path
    at: str
    old: str | None
    new: str
    reason: str
    size_bytes: int
    texts: int


_MOVES = """
SELECT history.id, history.file_id, history.at, history.from_state, history.to_state, history.reason,
       files.path, files.size_bytes, roots.path AS root_path,
       CASE WHEN history.to_state = 'enriched' THEN
           (SELECT count(*) FROM enrichments WHERE enrichments.content_id = files.content_id
            AND enrichments.index_id = roots.index_id AND enrichments.value IS NOT NULL)
       ELSE 0 END AS texts
FROM history JOIN files ON files.id = history.file_id JOIN roots ON roots.id = files.root_id
"""


def moves_backwards(reader: CatalogReader, below: Sequence[Path] = (), *, after_id: int = 0) -> Iterator[Move]:
    """Moves of files at or below some paths (all, without any), newest first."""
    conditions, values = ["history.id > ?"], list[Any]([after_id])
    if below:
        some = [reader.at_or_below(path) for path in below]
        conditions.append(f"({' OR '.join(condition for condition, _ in some)})")
        values += [value for _, bounds in some for value in bounds]
    sql = f"{_MOVES} WHERE {' AND '.join(conditions)} ORDER BY history.id DESC"
    for row in reader.walk(sql, *values):
        path = Path(os.fsdecode(os.path.join(row["root_path"], row["path"])))  # noqa: PTH118 (bytes)
        yield Move(
            row["id"],
            row["file_id"],
            path,
            row["at"],
            row["from_state"],
            row["to_state"],
            row["reason"],
            row["size_bytes"],
            row["texts"],
        )


def last_move_id(reader: CatalogReader) -> int:
    """The number of the newest move, 0 without any."""
    return next((row[0] or 0 for row in reader.walk("SELECT max(id) FROM history")), 0)


def totals_since(reader: CatalogReader, since: datetime) -> dict[str, int]:
    """What was done since then, the beginning of a quarter of an hour: files sent and their bytes, files that got all
    their texts, failures. Nothing in a catalog of an earlier version."""
    found = dict[str, tuple[int, int]]()
    if next(reader.walk("SELECT 1 FROM sqlite_schema WHERE name = 'done'"), None):
        sql = "SELECT what, sum(files), sum(size_bytes) FROM done WHERE quarter >= ? GROUP BY what"
        found = {what: (files, size_bytes) for what, files, size_bytes in reader.walk(sql, to_text(since)[:16])}
    uploaded, size_bytes = found.get("uploaded", (0, 0))
    enriched, failed = (found.get(what, (0, 0))[0] for what in ("enriched", "failed"))
    return {"uploaded": uploaded, "bytes": size_bytes, "enriched": enriched, "failed": failed}


def left_to_send(reader: CatalogReader) -> dict[str, int]:
    """Files whose bytes are not on the platform, as far as is known, and their whole size."""
    totals = reader.totals()
    found = [totals.get(state, (0, 0)) for state in _TO_SEND]
    return {"files": sum(files for files, _ in found), "bytes": sum(size_bytes for _, size_bytes in found)}


def failures(reader: CatalogReader) -> list[dict[str, Any]]:
    """Files that failed, in the order of their paths, with the keys of `status --json`: there may be thousands."""
    sql = (
        "SELECT roots.path, files.path, error_code, reason, hint, changed_at, retry_at"
        " FROM files CROSS JOIN roots ON roots.id = files.root_id WHERE state = 'failed'"
    )
    keys = ("code", "message", "hint", "at", "retry_at")
    rows = ((os.path.join(root, path), rest) for root, path, *rest in reader.walk(sql))  # noqa: PTH118 (bytes)
    in_order = sorted(rows, key=lambda row: row[0])
    return [{"path": os.fsdecode(path), **dict(zip(keys, rest, strict=True))} for path, rest in in_order]
