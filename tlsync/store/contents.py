"""Contents and what the platform made of them: assets, indexed assets, enrichments, and what was learned of it.

A content row without `sha256` belongs to the one file that is on its way to prove it; `claim` decides
that under the write lock, so two files with equal fingerprints never both upload.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from tlsync.clock import Clock, from_text, to_text
from tlsync.models import (
    AssetId,
    ContentId,
    EnrichmentKind,
    FileId,
    IndexedAssetId,
    IndexId,
    MediaInfo,
    RootId,
)
from tlsync.store.database import CatalogDatabase


@dataclass(frozen=True, slots=True)
class Content:
    """What a file holds. `sha256` is None until the whole was read."""

    id: ContentId
    size_bytes: int
    fingerprint: str
    sha256: str | None
    media: MediaInfo


@dataclass(frozen=True, slots=True)
class AssetRow:
    """The platform's copy of a content."""

    asset_id: AssetId
    filename: str
    status: str


@dataclass(frozen=True, slots=True)
class IndexedAssetRow:
    """A content in an index. `indexed_asset_id` is None while only the intent is noted."""

    content_id: ContentId
    index_id: IndexId
    indexed_asset_id: IndexedAssetId | None
    status: str
    is_stamped: bool
    intended_at: datetime
    indexed_at: datetime | None


