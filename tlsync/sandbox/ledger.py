"""What really happened, for tests to judge by: every call, every byte put, everything made.

The ledger is written after the effect of a call and before its answer. Nothing is ever removed from it, also when
an asset or an index is deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from tlsync.sandbox.database import Database, Row


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One call. `status` is 0 when the call ended without an answer of its own; `is_answered` tells what got out."""

    seq: int
    at_ms: int
    name: str
    method: str
    path: str
    status: int
    received_bytes: int
    is_answered: bool
    upload_id: str | None
    chunk: int | None


@dataclass(frozen=True, slots=True)
class ChunkPuts:
    """All PUTs for one chunk. `repeated` counts those begun after the client had been told that it is stored."""

    upload_id: str
    chunk: int
    puts: int
    stored: int
    repeated: int
    received_bytes: int


class Ledger:
    """Reads and writes the record. Safe to use from any thread."""

    def __init__(self, db: Database, now_ms: Callable[[], int]) -> None:
        self._db = db
        self._now_ms = now_ms

    def record(
        self,
        name: str,
        method: str,
        path: str,
        status: int,
        *,
        received_bytes: int = 0,
        is_answered: bool = True,
        upload_id: str | None = None,
        chunk: int | None = None,
    ) -> None:
        self._db.execute(
            "INSERT INTO calls (at_ms, name, method, path, status, received_bytes, is_answered, upload_id, chunk)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (self._now_ms(), name, method, path, status, received_bytes, is_answered, upload_id, chunk),
        )

    def calls(self, name: str | None = None) -> list[LedgerEntry]:
        """All calls in order, or those of one method (`multipart_upload.create`, `storage.put`)."""
        where, parameters = ("WHERE name = ?", [name]) if name else ("", [])
        return [_entry(row) for row in self._db.rows(f"SELECT * FROM calls {where} ORDER BY seq", parameters)]  # noqa: S608 -- fixed text

    def count(self, name: str) -> int:
        """How many calls of one method came in, however they ended."""
        row = self._db.row("SELECT count(*) AS n FROM calls WHERE name = ?", (name,))
        return int(row["n"]) if row is not None else 0

    def counts(self) -> dict[str, int]:
        rows = self._db.rows("SELECT name, count(*) AS n FROM calls GROUP BY name ORDER BY name")
        return {row["name"]: row["n"] for row in rows}

    def puts(self, upload_id: str | None = None) -> list[ChunkPuts]:
        """What came in for each chunk of one session, or of all."""
        chunks: dict[tuple[str, int], list[LedgerEntry]] = {}
        for entry in self.calls("storage.put"):
            if entry.upload_id is not None and entry.chunk is not None and upload_id in (None, entry.upload_id):
                chunks.setdefault((entry.upload_id, entry.chunk), []).append(entry)
        return [_chunk_puts(key, entries) for key, entries in sorted(chunks.items())]

    def put_bytes(self) -> int:
        """Bytes of all bodies that storage received."""
        return sum(chunk.received_bytes for chunk in self.puts())

    def sessions(self) -> list[dict[str, Any]]:
        """All upload sessions ever opened, oldest first."""
        rows = self._db.rows("SELECT * FROM sessions ORDER BY created_ms, rowid")
        return [
            {
                "upload_id": row["id"],
                "asset_id": row["asset_id"],
                "filename": row["filename"],
                "size_bytes": row["size_bytes"],
                "is_completed": row["completed_ms"] is not None,
            }
            for row in rows
        ]

    def assets_by_sha256(self) -> dict[str, list[str]]:
        """Asset ids per content, for all assets that became whole, deleted ones too."""
        rows = self._db.rows("SELECT id, sha256 FROM assets WHERE sha256 IS NOT NULL ORDER BY created_ms, rowid")
        return _group((row["sha256"], row["id"]) for row in rows)

    def indexed_by_asset(self) -> dict[str, list[str]]:
        """Indexed assets per asset, deleted ones too: each was billed."""
        rows = self._db.rows("SELECT id, asset_id FROM indexed_assets ORDER BY created_ms, rowid")
        return _group((row["asset_id"], row["id"]) for row in rows)

    def to_json(self) -> dict[str, Any]:
        return {
            "counts": self.counts(),
            "calls": [asdict(entry) for entry in self.calls()],
            "puts": [asdict(chunk) for chunk in self.puts()],
            "put_bytes": self.put_bytes(),
            "sessions": self.sessions(),
            "assets_by_sha256": self.assets_by_sha256(),
            "indexed_by_asset": self.indexed_by_asset(),
        }


def _entry(row: Row) -> LedgerEntry:
    values = dict(row)
    return LedgerEntry(**{**values, "is_answered": bool(values["is_answered"])})


def _chunk_puts(key: tuple[str, int], entries: list[LedgerEntry]) -> ChunkPuts:
    known_since = next((entry.seq for entry in entries if entry.status == 200 and entry.is_answered), None)
    return ChunkPuts(
        key[0],
        key[1],
        puts=len(entries),
        stored=sum(entry.status == 200 for entry in entries),
        repeated=sum(known_since is not None and entry.seq > known_since for entry in entries),
        received_bytes=sum(entry.received_bytes for entry in entries),
    )


def _group(pairs: Any) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
