"""F43: two workstations, one index. What one sends the other links, and no sidecar is fought over."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from tests.faults.conftest import Row
from tests.workshop import HastyClock, Workshop, sha256_of
from tlsync.engine import scheduler
from tlsync.engine.indexer import Indexer
from tlsync.engine.openings import Openings
from tlsync.media.probe import Prober
from tlsync.sandbox.server import SandboxServer
from tlsync.sandbox.settings import Platform
from tlsync.store import sidecars

MakeClip = Callable[..., Path]
Folders = Literal["one folder", "copies"]
TEXT_CALLS = ("summarize", "gist", "analyze")
_MOST_PASSES = 6


@dataclass
class Office:
    """Two workstations and the platform that they share. `written` counts how often each sidecar was put on disk."""

    server: SandboxServer
    desks: tuple[Workshop, Workshop]
    written: dict[Path, int]

    def sync(self, desk: Workshop) -> None:
        """Pass after pass, as the daemon would go on, until nothing is left to do."""
        for _ in range(_MOST_PASSES):
            if desk.sync().pending == 0:
                return

    def sync_both(self, offset_s: float = 0.0) -> None:
        """Both at the same time, one a little later."""
        late = threading.Event()

        def second() -> None:
            late.wait(offset_s)
            self.sync(self.desks[1])

        thread = threading.Thread(target=second)
        thread.start()
        self.sync(self.desks[0])
        thread.join(120)
        assert not thread.is_alive()

    def assert_paid_once(self, *, rewrites: int = 0) -> None:
        for desk in self.desks:
            assert set(desk.states().values()) == {"enriched"}, [(f.path, f.reason) for f in desk.files().values()]
        for sha256, assets in self.server.ledger.assets_by_sha256().items():
            assert len(assets) == 1, f"content {sha256[:8]} was uploaded {len(assets)} times"
        for asset, entries in self.server.ledger.indexed_by_asset().items():
            assert len(entries) == 1, f"asset {asset} was indexed {len(entries)} times"
        assert len(self.server.ledger.assets_by_sha256()) == len(self.server.ledger.indexed_by_asset())
        ids = [{f.sha256: f.indexed_asset_id for f in desk.files().values()} for desk in self.desks]
        assert ids[0] == ids[1], "both use the same entries"
        assert max(self.written.values()) <= 1 + rewrites, "a sidecar was fought over"


@pytest.fixture
def office(
    tmp_path: Path, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Folders, Platform, int], Office]]:
    """Makes two workstations on one folder, or on two with equal copies."""
    written: dict[Path, int] = {}
    real = sidecars.write_whole

    def count(path: Path, data: bytes, **how: object) -> None:
        real(path, data, **how)  # type: ignore[arg-type]
        written[path] = written.get(path, 0) + 1

    monkeypatch.setattr(sidecars, "write_whole", count)
    monkeypatch.setattr(scheduler, "_LONGEST_NAP_S", 0.02)
    made = 0
    opened: list[SandboxServer | Prober] = []

    def make(folders: Folders, platform: Platform = "2025-11", clips: int = 1) -> Office:
        nonlocal made
        made += 1
        written.clear()
        server = SandboxServer(chunk_size_bytes=32 * 1024, first_urls=2, platform=platform).__enter__()
        opened.append(server)
        footage = [tmp_path / f"{made} first", tmp_path / f"{made} second"]
        footage[0].mkdir()
        for number in range(clips):
            make_clip(footage[0] / f"clip {number}.mp4", pattern=number)
        if folders == "copies":
            shutil.copytree(footage[0], footage[1])
        else:
            footage[1] = footage[0]
        desks = []
        for number in (0, 1):
            opened.append(Prober().__enter__())
            desk = Workshop(server, footage[number], tmp_path / f"{made} state {number}", opened[-1])  # type: ignore[arg-type]
            desk.clock = HastyClock(20)
            desks.append(desk)
        return Office(server, (desks[0], desks[1]), written)

    yield make
    for thing in reversed(opened):
        thing.__exit__(None, None, None)


def meet_before(monkeypatch: pytest.MonkeyPatch, where: type, method: str) -> None:
    """Hold whoever comes to a method until both have, so that neither has seen what the other does next."""
    barrier = threading.Barrier(2)
    real = getattr(where, method)

    def held(self: object, *arguments: object) -> object:
        with suppress(threading.BrokenBarrierError):
            barrier.wait(1.0)
        return real(self, *arguments)

    monkeypatch.setattr(where, method, held)


@pytest.mark.parametrize("folders", ["one folder", "copies"])
def test_f43_one_after_the_other(row: Row, office: Callable[..., Office], folders: Folders) -> None:
    """The second links what the first sent; on one folder it takes the texts from the sidecar as well."""
    both = office(folders, "2025-11", 2)
    both.sync(both.desks[0])
    before = both.server.ledger.counts()
    bytes_sent = both.server.ledger.put_bytes()
    beside = {path: path.read_bytes() for path in both.desks[0].footage.glob("*.tlsync.json")}
    both.sync(both.desks[1])
    both.assert_paid_once()
    after = both.server.ledger.counts()
    assert both.server.ledger.put_bytes() == bytes_sent
    assert after["multipart_upload.create"] == before["multipart_upload.create"] == 2
    if folders == "one folder":
        assert {call: after.get(call) for call in TEXT_CALLS} == {call: before.get(call) for call in TEXT_CALLS}
        assert {path: path.read_bytes() for path in beside} == beside
    row.say(f"{folders}, one after the other: 2 clips, 0 bytes sent twice, 0 sidecars written twice")


@pytest.mark.parametrize("place", ["opening", "indexing"])
def test_f43_at_the_same_moment(
    row: Row, office: Callable[..., Office], monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Both looked and found nothing before either opened its session: the older session has the right of way."""
    both = office("copies")
    if place == "opening":
        meet_before(monkeypatch, Openings, "open")
    else:
        meet_before(monkeypatch, Indexer, "asset_ready")
    both.sync_both()
    both.assert_paid_once()
    row.say(f"both at the same moment ({place}): 1 asset, 1 entry")


@pytest.mark.merge
@pytest.mark.long
def test_f43_at_the_same_time(row: Row, office: Callable[..., Office]) -> None:
    """Started within moments of each other, on one folder or on copies, on either platform."""
    rounds = row.times(every=1, merge=8, long=100)
    rewritten = 0
    for number in range(rounds):
        folders: Folders = row.random.choice(["one folder", "copies"])
        platform: Platform = row.random.choice(["2025-11", "2026-07"])
        offset_s = row.random.choice([0.0, row.random.uniform(0, 1.5)])
        both = office(folders, platform, 2)
        both.sync_both(offset_s)
        try:
            both.assert_paid_once(rewrites=1)
        except AssertionError as error:
            raise AssertionError(f"round {number}: {folders}, {platform}, {offset_s:.3f} s: {error}") from error
        rewritten += sum(count - 1 for count in both.written.values())
        for desk in both.desks:
            for path in desk.footage.glob("*.mp4"):
                assert sha256_of(path) in both.server.ledger.assets_by_sha256()
    row.say(f"{rounds} races of 2 clips: 1 asset and 1 entry per content, {rewritten} sidecars rewritten")
