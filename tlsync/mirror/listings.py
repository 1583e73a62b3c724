"""What the tree asks the platform: entries without a file here, entities, and the hits of searches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from tlsync.clock import from_text
from tlsync.mirror.kept_answers import KeptAnswers, Known
from tlsync.mirror.library import Heard, Hit, Person, RemoteClip
from tlsync.models import IndexedAssetId, IndexId
from tlsync.store.clips import ClipReader

if TYPE_CHECKING:
    from tlsync.api import TwelveLabs
    from tlsync.api.types import IndexedAsset, SearchItem

T = TypeVar("T")

_LISTINGS_GOOD_FOR = timedelta(minutes=10)
_SEARCHES_GOOD_FOR = timedelta(days=1)
"""A search is counted by the platform; who walks through all of them again and again should not pay for it."""
_MOST_HITS = 50
_MOST_SEARCHES = 100
_WAYS = ("visual", "audio", "transcription")


class Listings:
    """The platform's side of the tree, from kept answers. See `mirror.library.Platform`."""

    def __init__(self, answers: KeptAnswers, catalog: ClipReader, connect: Callable[[], TwelveLabs]) -> None:
        """
        Args:
            connect: Gives the client; called in the background, when the first question is asked.
        """
        self._answers = answers
        self._catalog = catalog
        self._connect = connect

    def remote_only(self, index_id: str) -> Heard[RemoteClip]:
        """Entries of an index without a file on this machine. What came here since they were asked for is taken out."""
        here = self._catalog.known_entries(index_id)

        def ask() -> list[Any]:
            listed = self._connect().indexes.indexed_assets.list(IndexId(index_id), page_limit=50)
            return [_entry(item) for item in listed if item.id and item.id not in here]

        known = self._answers.get(f"entries {index_id}", ask, good_for=_LISTINGS_GOOD_FOR)
        return self._heard(f"entries {index_id}", known, _Entry, lambda clips: _without(clips, here))

    def people(self, index_id: str) -> Heard[Person]:
        """All entities of the account that can be searched for; they belong to no index."""

        def ask() -> list[Any]:
            collections = self._connect().entity_collections
            return [
                {"entity_id": str(entity.id), "name": entity.name or str(entity.id)}
                for collection in collections.list()
                if collection.id
                for entity in collections.entities.list(collection.id)
                if entity.id and entity.status != "processing"
            ]

        known = self._answers.get("entities", ask, good_for=_LISTINGS_GOOD_FOR)
        return self._heard("entities", known, Person)

    def sightings(self, index_id: str, person: Person) -> Heard[Hit]:
        """Moments that show an entity."""
        return self._hits(f"sightings {index_id} {person.entity_id}", index_id, f"<@{person.entity_id}>", ("visual",))

    def searches(self, index_id: str) -> list[str]:
        """The queries that are kept, the newest first."""
        beginning = f"search {index_id} "
        return [question.removeprefix(beginning) for question in self._answers.questions(beginning)]

    def search(self, index_id: str, query: str) -> Heard[Hit]:
        heard = self._hits(f"search {index_id} {query}", index_id, query, _WAYS)
        for old in self.searches(index_id)[_MOST_SEARCHES:]:
            self._answers.forget(f"search {index_id} {old}")
        return heard

    def _hits(self, question: str, index_id: str, query: str, ways: tuple[str, ...]) -> Heard[Hit]:
        def ask() -> list[Any]:
            pages = self._connect().search.create(
                index_id=IndexId(index_id), query_text=query, search_options=list(ways), page_limit=_MOST_HITS
            )
            first = next(iter(pages.pages()))
            return [msgspec.to_builtins(hit) for rank, item in enumerate(first.data, 1) if (hit := _hit(item, rank))]

        known = self._answers.get(question, ask, good_for=_SEARCHES_GOOD_FOR)
        return self._heard(question, known, Hit)

    def thumbnail(self, index_id: str, indexed_asset_id: str) -> bytes | None:
        """The platform's picture of an entry; None if it has none. Waits for the network.

        Raises:
            TlsyncError: It can't be had now.
        """
        client = self._connect()
        entry = client.indexes.indexed_assets.retrieve(IndexId(index_id), IndexedAssetId(indexed_asset_id))
        urls = entry.hls.thumbnail_urls if entry.hls else ()
        return client.pictures.get(urls[0]) if urls else None

    def _heard(
        self, question: str, known: Known, kind: type[T], choose: Callable[[list[T]], list[Any]] = lambda items: items
    ) -> Heard[Any]:
        try:
            items = choose(msgspec.convert(known.items or [], list[kind]))  # type: ignore[valid-type]
        except msgspec.ValidationError:
            self._answers.forget(question)  # kept by another version, whose answers looked otherwise
            return Heard((), "loading")
        if known.items is None:
            return Heard((), "failed", known.trouble) if known.trouble else Heard((), "loading")
        return Heard(tuple(items), "stale", known.trouble) if known.trouble else Heard(tuple(items))


class _Entry(msgspec.Struct, frozen=True):
    """An entry of an index as it is kept."""

    indexed_asset_id: str
    filename: str
    created_at: str | None
    facts: dict[str, Any]

    def remote(self) -> RemoteClip:
        at = _instant(self.created_at)
        return RemoteClip(self.indexed_asset_id, self.filename, int(at.timestamp() * 1e9) if at else 0, self.facts)


def _entry(item: IndexedAsset) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "indexed_asset_id": item.id,
        "status": item.status,
        "created_at": item.created_at,
        "indexed_at": item.indexed_at,
        "media": msgspec.to_builtins(item.system_metadata) if item.system_metadata else None,
        "user_metadata": msgspec.to_builtins(item.user_metadata) if item.user_metadata else None,
    }
    name = item.system_metadata.filename if item.system_metadata else None
    return {
        "indexed_asset_id": item.id,
        "filename": name or str(item.id),
        "created_at": item.created_at,
        "facts": facts,
    }


def _hit(item: SearchItem, rank: int) -> Hit | None:
    video_id = item.video_id or item.id
    if not video_id:
        return None
    return Hit(
        rank=item.rank or rank,
        indexed_asset_id=str(video_id),
        start_s=float(item.start or 0),
        end_s=float(item.end or 0),
        confidence=item.confidence,
        transcription=item.transcription,
    )


def _without(clips: list[_Entry], here: set[str]) -> list[RemoteClip]:
    return [clip.remote() for clip in clips if clip.indexed_asset_id not in here]


def _instant(text: str | None) -> datetime | None:
    try:
        return from_text(text) if text else None
    except ValueError:
        return None
