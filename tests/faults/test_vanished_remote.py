"""S25: somebody removes everything from the platform. What is here stays as it is, and nothing is paid anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Row
from tests.workshop import QUICK_RETRIES, HastyClock, Workshop, sha256_of
from tlsync.api import TwelveLabs
from tlsync.engine import scheduler
from tlsync.engine.engine import Engine

MakeClip = Callable[..., Path]
PAID = ("multipart_upload.create", "storage.put", "indexes.indexed_assets.create", "summarize", "gist", "analyze")


def remove_everything(workshop: Workshop, *, assets: bool = True) -> None:
    """What a thief of the key could do."""
    with TwelveLabs(workshop.server.api_key, workshop.server.base_url, retries=QUICK_RETRIES) as client:
        for index in list(client.indexes.list()):
            for entry in list(client.indexes.indexed_assets.list(index.id)):
                client.indexes.indexed_assets.delete(index.id, entry.id)
        for asset in list(client.assets.list()) if assets else ():
            client.assets.delete(asset.id)


def picture_of(folder: Path) -> dict[Path, tuple[bytes, int]]:
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in sorted(folder.rglob("*")) if path.is_file()}


def paid(workshop: Workshop) -> dict[str, int]:
    counts = workshop.counts()
    return {call: counts.get(call, 0) for call in PAID}


@pytest.fixture(autouse=True)
def hasty(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.clock = HastyClock(20)
    monkeypatch.setattr(scheduler, "_LONGEST_NAP_S", 0.02)


def test_s25_everything_is_removed_remotely(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """Media and sidecars keep every byte and time; the next passes send nothing, also not for a copy or a rename."""
    clips = [make_clip(workshop.footage / f"{number}.mp4", pattern=number) for number in range(3)]
    for _ in range(5):
        if workshop.sync().pending == 0:
            break
    assert set(workshop.states().values()) == {"enriched"}
    before, spent = picture_of(workshop.footage), paid(workshop)
    remove_everything(workshop)
    workshop.sync()
    assert picture_of(workshop.footage) == before
    assert paid(workshop) == spent
    shutil.copy(clips[0], workshop.footage / "copy.mp4")
    clips[1].rename(workshop.footage / "renamed.mp4")
    workshop.sync()
    assert paid(workshop) == spent
    media = {sha256_of(path) for path in workshop.footage.glob("*.mp4")}
    assert media == set(workshop.remote_contents())
    row.say(f"3 assets and 3 entries removed remotely: 0 of {len(before)} local files touched, 0 calls that cost")


@pytest.mark.parametrize("assets", [True, False])
def test_s25_removed_in_the_middle_of_the_way(row: Row, workshop: Workshop, make_clip: MakeClip, assets: bool) -> None:
    """A file whose upload or entry went away says so, and waits for a person."""
    clip = make_clip(workshop.footage / "clip.mp4")
    rule = workshop.server.faults.stall("indexed_asset")
    with pytest.MonkeyPatch.context() as patch:
        # The pass ends while the platform indexes: the next one finds nothing there.
        patch.setattr(scheduler.Scheduler, "is_idle", lambda self, besides: rule.hits > 0 and not self._running)
        workshop.sync()
    assert rule.hits == 1
    assert workshop.states()["clip.mp4"] in ("asset_ready", "indexing")
    before, spent = picture_of(workshop.footage), paid(workshop)
    remove_everything(workshop, assets=assets)
    summary = workshop.sync()
    assert workshop.states() == {"clip.mp4": "failed"}
    assert "tlsync retry" in summary.errors[0].hint
    workshop.sync()
    assert paid(workshop) == spent, "nothing is sent or indexed again without being asked"
    assert picture_of(workshop.footage) == before
    workshop.sync(before=lambda engine: _retry(engine))
    workshop.sync(before=lambda engine: _retry(engine))
    assert workshop.states() == {"clip.mp4": "enriched"}
    assert clip.exists()
    row.say(f"entry{' and asset' if assets else ''} removed while indexing: named, 0 silent repeats, mended by retry")


def _retry(engine: Engine) -> None:
    engine.retry([])
