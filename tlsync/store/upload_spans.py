"""How the last uploads went, as the catalog's history has them: from when to when, and how many bytes."""

from __future__ import annotations

from typing import NamedTuple

from tlsync.clock import from_text
from tlsync.store.reader import CatalogReader

_LAST = """
SELECT ended.at AS ended, contents.size_bytes,
       (SELECT max(began.at) FROM history AS began WHERE began.file_id = ended.file_id AND began.id < ended.id
        AND began.to_state = 'uploading') AS began
FROM history AS ended JOIN files ON files.id = ended.file_id JOIN contents ON contents.id = files.content_id
WHERE ended.to_state = 'uploaded' AND ended.from_state = 'uploading' ORDER BY ended.id DESC LIMIT ?
"""
_LONGEST_S = 86_400.0
"""An upload that took longer stood still for most of that time."""
_CHUNK_BYTES = 5 * 2**20
"""What the samples of the reference show; the platform decides it for each upload."""


class UploadSpan(NamedTuple):
    """One upload. Seconds are those of the epoch."""

    began_s: float
    ended_s: float
    size_bytes: int


def last_uploads(reader: CatalogReader, most: int = 30) -> list[UploadSpan]:
    """The last uploads that came to their end, newest first."""
    found = []
    for row in reader.walk(_LAST, most):
        if row["began"] is None:
            continue
        span = UploadSpan(from_text(row["began"]).timestamp(), from_text(row["ended"]).timestamp(), row["size_bytes"])
        if 0 < span.ended_s - span.began_s < _LONGEST_S:
            found.append(span)
    return found


def usual_rate(uploads: list[UploadSpan]) -> float | None:
    """Bytes per second over all that went at once: half of the bytes went faster. None without any."""
    rates: list[tuple[float, int]] = []
    for span in uploads:
        passed_bytes = sum(
            other.size_bytes
            * max(0.0, min(span.ended_s, other.ended_s) - max(span.began_s, other.began_s))
            / (other.ended_s - other.began_s)
            for other in uploads
        )
        rates.append((passed_bytes / (span.ended_s - span.began_s), span.size_bytes))
    half_bytes = sum(span.size_bytes for span in uploads) / 2
    for rate, size_bytes in sorted(rates):
        half_bytes -= size_bytes
        if half_bytes <= 0:
            return rate
    return None


def last_chunk_bytes(reader: CatalogReader) -> int:
    """How long the platform's chunks were the last time."""
    rows = reader.walk("SELECT chunk_bytes FROM sessions ORDER BY id DESC LIMIT 1")
    return next((int(row["chunk_bytes"]) for row in rows), _CHUNK_BYTES)


def has_summarize(reader: CatalogReader) -> bool:
    """Whether the last summary came by a call of its own, and not with all other texts."""
    rows = reader.walk("SELECT source FROM enrichments WHERE kind = 'summary' ORDER BY fetched_at DESC LIMIT 1")
    return any(row["source"] == "summarize" for row in rows)
