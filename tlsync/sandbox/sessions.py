"""An upload session as it is stored: its sizes, its state, its chunks."""

from __future__ import annotations

from dataclasses import dataclass

from tlsync.sandbox.database import Database, Row
from tlsync.sandbox.refusals import not_found


@dataclass(frozen=True, slots=True)
class Session:
    id: str
    asset_id: str
    size_bytes: int
    chunk_size_bytes: int
    total_chunks: int
    created_ms: int
    updated_ms: int
    expires_ms: int
    completed_ms: int | None

    def status(self, now_ms: int) -> str:
        if self.completed_ms is not None:
            return "completed"
        return "active" if now_ms < self.expires_ms else "expired"

    def chunk_bytes(self, chunk: int) -> int:
        """Exact size of one chunk; the last may be shorter."""
        return min(self.chunk_size_bytes, self.size_bytes - (chunk - 1) * self.chunk_size_bytes)


def read_session(db: Database, upload_id: str) -> Session:
    """Raises Refusal (404) for an unknown id."""
    row = db.row("SELECT * FROM sessions WHERE id = ?", (upload_id,))
    if row is None:
        raise not_found("upload", upload_id)
    return _session(row)


def read_incomplete(db: Database) -> list[Session]:
    """All that were not completed, newest first, expired ones too."""
    rows = db.rows("SELECT * FROM sessions WHERE completed_ms IS NULL ORDER BY created_ms DESC, rowid DESC")
    return [_session(row) for row in rows]


def read_parts(db: Database, upload_id: str) -> dict[int, Row]:
    """What is stored for each chunk that arrived."""
    return {row["chunk"]: row for row in db.rows("SELECT * FROM parts WHERE upload_id = ?", (upload_id,))}


def _session(row: Row) -> Session:
    return Session(
        row["id"],
        row["asset_id"],
        row["size_bytes"],
        row["chunk_size_bytes"],
        row["total_chunks"],
        row["created_ms"],
        row["updated_ms"],
        row["expires_ms"],
        row["completed_ms"],
    )
