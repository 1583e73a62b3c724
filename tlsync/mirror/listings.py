"""What the tree asks the platform: entries without a file here, entities, and the hits of searches."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from tlsync.api import TwelveLabs
from tlsync.api.types import IndexedAsset, SearchItem
from tlsync.clock import from_text
from tlsync.mirror.kept_answers import KeptAnswers, Known
from tlsync.mirror.library import Heard, Hit, Person, RemoteClip
from tlsync.models import IndexId
from tlsync.store.clips import ClipReader

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
        """Entries of an index without a file on this machine. What is known here is taken out now, not then."""

        def ask() -> list[Any]:
            listed = self._connect().indexes.indexed_assets.list(IndexId(index_id), page_limit=50)
            return [_entry(item) for item in listed if item.id]

        known = self._answers.get(f"entries {index_id}", ask, good_for=_LISTINGS_GOOD_FOR)
        here = self._catalog.known_entries(index_id)
        clips = _convert(known, _Entry)
        return _heard(known, tuple(clip.remote() for clip in clips if clip.indexed_asset_id not in here))

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
        return _heard(known, tuple(_convert(known, Person)))

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
        return _heard(known, tuple(_convert(known, Hit)))


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


def _convert(known: Known, kind: type[T]) -> list[T]:
    """Kept items as values; an answer kept by another version that no longer fits counts as none."""
    try:
        return msgspec.convert(known.items or [], list[kind])  # type: ignore[valid-type]
    except msgspec.ValidationError:
        return []


def _heard(known: Known, items: tuple[T, ...]) -> Heard[T]:
    if known.items is None:
        return Heard((), "failed", known.trouble) if known.trouble else Heard((), "loading")
    return Heard(items, "stale", known.trouble) if known.trouble else Heard(items)


def _instant(text: str | None) -> datetime | None:
    try:
        return from_text(text) if text else None
    except ValueError:
        return None
