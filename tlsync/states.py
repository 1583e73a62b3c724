"""The life of a file: its states, and which may follow which. Pure."""

from __future__ import annotations

from enum import StrEnum


class FileState(StrEnum):
    """Where a file is on its way; see the table in README."""

    DISCOVERED = "discovered"
    SETTLING = "settling"
    IDENTIFIED = "identified"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    ASSET_READY = "asset_ready"
    INDEXING = "indexing"
    READY = "ready"
    ENRICHED = "enriched"
    INELIGIBLE = "ineligible"
    FAILED = "failed"
    MISSING = "missing"


S = FileState

AT_REST = frozenset({S.ENRICHED, S.INELIGIBLE, S.FAILED, S.MISSING})
"""States that nothing leaves by itself, but for a failed file whose time to retry has come."""

ON_PLATFORM = frozenset({S.UPLOADED, S.ASSET_READY, S.INDEXING, S.READY, S.ENRICHED})
"""States of a file whose bytes the platform has."""

UNDER_WAY = frozenset({S.UPLOADING, S.UPLOADED, S.ASSET_READY, S.INDEXING, S.READY})
"""States in which a file's way to the platform, its index or its texts has begun, and costs more."""

_FORWARD: dict[FileState, frozenset[FileState]] = {
    S.DISCOVERED: frozenset({S.SETTLING}),
    S.SETTLING: frozenset({S.IDENTIFIED, S.INELIGIBLE}),
    # A known content is taken over at whatever point the platform has it.
    S.IDENTIFIED: frozenset({S.UPLOADING, S.UPLOADED, S.ASSET_READY, S.INDEXING, S.READY, S.SETTLING, S.INELIGIBLE}),
    # Straight to indexing: another machine sent the same content meanwhile.
    S.UPLOADING: frozenset({S.UPLOADED, S.INDEXING, S.IDENTIFIED, S.SETTLING}),
    # Back to identified: the platform says that it no longer has the asset.
    S.UPLOADED: frozenset({S.ASSET_READY, S.IDENTIFIED, S.SETTLING}),
    S.ASSET_READY: frozenset({S.INDEXING, S.IDENTIFIED, S.SETTLING}),
    S.INDEXING: frozenset({S.READY, S.ASSET_READY, S.SETTLING}),
    S.READY: frozenset({S.ENRICHED, S.SETTLING, S.ASSET_READY}),
    S.ENRICHED: frozenset({S.READY, S.SETTLING}),
    S.INELIGIBLE: frozenset({S.SETTLING}),
    S.FAILED: frozenset(set(S) - {S.FAILED, S.MISSING, S.ENRICHED}),
    S.MISSING: frozenset(set(S) - {S.MISSING}),
}


def may_move(old: FileState, new: FileState) -> bool:
    """Whether a file may go from `old` to `new`. Any state may become missing or failed."""
    if new in (S.MISSING, S.FAILED):
        return old != new
    return new in _FORWARD[old]
