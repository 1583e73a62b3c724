"""From the platform's hits to moments in local files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tlsync.api import SearchPages
from tlsync.api.types import SearchClip, SearchItem
from tlsync.patience import Presence
from tlsync.states import FileState
from tlsync.store.reader import CatalogReader, FileView


@dataclass(frozen=True, slots=True)
class Moment:
    """A hit. `path` None: the platform has it, but no file here does. Times are seconds from the start."""

    rank: int
    path: Path | None
    is_online: bool
    indexed_asset_id: str
    start_s: float
    end_s: float
    confidence: str | None
    transcription: str | None
    thumbnail_url: str | None


class LocalMoments:
    """Knows which local files are behind an index's indexed assets."""

    def __init__(self, reader: CatalogReader, index_id: str) -> None:
        self._reader = reader
        self._index_id = index_id
        self._views: dict[str, list[FileView]] = {}
        self._presence = Presence()

    def ids_below(self, folder: Path) -> set[str]:
        """Indexed assets of the index that have a file at or below a path."""
        return {
            view.indexed_asset_id
            for view in self._reader.files(folder)
            if view.index_id == self._index_id and view.indexed_asset_id is not None
        }

    def gather(
        self, pages: SearchPages, limit: int, *, folder: Path | None = None, by_video: bool = False
    ) -> tuple[list[Moment], str | None]:
        """Moments of as many pages as are needed, and the token of the page after them.

        Pages are taken whole, so that the token neither repeats nor skips a hit. Only where hits are left out here
        (`folder`) can a page hold more than is wanted: then it is cut, and there is no token.

        Args:
            limit: Most moments, or with `by_video` most videos.
        """
        found: list[Moment] = []
        token: str | None = None
        for page in pages.pages():
            found += self.moments(page.data, folder)
            token = page.next_page_token
            reached = len({moment.indexed_asset_id for moment in found}) if by_video else len(found)
            if reached >= limit or (folder is None and reached + len(page.data) > limit):
                break
        kept = _first_videos(found, limit) if by_video else found[:limit]
        return kept, token if len(kept) == len(found) else None

    def moments(self, items: Iterable[SearchItem], folder: Path | None = None) -> Iterator[Moment]:
        """One moment per clip, in the platform's order; grouped hits are taken apart.

        Args:
            folder: Only moments of files at or below this path.
        """
        rank = 0
        for item in items:
            for clip in item.clips or (item,):
                video_id = clip.video_id or item.video_id or item.id
                if not video_id:
                    continue
                views = self._files_of(video_id)
                if folder is not None:
                    views = [view for view in views if _is_below(view, folder)]
                    if not views:
                        continue
                rank += 1
                yield _moment(clip, video_id, views, clip.rank or rank, self._presence)

    def _files_of(self, indexed_asset_id: str) -> list[FileView]:
        """The files behind a hit, looked up once however many hits there are."""
        if indexed_asset_id not in self._views:
            self._views[indexed_asset_id] = self._reader.files_of_indexed_asset(self._index_id, indexed_asset_id)
        return self._views[indexed_asset_id]


def _first_videos(moments: list[Moment], limit: int) -> list[Moment]:
    """Moments of the first `limit` videos."""
    videos = list(dict.fromkeys(moment.indexed_asset_id for moment in moments))[:limit]
    return [moment for moment in moments if moment.indexed_asset_id in videos]


def _moment(
    clip: SearchItem | SearchClip, video_id: str, views: list[FileView], rank: int, presence: Presence
) -> Moment:
    online = [view for view in views if view.state != FileState.MISSING and presence.has(view.path, view.root)]
    view = next(iter(online or views), None)
    return Moment(
        rank=rank,
        path=view.path if view else None,
        is_online=bool(online),
        indexed_asset_id=video_id,
        start_s=clip.start or 0.0,
        end_s=clip.end or 0.0,
        confidence=clip.confidence,
        transcription=clip.transcription,
        thumbnail_url=clip.thumbnail_url,
    )


def _is_below(view: FileView, folder: Path) -> bool:
    return view.path == folder or folder in view.path.parents
