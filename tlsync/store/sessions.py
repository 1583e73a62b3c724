"""Upload sessions and the chunks whose ETag came back.

Kept here: a chunk is in the table only after storage acknowledged it, and once it is there it is not
sent again while its session lives.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tlsync.clock import Clock, from_text, to_text
from tlsync.models import AssetId, ContentId, StatSignature, UploadId
from tlsync.store.database import CatalogDatabase

_SECRET_HEADER = re.compile(r"auth|token|secret|credential|signature|password|cookie|key$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Session:
    """One multipart upload. `headers` go with every chunk; presigned URLs are never stored.

    `source` is how the file looked for which it was opened; None: an earlier tlsync opened it.
    `lacks_headers`: some that looked like credentials were not stored, and went with the process that had them.
    """

    id: int
    content_id: ContentId
    upload_id: UploadId
    asset_id: AssetId
    size_bytes: int
    chunk_bytes: int
    headers: Mapping[str, str]
    expires_at: datetime | None
    source: StatSignature | None
    lacks_headers: bool


@dataclass(frozen=True, slots=True)
class Doubt:
    """Sessions that were asked for since `since`, and whose answers never came: so many may exist on the platform."""

    since: datetime
    count: int


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An upload that was begun, by its content."""

    content_id: ContentId
    left_bytes: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class SentChunk:
    """A chunk that storage has, with its proof."""

    number: int
    size_bytes: int
    etag: str
    is_reported: bool


def _is_secret(header: str) -> bool:
    return _SECRET_HEADER.search(header) is not None


def _to_session(row: sqlite3.Row, secret: Mapping[str, str]) -> Session:
    """A row as a session, with the headers that live in memory only. In the row these have no value."""
    stored: dict[str, str | None] = json.loads(row["headers"])
    headers = {name: value for name, value in stored.items() if value is not None} | dict(secret)
    return Session(
        id=row["id"],
        content_id=row["content_id"],
        upload_id=row["upload_id"],
        asset_id=row["asset_id"],
        size_bytes=row["size_bytes"],
        chunk_bytes=row["chunk_bytes"],
        headers=headers,
        expires_at=from_text(row["expires_at"]) if row["expires_at"] else None,
        source=StatSignature(*json.loads(row["source"])) if row["source"] else None,
        lacks_headers=not stored.keys() <= headers.keys(),
    )


