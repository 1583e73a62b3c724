"""Which of several entries for one content counts: all machines must come to the same answer."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

from tlsync.api.types import IndexedAsset, VideoSystemMetadata
from tlsync.engine.stamps import STAMP_FINGERPRINT, STAMP_SHA256, Stamped, read_stamp, spares_of, winner_of
from tlsync.models import IndexedAssetId

A, B = "a" * 64, "b" * 64


def stamped(name: str, second: int, sha256: str = A) -> Stamped:
    at = datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC)
    return Stamped(IndexedAssetId(name), None, "fp", sha256, "ready", at, None, "clip.mp4")


def test_the_oldest_counts_in_whatever_order_they_are_listed() -> None:
    entries = [stamped("c", 2), stamped("b", 1), stamped("a", 1)]
    winners = {winner_of(order) for order in itertools.permutations(entries)}
    assert winners == {entries[2]}


def test_nothing_is_the_winner_of_nothing() -> None:
    assert winner_of([]) is None


def test_spares_are_told_apart_by_content() -> None:
    entries = [stamped("a", 1), stamped("b", 2), stamped("c", 3, B), stamped("d", 2, B)]
    assert spares_of(entries) == [entries[1], entries[2]]


def test_an_entry_that_failed_or_has_no_stamp_does_not_count() -> None:
    metadata = {STAMP_FINGERPRINT: "fp", STAMP_SHA256: A}
    whole = IndexedAsset(
        id=IndexedAssetId("e" * 24), status="ready", created_at="2026-01-01T00:00:00Z", user_metadata=metadata
    )
    assert read_stamp(whole) is not None
    for other in (
        IndexedAsset(id=whole.id, status="failed", user_metadata=metadata),
        IndexedAsset(id=whole.id, status="ready", user_metadata={STAMP_FINGERPRINT: "fp"}),
        IndexedAsset(id=whole.id, status="ready", user_metadata={STAMP_FINGERPRINT: 1, STAMP_SHA256: A}),
        IndexedAsset(status="ready", user_metadata=metadata, system_metadata=VideoSystemMetadata()),
    ):
        assert read_stamp(other) is None


def test_an_entry_without_a_readable_date_comes_last() -> None:
    dated = stamped("z", 59)
    undated = read_stamp(
        IndexedAsset(
            id=IndexedAssetId("a"), created_at="yesterday", user_metadata={STAMP_FINGERPRINT: "fp", STAMP_SHA256: A}
        )
    )
    assert undated is not None
    assert winner_of([undated, dated]) == dated
