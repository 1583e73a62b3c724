"""Something is removed from the platform, or a sidecar replaced, after the file was searchable: said, and mendable."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine.test_upload_stories import AtState
from tests.workshop import HastyClock, Workshop, sha256_of
from tlsync.engine import scheduler
from tlsync.media.probe import Prober
from tlsync.sandbox.server import SandboxServer
from tlsync.states import FileState
from tlsync.store.store import Store

MakeClip = Callable[..., Path]


@pytest.fixture(params=["2025-11", "2026-07"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """A workshop on either platform."""
    monkeypatch.setattr(scheduler, "_LONGEST_NAP_S", 0.02)
    footage = tmp_path / "footage"
    footage.mkdir()
    with SandboxServer(chunk_size_bytes=32 * 1024, first_urls=2, platform=request.param) as server, Prober() as prober:
        shop = Workshop(server, footage, tmp_path / "state", prober)
        shop.clock = HastyClock(20)
        yield shop


def removal(shop: Workshop, table: str) -> Callable[[], object]:
    """Somebody cleans up in the web console, also what is in use."""
    world = shop.server.world
    return lambda: world.core.db.execute(
        f"UPDATE {table} SET deleted_ms = ? WHERE deleted_ms IS NULL", (world.core.now_ms(),)
    )


def retry(shop: Workshop) -> None:
    for _ in range(3):
        shop.sync(before=lambda engine: engine.retry([]) and None)


@pytest.mark.parametrize("table", ["indexed_assets", "assets"])
def test_what_went_away_before_its_texts_came_says_so_and_a_retry_brings_it_back(
    shop: Workshop, make_clip: MakeClip, table: str
) -> None:
    clip = make_clip(shop.footage / "clip.mp4")
    shop.sync(progress=AtState(FileState.READY, removal(shop, table)))
    view = shop.files()["clip.mp4"]
    if table == "assets" and view.state == FileState.ENRICHED:
        return  # this platform describes what is in an index, whether the asset is there or not
    assert view.state == FileState.FAILED
    assert "the platform no longer has" in view.reason or "no longer has the asset" in view.reason
    assert "tlsync retry PATH" in view.hint
    before = shop.counts()
    shop.sync()
    paid = ("multipart_upload.create", "indexes.indexed_assets.create")
    assert [shop.counts()[call] for call in paid] == [before[call] for call in paid], "nothing without being asked"
    retry(shop)
    view = shop.files()["clip.mp4"]
    assert view.state == FileState.ENRICHED, view.reason
    assert shop.sidecar("clip.mp4")["summary"]
    assert view.sha256 == sha256_of(clip)
    uploads = 2 if table == "assets" else 1
    assert shop.counts()["multipart_upload.create"] == uploads
    assert shop.counts()["indexes.indexed_assets.create"] == 2


def test_both_gone_takes_two_retries(shop: Workshop, make_clip: MakeClip) -> None:
    make_clip(shop.footage / "clip.mp4")

    def remove() -> None:
        removal(shop, "indexed_assets")()
        removal(shop, "assets")()

    shop.sync(progress=AtState(FileState.READY, remove))
    assert shop.states() == {"clip.mp4": "failed"}
    retry(shop)
    assert shop.states() == {"clip.mp4": "enriched"}
    assert shop.counts()["multipart_upload.create"] == 2


def look_in_catalog(shop: Workshop) -> str | None:
    with Store(shop.state_dir, shop.clock) as store:
        return store.catalog.in_states(FileState.ENRICHED)[0].sidecar_look


def test_a_foreign_file_in_the_place_of_a_written_sidecar_is_told_of(shop: Workshop, make_clip: MakeClip) -> None:
    make_clip(shop.footage / "clip.mp4")
    shop.sync()
    sidecar = shop.footage / "clip.mp4.tlsync.json"
    sidecar.write_text('{"mine": true}')
    summary = shop.sync()
    assert [error.code for error in summary.errors] == ["sidecar_blocked"]
    assert shop.states() == {"clip.mp4": "failed"}
    assert sidecar.read_text() == '{"mine": true}'
    sidecar.unlink()
    retry(shop)
    assert shop.states() == {"clip.mp4": "enriched"}


def test_a_sidecar_with_keys_of_others_is_read_once(
    shop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clip(shop.footage / "clip.mp4")
    shop.sync()
    first = look_in_catalog(shop)
    sidecar = shop.footage / "clip.mp4.tlsync.json"
    sidecar.write_text(json.dumps(json.loads(sidecar.read_text()) | {"x-rating": 5}))
    assert shop.sync().enriched == 1
    assert look_in_catalog(shop) not in (None, first)
    monkeypatch.setattr("tlsync.store.sidecars.read", lambda path: pytest.fail("read although nothing changed"))
    assert shop.sync().enriched == 1
    assert shop.sidecar("clip.mp4")["x-rating"] == 5
