"""The stamp: what tlsync writes into an indexed asset's user metadata, so that any machine knows the content. Pure.

Two machines that were equally quick may leave two entries for one content. Which of them counts follows from the
entries alone, so all machines agree without speaking to each other; the others are spares.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from tlsync.api.types import IndexedAsset
from tlsync.clock import from_text
from tlsync.models import IndexedAssetId
from tlsync.store.contents import Content

STAMP_FINGERPRINT = "tlsync_fp"
STAMP_SHA256 = "tlsync_sha256"
STAMP_SIZE = "tlsync_size"

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Stamped:
    """An indexed asset with tlsync's stamp. `created_at` orders those of one content."""

    indexed_asset_id: IndexedAssetId
    asset_id: str | None
    fingerprint: str
    sha256: str
    status: str
    created_at: datetime
    indexed_at: datetime | None
    filename: str


def stamp_of(content: Content) -> dict[str, str | int]:
    """The user metadata for a content that was read whole."""
    assert content.sha256 is not None, "only what was read whole is stamped"
    return {
        STAMP_FINGERPRINT: content.fingerprint,
        STAMP_SHA256: content.sha256,
        STAMP_SIZE: content.size_bytes,
    }


def is_stamped(entry: IndexedAsset) -> bool:
    """Whether an entry, with its user metadata, bears the stamp."""
    return isinstance(entry.user_metadata.get(STAMP_SHA256), str)


def read_stamp(entry: IndexedAsset) -> Stamped | None:
    """The stamp of an entry; None if it has none, or can't be used: the platform could not index it."""
    fingerprint, sha256 = entry.user_metadata.get(STAMP_FINGERPRINT), entry.user_metadata.get(STAMP_SHA256)
    if not isinstance(fingerprint, str) or not isinstance(sha256, str) or not entry.id or entry.status == "failed":
        return None
    return Stamped(
        indexed_asset_id=entry.id,
        asset_id=entry.asset_id,
        fingerprint=fingerprint,
        sha256=sha256,
        status=entry.status or "pending",
        created_at=instant_of(entry.created_at) or _NEVER,
        indexed_at=instant_of(entry.indexed_at),
        filename=(entry.system_metadata.filename if entry.system_metadata else None) or "",
    )


def winner_of(stamped: Iterable[Stamped]) -> Stamped | None:
    """Of several entries for one content, the one that all machines use: the oldest; None if there is none."""
    return min(stamped, key=lambda entry: (entry.created_at, entry.indexed_asset_id), default=None)


def spares_of(stamped: Iterable[Stamped]) -> list[Stamped]:
    """The entries that no machine uses, since an older one has the same content."""
    by_content: dict[str, list[Stamped]] = {}
    for entry in stamped:
        by_content.setdefault(entry.sha256, []).append(entry)
    return [entry for entries in by_content.values() for entry in entries if entry != winner_of(entries)]


def instant_of(text: str | None) -> datetime | None:
    """An instant as the platform writes it; None if it says nothing that can be read."""
    try:
        return from_text(text) if text else None
    except ValueError:
        return None
