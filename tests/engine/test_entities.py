"""People and things by name: what is made, what is taken away again, and what is found."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tests.workshop import QUICK_RETRIES
from tlsync.api import TwelveLabs
from tlsync.engine.entities import Entities
from tlsync.engine.entity_images import MAX_IMAGE_BYTES, check_images
from tlsync.errors import (
    ApiError,
    FileVanished,
    Interrupted,
    NotEligible,
    NotYet,
    QuotaExceeded,
    RemoteFailed,
    UnknownPath,
)
from tlsync.media.probe import Prober
from tlsync.sandbox.pictures import bars_png
from tlsync.sandbox.server import SandboxServer
from tlsync.sandbox.settings import Platform


@pytest.fixture(params=["2025-11", "2026-07"])
def platform(request: pytest.FixtureRequest) -> Platform:
    chosen: Platform = request.param
    return chosen


@pytest.fixture
def server(platform: Platform, fake_clock: FakeClock) -> Iterator[SandboxServer]:
    with SandboxServer(platform=platform, clock=fake_clock) as server:
        yield server


@pytest.fixture
def client(server: SandboxServer) -> Iterator[TwelveLabs]:
    with TwelveLabs(api_key=server.api_key, base_url=server.base_url, retries=QUICK_RETRIES) as client:
        yield client


@pytest.fixture
def entities(client: TwelveLabs, fake_clock: FakeClock) -> Entities:
    return Entities(client, fake_clock, threading.Event())


def make_picture(path: Path, seed: int = 1, width: int = 200, height: int = 150) -> Path:
    path.write_bytes(bars_png(bytes([seed, 200, 90, seed]), width, height))
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> list[Path]:
    return [make_picture(tmp_path / f"kim {number}.png", number) for number in range(1, 4)]


def images_left(client: TwelveLabs) -> list[str]:
    return [asset.filename or "" for asset in client.assets.list(asset_types=["image"])]


def assert_nothing_is_left(client: TwelveLabs) -> None:
    assert images_left(client) == []
    assert [collection.name for collection in client.entity_collections.list()] == []


def test_an_entity_is_made_of_images_and_ready_afterwards(
    entities: Entities, client: TwelveLabs, pictures: list[Path]
) -> None:
    steps: list[str] = []
    added = entities.add("Kim", pictures[:2], steps.append)
    assert added.is_new
    assert (added.entity.name, added.entity.status, len(added.entity.asset_ids)) == ("Kim", "ready", 2)
    assert [item.name for item in client.entity_collections.list()] == ["tlsync"]
    assert all(name.startswith("tlsync-entity-") and "kim " in name for name in images_left(client))
    assert len(steps) == 3
    assert entities.marks(["Kim"]) == f"<@{added.entity.id}>"


def test_more_images_go_to_the_entity_of_that_name(
    entities: Entities, server: SandboxServer, pictures: list[Path]
) -> None:
    first = entities.add("Kim", pictures[:1])
    second = entities.add("Kim", pictures[1:])
    assert (second.is_new, second.entity.id, len(second.entity.asset_ids)) == (False, first.entity.id, 3)
    assert second.entity.status == "ready"
    assert len(entities.all()) == 1
    assert server.ledger.count("entity_collections.create") == 1


def test_a_collection_of_another_name_is_apart(
    entities: Entities, client: TwelveLabs, fake_clock: FakeClock, pictures: list[Path]
) -> None:
    entities.add("Kim", pictures[:1])
    others = Entities(client, fake_clock, threading.Event(), "birds")
    assert others.all() == []
    others.add("Kim", pictures[1:2])
    assert others.marks(["Kim"]) != entities.marks(["Kim"])


def test_an_image_that_the_platform_can_not_use_is_named_and_nothing_is_left(
    entities: Entities, client: TwelveLabs, server: SandboxServer, pictures: list[Path]
) -> None:
    server.faults.fail("asset", nth=2)
    with pytest.raises(NotEligible, match=r"kim 2\.png: the platform can't use this image: The sandbox was told"):
        entities.add("Kim", pictures)
    assert_nothing_is_left(client)


def test_an_entity_that_fails_leaves_nothing(
    entities: Entities, client: TwelveLabs, server: SandboxServer, pictures: list[Path]
) -> None:
    server.faults.fail("entity")
    with pytest.raises(RemoteFailed, match="'Kim'"):
        entities.add("Kim", pictures)
    assert_nothing_is_left(client)


def test_a_known_entity_is_as_before_when_more_images_fail(
    entities: Entities, client: TwelveLabs, server: SandboxServer, pictures: list[Path]
) -> None:
    before = entities.add("Kim", pictures[:1]).entity
    server.faults.fail("entity")
    with pytest.raises(RemoteFailed):
        entities.add("Kim", pictures[1:])
    assert [entity.asset_ids for entity in entities.all()] == [before.asset_ids]
    assert len(images_left(client)) == 1


@pytest.mark.parametrize("call", ["entities.create_assets", "entities.create"])
def test_a_refused_call_leaves_nothing(
    entities: Entities, client: TwelveLabs, server: SandboxServer, pictures: list[Path], call: str
) -> None:
    expected = 0
    if call.endswith("create_assets"):
        entities.add("Kim", pictures[:1])
        expected = 1
    server.faults.answer(f"entity_collections.{call}", 403)
    with pytest.raises(QuotaExceeded):
        entities.add("Kim", pictures[1:])
    assert len(images_left(client)) == expected


@pytest.mark.parametrize("call", ["entity_collections.create", "assets.create", "entity_collections.entities.create"])
def test_a_lost_answer_makes_nothing_twice(
    entities: Entities, client: TwelveLabs, server: SandboxServer, pictures: list[Path], call: str
) -> None:
    rule = server.faults.lose_answer(call)
    added = entities.add("Kim", pictures[:2])
    assert rule.hits == 1
    assert added.entity.status == "ready"
    assert len(images_left(client)) == 2
    assert len(list(client.entity_collections.list())) == 1
    assert len(entities.all()) == 1


def test_an_interrupt_leaves_nothing(
    client: TwelveLabs, server: SandboxServer, fake_clock: FakeClock, pictures: list[Path]
) -> None:
    server.faults.stall("entity")
    stop = threading.Event()
    entities = Entities(client, fake_clock, stop)

    def on_step(text: str) -> None:
        if text.startswith("the platform learns"):
            stop.set()

    with pytest.raises(Interrupted):
        entities.add("Kim", pictures, on_step)
    assert_nothing_is_left(client)


def test_what_can_not_be_taken_away_is_named(
    entities: Entities, server: SandboxServer, pictures: list[Path], caplog: pytest.LogCaptureFixture
) -> None:
    server.faults.fail("entity")
    server.faults.answer("assets.delete", 403, times=None)
    with pytest.raises(RemoteFailed):
        entities.add("Kim", pictures[:1])
    assert "left on the platform: the image" in caplog.text
    assert "kim 1.png" in caplog.text


def test_an_entity_that_takes_too_long_is_kept_as_it_is(
    entities: Entities, server: SandboxServer, pictures: list[Path]
) -> None:
    server.faults.stall("entity")
    assert entities.add("Kim", pictures[:1]).entity.status == "processing"
    with pytest.raises(NotYet, match="'Kim'"):
        entities.marks(["Kim"])


def test_a_plan_with_one_collection_names_it(
    entities: Entities, client: TwelveLabs, server: SandboxServer, pictures: list[Path]
) -> None:
    client.entity_collections.create(name="team")
    server.faults.answer("entity_collections.create", 403)
    with pytest.raises(QuotaExceeded) as caught:
        entities.add("Kim", pictures)
    assert "--collection 'team'" in caught.value.hint


def test_an_unknown_name_is_told_with_the_nearest(entities: Entities, pictures: list[Path]) -> None:
    with pytest.raises(UnknownPath) as caught:
        entities.named("Kim")
    assert "tlsync entity add" in caught.value.hint
    for name in ("Kim Lee", "Robert"):
        entities.add(name, pictures[:1])
    with pytest.raises(UnknownPath) as caught:
        entities.marks(["kim lee"])
    assert caught.value.hint == "did you mean 'Kim Lee'?"
    with pytest.raises(UnknownPath) as caught:
        entities.remove("zzz")
    assert caught.value.hint == "known are: Kim Lee, Robert"


def test_removing_takes_the_entity_and_the_images_sent_for_it(
    entities: Entities, client: TwelveLabs, pictures: list[Path]
) -> None:
    entities.add("Kim", pictures[:2])
    own = client.assets.create(method="direct", file=pictures[2], filename="own.png")
    collection_id = entities.collection_id()
    assert collection_id is not None
    entities.add("Lee", pictures[2:])
    entity = entities.named("Kim")[0]
    client.entity_collections.entities.create_assets(collection_id, entity.id, asset_ids=[own.id])
    assert [removed.id for removed in entities.remove("Kim")] == [entity.id]
    assert [entity.name for entity in entities.all()] == ["Lee"]
    assert sorted(name[-9:] for name in images_left(client)) == ["kim 3.png", "own.png"]


def test_errors_of_the_platform_pass_through(entities: Entities, server: SandboxServer) -> None:
    server.faults.answer("entity_collections.list", 500, times=None)
    with pytest.raises(ApiError):
        entities.all()


def test_images_are_looked_at_before_anything_is_sent(tmp_path: Path, pictures: list[Path]) -> None:
    small = make_picture(tmp_path / "small.png", width=200, height=127)
    text = tmp_path / "text.png"
    text.write_text("no picture")
    huge = make_picture(tmp_path / "huge.png")
    with huge.open("ab") as stream:
        stream.truncate(MAX_IMAGE_BYTES + 1)
    with Prober() as prober:
        check_images(pictures, prober)
        with pytest.raises(NotEligible) as caught:
            check_images([*pictures, small, text, huge, tmp_path], prober)
        lines = str(caught.value).splitlines()
        assert [line.partition(": ")[2] for line in lines] == [
            "too small: 200×127; both sides need at least 128 pixels",
            "not a JPEG or PNG picture that can be read",
            "too large: 33.6 MB; the limit is 33.6 MB",
            "not a file",
        ]
        with pytest.raises(FileVanished, match="no such file"):
            check_images([small, tmp_path / "nowhere.png"], prober)


def test_a_collection_that_somebody_else_uses_by_now_is_kept(
    entities: Entities, client: TwelveLabs, server: SandboxServer, fake_clock: FakeClock, pictures: list[Path]
) -> None:
    server.faults.fail("entity", nth=2)

    def on_step(text: str) -> None:
        if text.startswith("the platform learns"):
            Entities(client, fake_clock, threading.Event()).add("Lee", pictures[1:2])

    with pytest.raises(RemoteFailed, match="'Kim'"):
        entities.add("Kim", pictures[:1], on_step)
    assert [entity.name for entity in entities.all()] == ["Lee"]
    assert len(images_left(client)) == 1