@dataclass(frozen=True, slots=True)
class EnrichmentRow:
    """One text of the platform. `value` is as in the sidecar; None with a `reason` when there is none."""

    kind: EnrichmentKind
    value: Any
    reason: str | None
    source: str
    model: str | None
    prompt_sha256: str | None
    fetched_at: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Who may go on with a content: see `Contents.claim`."""

    kind: Literal["mine", "busy", "known"]
    content: Content
    holder: FileId | None = None


def _to_content(row: sqlite3.Row) -> Content:
    return Content(
        id=ContentId(row["id"]),
        size_bytes=row["size_bytes"],
        fingerprint=row["fingerprint"],
        sha256=row["sha256"],
        media=MediaInfo(
            kind=row["kind"],
            duration_s=row["duration_s"],
            container=row["container"],
            width=row["width"],
            height=row["height"],
            fps=row["fps"],
            video_codec=row["video_codec"],
            audio_codec=row["audio_codec"],
            start_timecode=row["start_timecode"],
        ),
    )


class Contents:
    """Everything that hangs on a content rather than on a path."""

    def __init__(self, db: CatalogDatabase, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    def get(self, content_id: ContentId) -> Content:
        row = self._db.row("SELECT * FROM contents WHERE id = ?", content_id)
        assert row is not None, "contents are never deleted while a file refers to them"
        return _to_content(row)

    def lookalikes(self, size_bytes: int, fingerprint: str) -> list[Content]:
        """Contents that may be the same; only SHA-256 tells."""
        rows = self._db.rows("SELECT * FROM contents WHERE size_bytes = ? AND fingerprint = ?", size_bytes, fingerprint)
        return [_to_content(row) for row in rows]

    def add(self, size_bytes: int, fingerprint: str, media: MediaInfo) -> Content:
        """A content nobody knew before."""
        with self._db.write() as connection:
            cursor = connection.execute(
                "INSERT INTO contents (size_bytes, fingerprint, kind, container, duration_s, width, height, fps,"
                " video_codec, audio_codec, start_timecode, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    size_bytes,
                    fingerprint,
                    media.kind,
                    media.container,
                    media.duration_s,
                    media.width,
                    media.height,
                    media.fps,
                    media.video_codec,
                    media.audio_codec,
                    media.start_timecode,
                    to_text(self._clock.now()),
                ),
            )
            return self.get(ContentId(cursor.lastrowid or 0))

    def claim(self, file_id: FileId, size_bytes: int, fingerprint: str, media: MediaInfo) -> Claim:
        """Decide what a file with this fingerprint may do. Call it inside the transaction that notes the outcome.

        Returns:
            `known`: proven content with the same fingerprint exists; compare SHA-256.
            `busy`: another file with this fingerprint is on its way; wait for it.
            `mine`: go on with this content; no other file will.
        """
        with self._db.write():
            unproven: Content | None = None
            for content in self.lookalikes(size_bytes, fingerprint):
                if content.sha256 is not None:
                    return Claim("known", content)
                unproven = content
            if unproven is None:
                return Claim("mine", self.add(size_bytes, fingerprint, media))
            # Among files that only wait, the first one goes: otherwise two could wait for each other.
            holder = self._db.row(
                "SELECT id FROM files WHERE content_id = ? AND id <> ? AND ("
                " state = 'uploading' OR (state = 'failed' AND retry_at IS NOT NULL AND came_from = 'uploading')"
                " OR (id < ? AND (state = 'identified'"
                " OR (state = 'failed' AND retry_at IS NOT NULL AND came_from = 'identified')))) ORDER BY id",
                unproven.id,
                file_id,
                file_id,
            )
            if holder is None:
                return Claim("mine", unproven)
            return Claim("busy", unproven, FileId(holder["id"]))

    def prove(self, content_id: ContentId, sha256: str) -> None:
        """Note the SHA-256 of a content that was read whole."""
        with self._db.write() as connection:
            connection.execute("UPDATE contents SET sha256 = ? WHERE id = ?", (sha256, content_id))

    # Assets

    def asset(self, content_id: ContentId) -> AssetRow | None:
        row = self._db.row("SELECT * FROM assets WHERE content_id = ?", content_id)
        return AssetRow(AssetId(row["asset_id"]), row["filename"], row["status"]) if row else None

    def set_asset(self, content_id: ContentId, asset_id: AssetId, filename: str, status: str) -> None:
        with self._db.write() as connection:
            connection.execute(
                "INSERT INTO assets (content_id, asset_id, filename, status, checked_at) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (content_id) DO UPDATE SET asset_id = excluded.asset_id,"
                " filename = excluded.filename, status = excluded.status, checked_at = excluded.checked_at",
                (content_id, asset_id, filename, status, to_text(self._clock.now())),
            )

    def drop_asset(self, content_id: ContentId) -> None:
        """The platform no longer has the asset."""
        with self._db.write() as connection:
            connection.execute("DELETE FROM assets WHERE content_id = ?", (content_id,))

    # Indexed assets

    def indexed(self, content_id: ContentId, index_id: IndexId) -> IndexedAssetRow | None:
        row = self._db.row("SELECT * FROM indexed_assets WHERE content_id = ? AND index_id = ?", content_id, index_id)
        if row is None:
            return None
        return IndexedAssetRow(
            content_id=content_id,
            index_id=index_id,
            indexed_asset_id=row["indexed_asset_id"],
            status=row["status"],
            is_stamped=bool(row["is_stamped"]),
            intended_at=from_text(row["intended_at"]),
            indexed_at=from_text(row["indexed_at"]) if row["indexed_at"] else None,
        )

    def is_known_asset(self, asset_id: AssetId) -> bool:
        return self._db.row("SELECT 1 FROM assets WHERE asset_id = ?", asset_id) is not None

    def is_known_indexed(self, indexed_asset_id: IndexedAssetId) -> bool:
        return bool(self._db.row("SELECT 1 FROM indexed_assets WHERE indexed_asset_id = ?", indexed_asset_id))

    def intend_indexing(
        self, content_id: ContentId, index_id: IndexId, *, at: datetime | None = None
    ) -> IndexedAssetRow:
        """Note that the content is about to be indexed, before the call; an earlier note is kept.

        Args:
            at: The instant by the platform's clock, by which its entries are judged later.
        """
        with self._db.write() as connection:
            connection.execute(
                "INSERT INTO indexed_assets (content_id, index_id, status, intended_at) VALUES (?, ?, 'intended', ?)"
                " ON CONFLICT DO NOTHING",
                (content_id, index_id, to_text(at or self._clock.now())),
            )
        row = self.indexed(content_id, index_id)
        assert row is not None
        return row

    def set_indexed(
        self,
        content_id: ContentId,
        index_id: IndexId,
        indexed_asset_id: IndexedAssetId,
        status: str,
        *,
        indexed_at: datetime | None = None,
    ) -> None:
        with self._db.write() as connection:
            self.intend_indexing(content_id, index_id)
            connection.execute(
                "UPDATE indexed_assets SET indexed_asset_id = ?, status = ?, indexed_at = COALESCE(?, indexed_at)"
                " WHERE content_id = ? AND index_id = ?",
                (indexed_asset_id, status, to_text(indexed_at) if indexed_at else None, content_id, index_id),
            )

    def set_stamped(self, content_id: ContentId, index_id: IndexId) -> None:
        """The fingerprint and hash are in the platform's user metadata."""
        with self._db.write() as connection:
            connection.execute(
                "UPDATE indexed_assets SET is_stamped = 1 WHERE content_id = ? AND index_id = ?",
                (content_id, index_id),
            )

    def drop_indexed(self, content_id: ContentId, index_id: IndexId) -> None:
        """The platform no longer has it in this index."""
        with self._db.write() as connection:
            connection.execute(
                "DELETE FROM indexed_assets WHERE content_id = ? AND index_id = ?", (content_id, index_id)
            )

    # Enrichments

    def enrichments(self, content_id: ContentId, index_id: IndexId) -> dict[str, EnrichmentRow]:
        rows = self._db.rows("SELECT * FROM enrichments WHERE content_id = ? AND index_id = ?", content_id, index_id)
        return {
            row["kind"]: EnrichmentRow(
                kind=row["kind"],
                value=msgspec.json.decode(row["value"]) if row["value"] is not None else None,
                reason=row["reason"],
                source=row["source"],
                model=row["model"],
                prompt_sha256=row["prompt_sha256"],
                fetched_at=row["fetched_at"],
            )
            for row in rows
        }

    def files_that_lack(
        self, root_id: RootId, index_id: IndexId, kinds: Collection[str], span: tuple[bytes, bytes]
    ) -> list[FileId]:
        """Finished files of a root, from one path up to before another, whose content lacks some of these texts."""
        marks = ",".join("?" * len(kinds))
        rows = self._db.rows(
            "SELECT id FROM files WHERE root_id = ? AND path >= ? AND path < ? AND state = 'enriched'"  # noqa: S608
            " AND content_id IS NOT NULL AND (SELECT count(*) FROM enrichments"
            " WHERE enrichments.content_id = files.content_id AND index_id = ?"
            f" AND kind IN ({marks})) < ?",
            root_id,
            *span,
            index_id,
            *kinds,
            len(set(kinds)),
        )
        return [FileId(row["id"]) for row in rows]

    def set_enrichment(
        self,
        content_id: ContentId,
        index_id: IndexId,
        kind: EnrichmentKind,
        value: Any,
        *,
        source: str,
        model: str | None,
        prompt_sha256: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Keep a text the moment it came: it was paid for."""
        text = None if value is None else msgspec.json.encode(value).decode()
        with self._db.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO enrichments (content_id, index_id, kind, value, reason, source, model,"
                " prompt_sha256, fetched_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    content_id,
                    index_id,
                    kind,
                    text,
                    reason,
                    source,
                    model,
                    prompt_sha256,
                    to_text(self._clock.now()),
                ),
            )

    def restore_enrichment(self, content_id: ContentId, index_id: IndexId, row: EnrichmentRow) -> None:
        """Keep a text that a sidecar has, with where it came from; one that is known already stays."""
        text = None if row.value is None else msgspec.json.encode(row.value).decode()
        with self._db.write() as connection:
            connection.execute(
                "INSERT INTO enrichments (content_id, index_id, kind, value, reason, source, model, prompt_sha256,"
                " fetched_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    content_id,
                    index_id,
                    row.kind,
                    text,
                    row.reason,
                    row.source,
                    row.model,
                    row.prompt_sha256,
                    row.fetched_at,
                ),
            )

    # What was learned of the platform

    def learned(self, topic: str, *, valid_for: timedelta) -> str | None:
        """What was found out about the platform, unless that is too long ago."""
        row = self._db.row("SELECT value, learned_at FROM learned WHERE topic = ?", topic)
        if row is None or self._clock.now() - from_text(row["learned_at"]) > valid_for:
            return None
        return str(row["value"])

    def learn(self, topic: str, value: str) -> None:
        with self._db.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO learned (topic, value, learned_at) VALUES (?, ?, ?)",
                (topic, value, to_text(self._clock.now())),
            )
