"""What holds an engine back, and what goes on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.desk import make_large
from tests.workshop import Workshop
from tlsync.api import TwelveLabs
from tlsync.config import UploadSettings
from tlsync.engine.engine import Engine
from tlsync.engine.holding import Holding
from tlsync.engine.progress import Silent
from tlsync.engine.restraint import ALL_REMOTE, UPLOADS
from tlsync.engine.texts import Text, Texts
from tlsync.hours import Hours, parse_hours
from tlsync.models import EnrichmentKind, IndexedAssetId
from tlsync.power import Power
from tlsync.states import FileState
from tlsync.store import pause
from tlsync.store.bandwidth_override import override_file
from tlsync.store.orders import OrderFile
from tlsync.store.store import Store
from tlsync.timetable import Timetable, constant

MakeClip = Callable[..., Path]


def test_texts_are_not_asked_for_during_a_pause_and_those_that_came_are_kept(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clip(workshop.footage / "clip.mp4")
    engines: list[Engine] = []
    asked: list[str] = []
    during_pause: list[list[str]] = []
    real = Texts._predefined

    def go_on() -> None:
        during_pause.append(list(asked))
        engines[0].hold_back(frozenset())

    later = threading.Timer(0.4, go_on)

    def predefined(self: Texts, video_id: IndexedAssetId, kind: EnrichmentKind) -> Text:
        asked.append(kind)
        if len(asked) == 2:
            engines[0].hold_back(ALL_REMOTE)
            later.start()
        return real(self, video_id, kind)

    monkeypatch.setattr(Texts, "_predefined", predefined)
    summary = workshop.sync(before=engines.append)
    later.join()
    assert len(during_pause[0]) == 2
    assert summary.enriched == 1
    assert sorted(asked) == ["chapters", "gist", "highlights", "summary"]  # none twice: they are paid for
    workshop.assert_clean()


def _closed_now() -> Hours:
    """Hours that are closed for the next hours, whatever the time is."""
    later = datetime.now().astimezone() + timedelta(hours=6)
    return parse_hours(f"{later:%H}:00-{later + timedelta(hours=1):%H}:00")


def _holding(workshop: Workshop, engine: Engine, **named: Any) -> Holding:
    return Holding(engine, workshop.settings, workshop.clock, look=Power, is_single_pass=True, **named)


def test_outside_of_its_hours_a_pass_does_all_but_send(workshop: Workshop, make_clip: MakeClip) -> None:
    """What is on the platform gets its texts, what is known is linked, and the pass ends without the rest."""
    make_clip(workshop.footage / "sent.mp4")
    workshop.sync()
    (workshop.footage / "sent.mp4.tlsync.json").unlink()
    (workshop.footage / "copy.mp4").write_bytes((workshop.footage / "sent.mp4").read_bytes())
    make_clip(workshop.footage / "new.mp4", duration_s=6.0)
    (workshop.footage / "twin.mp4").write_bytes((workshop.footage / "new.mp4").read_bytes())
    workshop.changes["upload"] = UploadSettings(hours=_closed_now())
    puts = len(workshop.server.ledger.puts())
    found: list[Holding] = []

    def hold(engine: Engine) -> None:
        found.append(_holding(workshop, engine))
        found[0].heed()

    summary = workshop.sync(before=hold)
    assert (summary.enriched, summary.pending, summary.reused, summary.uploaded) == (2, 2, 1, 0)
    assert len(workshop.server.ledger.puts()) == puts
    assert {name: state for name, state in workshop.states().items() if state != "enriched"} == {
        "new.mp4": "uploading",
        "twin.mp4": "identified",
    }
    assert [one.by for one in found[0].held] == ["hours"]

    def pass_over(engine: Engine) -> None:
        _holding(workshop, engine, goes_on=True).heed()

    assert workshop.sync(before=pass_over).enriched == 4
    workshop.assert_clean()


def test_hours_that_close_in_the_middle_keep_what_was_sent(workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "clip.mp4", duration_s=20.0)
    workshop.changes["upload"] = UploadSettings(workers=1)
    engines: list[Engine] = []

    class Watching(Silent):
        def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
            if 0 < done_bytes < total_bytes:
                engines[0].hold_back(UPLOADS, is_awaited=False)

    summary = workshop.sync(before=engines.append, progress=Watching())
    assert (summary.pending, summary.uploaded) == (1, 0)
    sent = {(put.upload_id, put.chunk) for put in workshop.server.ledger.puts()}
    assert sent
    assert workshop.sync().enriched == 1
    assert all(put.puts == 1 for put in workshop.server.ledger.puts() if (put.upload_id, put.chunk) in sent)
    workshop.assert_clean()


def test_an_upload_that_cannot_end_in_time_is_not_begun_and_looked_at_again(
    workshop: Workshop, make_clip: MakeClip
) -> None:
    make_large(make_clip(workshop.footage / "clip.mp4"), 200_000)
    workshop.changes["upload"] = UploadSettings(bandwidth=constant(1))
    summary = workshop.sync()
    assert (summary.failed, summary.uploaded) == (1, 0)
    (problem,) = summary.errors
    assert problem.code == "too_slow"
    assert problem.message.endswith("an upload has 24 h") and "at 1 B/s" in problem.message
    assert workshop.server.ledger.puts() == []
    del workshop.changes["upload"]
    assert workshop.sync().enriched == 1
    workshop.assert_clean()


def test_another_bandwidth_gives_those_that_were_too_slow_another_chance(
    workshop: Workshop, make_clip: MakeClip
) -> None:
    """The daemon does so at once; it does not wait for the hour to be over."""
    make_large(make_clip(workshop.footage / "clip.mp4"), 200_000)
    workshop.changes["upload"] = UploadSettings(bandwidth=constant(1))
    workshop.sync()
    stop = threading.Event()
    with (
        Store(workshop.state_dir, workshop.clock) as store,
        TwelveLabs(workshop.server.api_key, workshop.server.base_url, stop=stop) as client,
    ):
        engine = Engine(
            workshop.settings, store, client, workshop.prober, clock=workshop.clock, stop=stop, progress=Silent(),
            is_single_pass=False,
        )  # fmt: skip
        holding = Holding(engine, workshop.settings, workshop.clock, look=Power)
        override_file(workshop.state_dir).give(workshop.clock.now(), None, "off")
        holding.heed()
        (file,) = store.catalog.in_states(FileState.UPLOADING)
        assert file.reason == "other limits"
        assert (holding.bandwidth.bytes_per_s, holding.bandwidth.source) == (None, "override")


def test_what_was_asked_for_and_cannot_be_read_keeps_what_held(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Told:
        def __init__(self) -> None:
            self.lanes: list[frozenset[str]] = []
            self.rates: list[int | None] = []

        def hold_back(self, lanes: frozenset[str], *, is_awaited: bool = True) -> None:
            self.lanes.append(lanes)

        def limit(self, bytes_per_s: int | None, timetable: Timetable, hours: Hours) -> None:
            self.rates.append(bytes_per_s)

    told = Told()
    holding = Holding(told, workshop.settings, workshop.clock, look=Power)
    now = workshop.clock.now()
    override_file(workshop.state_dir).give(now, None, "1K")
    pause.begin(workshop.state_dir, now, None)
    assert holding.heed() is True
    assert holding.heed() is False

    def fail(self: OrderFile) -> None:
        raise OSError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(OrderFile, "read", fail)
        assert holding.heed() is False
        assert str(holding.complaint) == "the disk is gone"
    assert (told.lanes, told.rates) == ([ALL_REMOTE] * 3, [1024])
    override_file(workshop.state_dir).path.write_text("{")  # no longer a rate: the settings hold
    pause.lift(workshop.state_dir)
    assert holding.heed() is True
    assert (told.lanes[-1], told.rates, holding.complaint) == (frozenset(), [1024, None], None)
