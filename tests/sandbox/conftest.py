from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tlsync.sandbox.settings import SandboxSettings
from tlsync.sandbox.world import World

from .helpers import Caller, FakeClock, FakeMedia

CHUNK_BYTES = 4000

MakeCaller = Callable[..., Caller]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def make_caller(tmp_path: Path, clock: FakeClock) -> Iterator[MakeCaller]:
    """Makes worlds in one folder; settings by keyword."""
    worlds: list[World] = []

    def make(**settings: Any) -> Caller:
        chosen = SandboxSettings(**{"chunk_size_bytes": CHUNK_BYTES, "first_urls": 3, **settings})
        world = World(tmp_path, clock=clock, media=FakeMedia(), settings=chosen, source=random.Random(len(worlds)))
        worlds.append(world)
        return Caller(world, clock)

    yield make
    for world in worlds:
        world.close()


@pytest.fixture
def caller(make_caller: MakeCaller) -> Caller:
    """A world that plays the reference."""
    return make_caller()


@pytest.fixture
def later(make_caller: MakeCaller) -> Caller:
    """A world that plays the platform after the reference."""
    return make_caller(platform="2026-07")
