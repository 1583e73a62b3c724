"""Pages of hits as moments in local files: none twice, none left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsync.api import SearchPages
from tlsync.api.types import SearchClip, SearchItem, SearchPageInfo, SearchResults
from tlsync.engine.local_moments import LocalMoments
from tlsync.store.reader import CatalogReader


class Hits:
    """A search with so many hits, in pages of a size; tokens are positions."""

    def __init__(self, total: int, page_limit: int, *, clips_per_video: int = 0) -> None:
        self.total, self.page_limit, self.clips = total, page_limit, clips_per_video

    def page(self, token: str) -> SearchResults:
        start = int(token)
        end = min(start + self.page_limit, self.total)
        data = tuple(self._item(number) for number in range(start, end))
        return SearchResults(
            data=data, page_info=SearchPageInfo(next_page_token=str(end) if end < self.total else None)
        )

    def _item(self, number: int) -> SearchItem:
        video = f"{number:024x}"
        if self.clips:
            return SearchItem(id=video, clips=tuple(SearchClip(start=float(n), end=n + 1.0) for n in range(self.clips)))
        return SearchItem(video_id=video, start=float(number), end=number + 1.0, rank=number + 1)

    def pages(self, token: str = "0") -> SearchPages:
        return SearchPages(self.page(token), self.page)


@pytest.fixture
def local(tmp_path: Path) -> LocalMoments:
    return LocalMoments(CatalogReader(tmp_path), "65f0b0000000000000000a01")


@pytest.mark.parametrize("limit", [1, 10, 50, 51, 60, 101])
def test_going_on_by_token_gives_every_hit_once(local: LocalMoments, limit: int) -> None:
    page_limit = limit // -(-limit // 50)
    hits = Hits(137, page_limit)
    ranks: list[int] = []
    token: str | None = "0"
    while token is not None:
        moments, token = local.gather(hits.pages(token), limit)
        assert 0 < len(moments) <= limit
        ranks += [moment.rank for moment in moments]
    assert ranks == list(range(1, 138))


def test_videos_are_counted_where_hits_are_grouped(local: LocalMoments) -> None:
    moments, token = local.gather(Hits(30, 10, clips_per_video=3).pages(), 10, by_video=True)
    assert (len(moments), token) == (30, "10")


def test_a_hit_without_a_local_file_says_so(local: LocalMoments) -> None:
    (moment, *_), _ = local.gather(Hits(1, 10).pages(), 10)
    assert (moment.path, moment.is_online) == (None, False)


def test_hits_elsewhere_are_left_out_and_later_pages_are_asked_for(local: LocalMoments) -> None:
    assert local.gather(Hits(30, 10).pages(), 10, folder=Path("/footage")) == ([], None)
