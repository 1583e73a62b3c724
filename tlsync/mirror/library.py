"""What the tree is drawn from: the catalog, and what was heard from the platform. Protocols, so the tree is pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from tlsync.mirror.nodes import Picture
from tlsync.store.clips import Clip, ClipFacts, Shelf

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RemoteClip:
    """An entry of an index that no file of this machine belongs to. `facts` is what the platform says of it."""

    indexed_asset_id: str
    filename: str
    modified_ns: int
    facts: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True)
class Person:
    """An entity that searches can name."""

    entity_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A moment that a search found, seconds from the start of the clip."""

    rank: int
    indexed_asset_id: str
    start_s: float
    end_s: float
    confidence: str | None
    transcription: str | None


@dataclass(frozen=True, slots=True)
class Heard(Generic[T]):
    """An answer of the platform as far as it is known here.

    `loading`: asked, nothing came yet. `stale`: it is from before, and the platform can't be asked now, for the
    reason in `note`. `failed`: nothing is known, for the reason in `note`.
    """

    items: tuple[T, ...] = ()
    status: Literal["ready", "loading", "stale", "failed"] = "ready"
    note: str = ""


class Catalogued(Protocol):
    """What the catalog answers; see `store.clips.ClipReader`."""

    def shelves(self) -> list[Shelf]: ...
    def folder(self, root_id: int, relative: bytes) -> tuple[list[bytes], list[Clip]]: ...
    def days(self, index_id: str) -> dict[str, list[int]]: ...
    def topics(self, index_id: str) -> dict[str, list[int]]: ...
    def clips(self, index_id: str, *, files: Sequence[int] = ..., contents: Sequence[int] = ...) -> list[Clip]: ...
    def clips_of(self, index_id: str, indexed_asset_id: str) -> list[Clip]: ...
    def facts(self, clip: Clip) -> ClipFacts | None: ...


class Platform(Protocol):
    """What the platform is known to say. No method waits for the network."""

    def remote_only(self, index_id: str) -> Heard[RemoteClip]: ...
    def people(self, index_id: str) -> Heard[Person]: ...
    def sightings(self, index_id: str, person: Person) -> Heard[Hit]: ...

    def searches(self, index_id: str) -> list[str]:
        """Queries that were made and are kept."""
        ...

    def search(self, index_id: str, query: str) -> Heard[Hit]:
        """The hits of a query; asks for them in the background where they are not known."""
        ...


class Pictures(Protocol):
    """Thumbnails. No method waits for one to be made."""

    def picture(self, clip: Clip) -> Picture | None: ...

    def want(self, clip: Clip, shelf: Shelf) -> None:
        """Have one of a video made or fetched in the background, if that is possible."""
        ...

    def remote_picture(self, clip: RemoteClip) -> Picture | None: ...

    def want_remote(self, index_id: str, clip: RemoteClip) -> None: ...
