"""Searches and their hits."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import field

from tlsync.api.types.base import Number, UserMetadata, Wire
from tlsync.models import IndexedAssetId, IndexId


class SearchPool(Wire, frozen=True, kw_only=True):
    """What was searched."""

    total_count: Number | None = None
    total_duration: Number | None = None
    index_id: IndexId | None = None


class SearchPageInfo(Wire, frozen=True, kw_only=True):
    """Where a search stands. Tokens work until `page_expires_at`; no `next_page_token`, no further page."""

    limit_per_page: int | None = None
    page_expires_at: str | None = None
    total_results: int | None = None
    total_inner_matches: int | None = None
    next_page_token: str | None = None
    prev_page_token: str | None = None


class SearchClip(Wire, frozen=True, kw_only=True):
    """A moment that was found. `rank` 1 is the best; `score` and `confidence` are of Marengo 2.7 only."""

    start: Number | None = None
    end: Number | None = None
    video_id: IndexedAssetId | None = None
    rank: int | None = None
    score: Number | None = None
    confidence: str | None = None
    thumbnail_url: str | None = None
    transcription: str | None = None
    user_metadata: UserMetadata = field(default_factory=dict)


class SearchItem(SearchClip, frozen=True, kw_only=True):
    """A hit: a moment, or with `group_by="video"` a video (`id`) with `clips` in it."""

    id: IndexedAssetId | None = None
    clips: tuple[SearchClip, ...] = ()


class SearchResults(Wire, frozen=True, kw_only=True):
    """One page of hits."""

    search_pool: SearchPool | None = None
    data: tuple[SearchItem, ...] = ()
    page_info: SearchPageInfo = SearchPageInfo()

    @property
    def items(self) -> Sequence[SearchItem]:
        return self.data

    @property
    def next_page_token(self) -> str | None:
        return self.page_info.next_page_token or None
