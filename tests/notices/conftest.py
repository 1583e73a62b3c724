"""A catalog with one folder, and moves of files in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tlsync.clock import Clock
from tlsync.models import StatSignature
from tlsync.notices.events import Event, of_move
from tlsync.notices.reader import Reader
from tlsync.notices.sender import Note, Sender
from tlsync.states import FileState as S
from tlsync.store.catalog import FileRow
from tlsync.store.store import Store

DONE = (S.SETTLING, S.IDENTIFIED, S.UPLOADING, S.UPLOADED, S.ASSET_READY, S.INDEXING, S.READY, S.ENRICHED)


@dataclass
class Catalog:
    """Files below `/footage` come and go."""

    store: Store
    clock: FakeClock
    root: Path = Path("/footage")

    def __post_init__(self) -> None:
        self.root_id = self.store.roots.ensure(self.root, "clips").id
        self.store.roots.set_health(self.root_id, "online", "", ends_hang=False)

    def add(self, name: str) -> FileRow:
        return self.store.catalog.add(self.root_id, name.encode(), StatSignature(10, 1, 1, 1))

    def take(self, name: str, states: Sequence[S] = DONE) -> FileRow:
        """A new file goes through these states."""
        file = self.add(name)
        for state in states:
            file = self.store.catalog.move(file, state)
        return file

    def events(self, after: int = 0) -> list[Event]:
        moves, _ = self.store.cursors.moves(after, tuple(S), 1000)
        return [of_move(move) for move in moves]


@pytest.fixture
def catalog(tmp_path: Path, fake_clock: FakeClock) -> Iterator[Catalog]:
    with Store(tmp_path / "state", fake_clock) as store:
        yield Catalog(store, fake_clock)


@dataclass
class Memory(Sender):
    """A sender that remembers what it was given; `refuse` may raise instead."""

    most_at_once: int = 3
    got: list[Event] = field(default_factory=list)
    refuse: Callable[[Event], str] = lambda event: ""
    is_held: bool = False

    def deliver(self, events: Sequence[Event], note: Note) -> None:
        for event in events:
            trouble = self.refuse(event)
            self.got.append(event)
            note(trouble)

    @property
    def is_holding(self) -> bool:
        return self.is_held

    def told(self) -> list[str]:
        return [f"{event.event} {event.path.name if event.path else '-'}" for event in self.got]


MakeReader = Callable[..., Reader]


@pytest.fixture
def make_reader(catalog: Catalog) -> MakeReader:
    """A reader that is not started: tests call `round`."""

    def make(
        sender: Sender,
        on: Sequence[str] = ("enriched",),
        folder: Path | None = None,
        name: str = "reader",
        clock: Clock = catalog.clock,
    ) -> Reader:
        place = catalog.store.cursors.begin([name])[name]
        return Reader(name, on, folder, sender, catalog.store.cursors, place, clock, threading.Event())

    return make
