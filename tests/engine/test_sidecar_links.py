"""A sidecar beside a new file: believed when file and platform agree, and then nothing is paid for again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.engine import engine as engine_module
from tlsync.engine.context import NOT_SENT_NOW
from tlsync.models import Cue

MakeClip = Callable[..., Path]
PAID = ("multipart_upload.create", "storage.put", "indexes.indexed_assets.create", "summarize", "gist", "analyze")


@pytest.fixture
def lost(workshop: Workshop, make_clip: MakeClip) -> Workshop:
    """One clip, all done, and then the catalog is lost."""
    make_clip(workshop.footage / "clip.mp4", cues=(Cue(0.5, 2.0, "Hello."),))
    while workshop.sync().pending:
        pass
    assert workshop.states() == {"clip.mp4": "enriched"}
    lose_catalog(workshop)
    return workshop


def lose_catalog(workshop: Workshop) -> None:
    shutil.rmtree(workshop.state_dir)


def sidecar_of(workshop: Workshop, name: str = "clip.mp4") -> Path:
    return workshop.footage / f"{name}.tlsync.json"


def paid(workshop: Workshop) -> dict[str, int]:
    counts = workshop.counts()
    return {call: counts.get(call, 0) for call in PAID}


def client_of(workshop: Workshop) -> TwelveLabs:
    return TwelveLabs(workshop.server.api_key, workshop.server.base_url, retries=QUICK_RETRIES)


def change(path: Path, **changes: dict[str, Any]) -> None:
    document = json.loads(path.read_text("utf-8"))
    for key, values in changes.items():
        document[key] |= values
    path.write_text(json.dumps(document), "utf-8")


def test_a_lost_catalog_costs_nothing(lost: Workshop) -> None:
    """Ids and texts come back with where they came from, and the sidecar is not written again."""
    path, spent = sidecar_of(lost), paid(lost)
    before = path.read_bytes(), path.stat().st_mtime_ns
    looked = lost.counts().get("indexes.indexed_assets.list", 0)
    summary = lost.sync()
    assert (summary.uploaded, summary.reused, summary.enriched) == (0, 1, 1)
    assert paid(lost) == spent
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert lost.counts().get("indexes.indexed_assets.list", 0) == looked, "the sidecar said enough"
    assert lost.files()["clip.mp4"].indexed_asset_id == lost.sidecar("clip.mp4")["platform"]["indexed_asset_id"]


@pytest.mark.parametrize("along", [True, False])
def test_media_that_was_renamed_is_recognised_with_or_without_its_sidecar(lost: Workshop, along: bool) -> None:
    lost.server.faults.answer("indexes.indexed_assets.list", 400, times=None)  # the stamp is not what helps here
    spent = paid(lost)
    (lost.footage / "clip.mp4").rename(lost.footage / "new.mp4")
    if along:
        sidecar_of(lost).rename(sidecar_of(lost, "new.mp4"))
    assert lost.sync().enriched == 1
    assert paid(lost) == spent
    assert lost.sidecar("new.mp4")["media"]["filename"] == "new.mp4"


def test_keys_of_others_survive(lost: Workshop) -> None:
    document = json.loads(sidecar_of(lost).read_text()) | {"x-studio": {"reel": 7}}
    sidecar_of(lost).write_text(json.dumps(document))
    (lost.footage / "clip.mp4").rename(lost.footage / "new.mp4")
    sidecar_of(lost).rename(sidecar_of(lost, "new.mp4"))
    lost.sync()
    assert lost.sidecar("new.mp4")["x-studio"] == {"reel": 7}


@pytest.mark.parametrize(
    "changes",
    [
        {"media": {"sha256": "0" * 64}},
        {"platform": {"base_url": "https://api.example.com/v1.3"}},
        {"platform": {"index_id": "0" * 24}},
        {"platform": {"indexed_asset_id": "0" * 24, "asset_id": None}},
        {"platform": {"indexed_asset_id": "../../tasks", "asset_id": None}},
        {"provenance": {"summary": {"source": 1}}},
    ],
    ids=["other hash", "other platform", "other index", "unknown entry", "no id", "wrong shape"],
)
def test_what_does_not_agree_proves_nothing(lost: Workshop, changes: dict[str, Any]) -> None:
    """The stamp on the platform is the next thing to look at, and still nothing is sent."""
    change(sidecar_of(lost), **changes)
    looked = lost.counts()["indexes.indexed_assets.list"]
    summary = lost.sync()
    assert (summary.uploaded, summary.enriched, summary.failed) == (0, 1, 0)
    assert lost.counts()["indexes.indexed_assets.list"] > looked
    assert lost.files()["clip.mp4"].indexed_asset_id is not None


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\xff\xfe", b"[" * 100_000, b'{"v": 1, "generator": "tlsync 9", "media": null}', b'{"v": 1e999}', b"null"],
)
def test_a_garbled_sidecar_is_passed_over(lost: Workshop, garbage: bytes) -> None:
    sidecar_of(lost).write_bytes(garbage)
    summary = lost.sync()
    assert summary.uploaded == 0
    assert lost.files()["clip.mp4"].indexed_asset_id is not None


def test_a_sidecar_that_names_the_entry_of_another_clip_is_not_believed(lost: Workshop, make_clip: MakeClip) -> None:
    make_clip(lost.footage / "other.mp4", pattern=3)
    lost.sync()
    entry = lost.sidecar("other.mp4")["platform"]["indexed_asset_id"]
    lose_catalog(lost)
    change(sidecar_of(lost), platform={"indexed_asset_id": entry, "asset_id": None})
    lost.sync()
    assert lost.files()["clip.mp4"].indexed_asset_id != entry
    assert lost.files()["other.mp4"].indexed_asset_id == entry


def test_what_left_the_index_is_indexed_again_and_not_sent(lost: Workshop) -> None:
    place = lost.sidecar("clip.mp4")["platform"]
    with client_of(lost) as client:
        client.indexes.indexed_assets.delete(place["index_id"], place["indexed_asset_id"])
    spent = paid(lost)
    assert lost.sync().enriched == 1
    assert paid(lost)["storage.put"] == spent["storage.put"]
    assert paid(lost)["indexes.indexed_assets.create"] == spent["indexes.indexed_assets.create"] + 1
    assert lost.sidecar("clip.mp4")["platform"]["asset_id"] == place["asset_id"]


def test_what_left_the_platform_is_sent(lost: Workshop) -> None:
    place = lost.sidecar("clip.mp4")["platform"]
    with client_of(lost) as client:
        client.indexes.indexed_assets.delete(place["index_id"], place["indexed_asset_id"])
        client.assets.delete(place["asset_id"])
    assert lost.sync().uploaded == 1
    assert lost.states() == {"clip.mp4": "enriched"}


def test_texts_that_another_machine_asked_for_are_taken_from_its_sidecar(lost: Workshop) -> None:
    """The sidecar has one text less than the settings want: only that one is asked for."""
    document = json.loads(sidecar_of(lost).read_text())
    del document["gist"], document["provenance"]["gist"]
    sidecar_of(lost).write_text(json.dumps(document))
    spent = paid(lost)
    lost.sync()
    assert {call: count - spent[call] for call, count in paid(lost).items() if count != spent[call]} == {"gist": 1}


def test_nothing_is_sent_while_a_catalog_is_rebuilt(
    lost: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is known is linked; what would have to be sent, indexed or paid says so and waits."""
    make_clip(lost.footage / "new.mp4", pattern=5)
    make_clip(lost.footage / "unindexed.mp4", pattern=6)
    lost.sync([lost.footage / "unindexed.mp4"])
    place = lost.sidecar("unindexed.mp4")["platform"]
    with client_of(lost) as client:
        client.indexes.indexed_assets.delete(place["index_id"], place["indexed_asset_id"])
    lose_catalog(lost)
    spent = paid(lost)
    real = engine_module.Context
    monkeypatch.setattr(engine_module, "Context", lambda **named: real(**(named | {"may_send": False})))
    lost.sync()
    assert paid(lost) == spent
    assert lost.states() == {"clip.mp4": "enriched", "new.mp4": "identified", "unindexed.mp4": "asset_ready"}
    assert {lost.files()[name].reason for name in ("new.mp4", "unindexed.mp4")} == {NOT_SENT_NOW}
    monkeypatch.setattr(engine_module, "Context", real)
    assert lost.sync().enriched == 3