class Sessions:
    """The journal of uploads."""

    def __init__(self, db: CatalogDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._secret_headers: dict[str, dict[str, str]] = {}
        """By session, for as long as this process lives."""

    def active(self, content_id: ContentId) -> Session | None:
        """The session that a content's upload goes on with."""
        row = self._db.row("SELECT * FROM sessions WHERE content_id = ? AND state = 'active'", content_id)
        return _to_session(row, self._secret_headers.get(row["upload_id"], {})) if row else None

    def under_way(self, now: datetime) -> list[UnderWay]:
        """The uploads that were begun, can go on and have not expired, with what is still to be sent."""
        rows = self._db.rows(
            "SELECT content_id, expires_at, size_bytes -"
            " (SELECT coalesce(sum(size_bytes), 0) FROM chunks WHERE session_id = sessions.id) AS left_bytes"
            " FROM sessions WHERE state = 'active' AND (expires_at IS NULL OR expires_at > ?)"
            " AND EXISTS (SELECT 1 FROM files JOIN roots ON roots.id = files.root_id WHERE"
            " content_id = sessions.content_id AND state = 'uploading' AND condition = 'online')",
            to_text(now),
        )
        return [
            UnderWay(row["content_id"], row["left_bytes"], from_text(row["expires_at"]) if row["expires_at"] else None)
            for row in rows
        ]

    def intend(self, content_id: ContentId, at: datetime) -> None:
        """Note that a session is about to be asked for, before the call.

        Args:
            at: The instant by the platform's clock.
        """
        with self._db.write() as connection:
            connection.execute(
                "INSERT INTO openings (content_id, intended_at, unanswered) VALUES (?, ?, 1)"
                " ON CONFLICT (content_id) DO UPDATE SET unanswered = unanswered + 1",
                (content_id, to_text(at)),
            )

    def answered(self, content_id: ContentId) -> None:
        """The last intent is no longer in doubt: the platform refused it, or its session is noted."""
        with self._db.write() as connection:
            connection.execute("UPDATE openings SET unanswered = unanswered - 1 WHERE content_id = ?", (content_id,))
            connection.execute("DELETE FROM openings WHERE content_id = ? AND unanswered < 1", (content_id,))

    def doubt(self, content_id: ContentId) -> Doubt | None:
        """What earlier calls may have left behind, None if all were answered."""
        row = self._db.row("SELECT * FROM openings WHERE content_id = ?", content_id)
        return Doubt(from_text(row["intended_at"]), row["unanswered"]) if row else None

    def is_known(self, upload_id: UploadId) -> bool:
        """Whether a session is, or was, one of this catalog."""
        return self._db.row("SELECT 1 FROM sessions WHERE upload_id = ?", upload_id) is not None

    def known(self, upload_ids: Iterable[str]) -> set[str]:
        """Which of some sessions are, or were, of this catalog."""
        rows = self._db.rows(
            "SELECT upload_id FROM sessions WHERE upload_id IN (SELECT value FROM json_each(?))",
            json.dumps(list(upload_ids)),
        )
        return {row[0] for row in rows}

    def is_known_asset(self, asset_id: AssetId) -> bool:
        """Whether an asset is, or was to be, one of this catalog."""
        return self._db.row("SELECT 1 FROM sessions WHERE asset_id = ?", asset_id) is not None

    def has_sent(self, content_id: ContentId) -> bool:
        """Whether this machine sent the content, whatever became of it there."""
        return (
            self._db.row("SELECT 1 FROM sessions WHERE content_id = ? AND state = 'completed'", content_id) is not None
        )

    def open(
        self,
        content_id: ContentId,
        upload_id: UploadId,
        asset_id: AssetId,
        *,
        size_bytes: int,
        chunk_bytes: int,
        headers: Mapping[str, str],
        expires_at: datetime | None,
        source: StatSignature | None = None,
    ) -> Session:
        """Note a session that the platform opened; it takes the place of an active one, and answers an intent."""
        secret = {name: value for name, value in headers.items() if _is_secret(name)}
        if secret:
            self._secret_headers[upload_id] = secret
        with self._db.write() as connection:
            self.abandon(content_id)
            self.answered(content_id)
            connection.execute(
                "INSERT INTO sessions (content_id, upload_id, asset_id, size_bytes, chunk_bytes, headers, state,"
                " opened_at, expires_at, source) VALUES (?, ?, ?, ?, ?, ?, 'active', ?, ?, ?)",
                (
                    content_id,
                    upload_id,
                    asset_id,
                    size_bytes,
                    chunk_bytes,
                    json.dumps(dict(headers) | dict.fromkeys(secret)),
                    to_text(self._clock.now()),
                    to_text(expires_at) if expires_at else None,
                    json.dumps(source) if source else None,
                ),
            )
            session = self.active(content_id)
        assert session is not None
        return session

    def abandon(self, content_id: ContentId) -> None:
        """Give up a content's active session: it expired, failed, or its file changed."""
        with self._db.write() as connection:
            connection.execute(
                "DELETE FROM chunks WHERE session_id IN"
                " (SELECT id FROM sessions WHERE content_id = ? AND state = 'active')",
                (content_id,),
            )
            connection.execute(
                "UPDATE sessions SET state = 'abandoned' WHERE content_id = ? AND state = 'active'", (content_id,)
            )

    def complete(self, session: Session) -> None:
        """The platform has the whole file; the chunks' proofs are no longer needed."""
        with self._db.write() as connection:
            connection.execute("DELETE FROM chunks WHERE session_id = ?", (session.id,))
            connection.execute("UPDATE sessions SET state = 'completed' WHERE id = ?", (session.id,))
            connection.execute("DELETE FROM openings WHERE content_id = ?", (session.content_id,))

    def chunks(self, session: Session) -> dict[int, SentChunk]:
        """The chunks that storage acknowledged, by number."""
        rows = self._db.rows("SELECT * FROM chunks WHERE session_id = ?", session.id)
        return {
            row["number"]: SentChunk(row["number"], row["size_bytes"], row["etag"], bool(row["is_reported"]))
            for row in rows
        }

    def record(self, session: Session, number: int, size_bytes: int, etag: str) -> None:
        """Storage acknowledged a chunk."""
        with self._db.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO chunks (session_id, number, size_bytes, etag) VALUES (?, ?, ?, ?)",
                (session.id, number, size_bytes, etag),
            )

    def reported(self, session: Session, numbers: Iterable[int]) -> None:
        """The platform took the report of these chunks."""
        with self._db.write() as connection:
            connection.executemany(
                "UPDATE chunks SET is_reported = 1 WHERE session_id = ? AND number = ?",
                [(session.id, number) for number in numbers],
            )

    def discard(self, session: Session, number: int) -> None:
        """A chunk turned out not to be on the platform: it has to be sent again."""
        with self._db.write() as connection:
            connection.execute("DELETE FROM chunks WHERE session_id = ? AND number = ?", (session.id, number))
