"""Caps with real clips, the sandbox and the whole engine: what has no room waits, and goes on the next day."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.desk import make_large, wait_until
from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.clock import SystemClock
from tlsync.config import AnalysisSettings, CapSettings, PriceSettings
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Silent
from tlsync.local_days import day_of, next_day, start_of
from tlsync.states import FileState
from tlsync.store.catalog import Catalog, FileRow
from tlsync.store.reader import CatalogReader
from tlsync.store.spending import FILE_NAME, Spending
from tlsync.store.spending_reader import SpendingReader
from tlsync.store.store import Store

MakeClip = Callable[..., Path]
CLIP_S = 5.0
MINUTES = CLIP_S / 60 + 0.001
"""What a clip of the workshop takes, and a little more than its container says."""


class JumpingClock(SystemClock):
    """The system's, put on by whole days at a test's word; it stands at noon at first, far from midnight."""

    def __init__(self) -> None:
        now = datetime.now(UTC)
        self._ahead = start_of(day_of(now)) + timedelta(hours=12) - now

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self._ahead.total_seconds()

    def next_midnight(self) -> None:
        self._ahead = start_of(next_day(day_of(self.now()))) - datetime.now(UTC)


@pytest.fixture
def clock(workshop: Workshop) -> JumpingClock:
    clock = JumpingClock()
    workshop.clock = clock
    return clock


def cap(workshop: Workshop, **caps: Any) -> None:
    workshop.changes = {"caps": CapSettings(**caps), "analysis": AnalysisSettings(kinds=())}


def held(workshop: Workshop) -> list[str]:
    return [name for name, view in workshop.files().items() if view.error_code == "cap_reached"]


def per_day(workshop: Workshop, what: str) -> list[int]:
    """Bytes or milliseconds of each day, the oldest first."""
    days: dict[str, int] = {}
    for usage in SpendingReader(workshop.state_dir).days(datetime(2020, 1, 1).date()):
        days[usage.day] = days.get(usage.day, 0) + getattr(usage.amounts, what)
    return [days[day] for day in sorted(days)]


def three_clips(workshop: Workshop, make_clip: MakeClip) -> None:
    for number in range(3):
        make_clip(workshop.footage / f"{number}.mp4", duration_s=CLIP_S, pattern=number)


def test_a_cap_of_minutes_lets_one_clip_a_day_through(
    workshop: Workshop, make_clip: MakeClip, clock: JumpingClock
) -> None:
    three_clips(workshop, make_clip)
    cap(workshop, minutes_per_day=MINUTES)
    for done in (1, 2, 3):
        summary = workshop.sync()
        assert (summary.enriched, summary.pending, summary.failed) == (done, 3 - done, 0)
        assert len(held(workshop)) == 3 - done
        again = workshop.sync()  # the same day
        assert (again.enriched, again.uploaded) == (done, 0)
        if done < 3:
            (report,) = summary.caps
            assert (report["cap"], report["holds"], report["files"]) == ("minutes_per_day", True, 3 - done)
            name = held(workshop)[0]
            assert workshop.states()[name] == "identified"
            assert workshop.files()[name].reason.startswith("caps.minutes_per_day = ")
            clock.next_midnight()
    assert [round(duration_ms / 1000) for duration_ms in per_day(workshop, "duration_ms")] == [5, 5, 5]
    workshop.assert_clean()


def test_a_cap_of_bytes_counts_what_went_out(workshop: Workshop, make_clip: MakeClip, clock: JumpingClock) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    size_bytes = clip.stat().st_size
    cap(workshop, bytes_per_day=size_bytes - 1)
    assert workshop.sync().pending == 1
    assert "needs" in workshop.files()["clip.mp4"].reason
    assert workshop.counts().get("multipart_upload.create", 0) == 0
    cap(workshop, bytes_per_day=size_bytes)  # raised, and started again
    assert workshop.sync().enriched == 1
    assert per_day(workshop, "size_bytes") == [workshop.server.ledger.put_bytes()] == [size_bytes]
    assert workshop.files()["clip.mp4"].error_code is None


def test_a_chunk_that_is_sent_again_counts_again(workshop: Workshop, make_clip: MakeClip, clock: JumpingClock) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    cap(workshop, bytes_per_day=clip.stat().st_size)
    rule = workshop.server.faults.lose_answer("storage.put")
    assert workshop.sync().pending == 1  # no room for the second attempt
    assert rule.hits == 1
    assert per_day(workshop, "size_bytes")[0] <= clip.stat().st_size
    clock.next_midnight()
    assert workshop.sync().enriched == 1
    assert sum(per_day(workshop, "size_bytes")) > clip.stat().st_size
    workshop.assert_clean()


def test_an_upload_that_was_interrupted_goes_on_in_the_room_that_is_left(
    workshop: Workshop, make_clip: MakeClip, clock: JumpingClock
) -> None:
    size_bytes = make_large(make_clip(workshop.footage / "clip.mp4"), 400_000).stat().st_size
    stop = threading.Event()

    class StopAfterAChunk(Silent):
        def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
            if done_bytes:
                stop.set()

    workshop.sync(stop=stop, progress=StopAfterAChunk())
    assert workshop.states() == {"clip.mp4": "uploading"}
    (there_bytes,) = per_day(workshop, "size_bytes")
    assert 0 < there_bytes < size_bytes
    cap(workshop, bytes_per_day=size_bytes + there_bytes - 1)  # too little for the whole file
    assert workshop.sync().enriched == 1
    workshop.assert_clean()


def test_a_large_file_holds_up_no_small_one(workshop: Workshop, make_clip: MakeClip, clock: JumpingClock) -> None:
    make_clip(workshop.footage / "a-large.mp4", duration_s=3 * CLIP_S)
    make_clip(workshop.footage / "small.mp4", duration_s=CLIP_S)
    cap(workshop, minutes_per_day=MINUTES)
    summary = workshop.sync()
    assert workshop.states() == {"a-large.mp4": "identified", "small.mp4": "enriched"}
    assert "more than caps.minutes_per_day" in workshop.files()["a-large.mp4"].reason
    assert "needs more than the whole cap" in summary.caps[0]["text"]


def test_a_copy_of_what_is_known_needs_no_room(workshop: Workshop, make_clip: MakeClip, clock: JumpingClock) -> None:
    make_clip(workshop.footage / "clip.mp4")
    cap(workshop, minutes_per_day=MINUTES)
    workshop.sync()
    make_clip(workshop.footage / "copy.mp4")
    assert (workshop.sync().enriched, held(workshop)) == (2, [])


def test_copies_of_a_file_that_waits_wait_too(workshop: Workshop, make_clip: MakeClip, clock: JumpingClock) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        make_clip(workshop.footage / name)
    cap(workshop, minutes_per_day=0)
    assert workshop.sync().pending == 3  # and the pass ends, since nobody looks after the others every two seconds
    assert held(workshop) == ["a.mp4", "b.mp4", "c.mp4"]


def test_a_cap_of_money_holds_texts_too(workshop: Workshop, make_clip: MakeClip, clock: JumpingClock) -> None:
    """Indexing costs half of it; then come four texts, each with a price of its own."""
    make_clip(workshop.footage / "clip.mp4")
    prices = PriceSettings(
        indexing_per_minute=12.0, storage_per_minute_month=0.0, analysis_per_minute=6.0, output_per_1k_tokens=0.0
    )
    workshop.changes = {"caps": CapSettings(money_per_day=2.1), "prices": prices}
    for texts, state in ((2, "ready"), (4, "enriched")):  # 1.00 + 0.50 + 0.50, and the rest on another day
        workshop.sync()
        calls = workshop.counts()
        assert calls.get("summarize", 0) + calls.get("gist", 0) == texts, calls
        assert workshop.states() == {"clip.mp4": state}
        clock.next_midnight()
    workshop.assert_clean()


def test_a_lost_answer_to_an_order_is_counted_once(
    workshop: Workshop, make_clip: MakeClip, clock: JumpingClock
) -> None:
    make_clip(workshop.footage / "clip.mp4")
    cap(workshop, minutes_per_day=MINUTES)
    workshop.server.faults.lose_answer("indexes.indexed_assets.create")
    workshop.sync()
    workshop.sync()
    assert workshop.states() == {"clip.mp4": "enriched"}
    assert [round(duration_ms / 1000) for duration_ms in per_day(workshop, "duration_ms")] == [5]
    with closing(sqlite3.connect(workshop.state_dir / FILE_NAME)) as ledger:
        assert ledger.execute("SELECT count(*) FROM spending WHERE is_open").fetchone() == (0,)
    workshop.assert_clean()


@pytest.fixture
def daemon(workshop: Workshop, clock: JumpingClock) -> Iterator[Callable[[], Engine]]:
    """The engine as `tlsync run` has it, in a thread."""
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def start() -> Engine:
        client = TwelveLabs(
            api_key=workshop.server.api_key, base_url=workshop.server.base_url, stop=stop, retries=QUICK_RETRIES
        )
        store = Store(workshop.state_dir, clock)
        engine = Engine(
            workshop.settings,
            store,
            client,
            workshop.prober,
            clock=clock,
            stop=stop,
            progress=Silent(),
            is_single_pass=False,
        )

        def live() -> None:
            with store, client:
                engine.run_forever()

        threads.append(threading.Thread(target=live, name="test-engine"))
        threads[0].start()
        return engine

    yield start
    stop.set()
    for thread in threads:
        thread.join(30)


def test_a_daemon_goes_on_by_itself_when_the_day_ends(
    workshop: Workshop, make_clip: MakeClip, clock: JumpingClock, daemon: Callable[[], Engine]
) -> None:
    three_clips(workshop, make_clip)
    cap(workshop, minutes_per_day=MINUTES)
    daemon()
    for done in (1, 2, 3):
        wait_until(
            lambda done=done: (
                (list(workshop.states().values()).count("enriched"), len(held(workshop)))  # type: ignore[misc]
                == (done, 3 - done)
            ),
            f"{done} clips done, {3 - done} waiting",
        )
        clock.next_midnight()
    assert len(per_day(workshop, "duration_ms")) == 3
    assert max(per_day(workshop, "duration_ms")) <= MINUTES * 60_000


def test_the_ledger_outlives_a_catalog_that_is_made_anew(
    workshop: Workshop, make_clip: MakeClip, clock: JumpingClock
) -> None:
    three_clips(workshop, make_clip)
    cap(workshop, minutes_per_day=MINUTES)
    workshop.sync()
    for path in workshop.state_dir.glob("catalog*"):
        path.unlink()
    assert (workshop.sync().enriched, len(held(workshop))) == (1, 2)
    with CatalogReader(workshop.state_dir) as reader:
        assert reader.exists
    ledger = Spending(workshop.state_dir, clock)
    assert ledger.used("USD").day.duration_ms <= MINUTES * 60_000
    ledger.close()


def test_a_new_start_makes_no_calls_for_files_that_wait(
    workshop: Workshop, make_clip: MakeClip, clock: JumpingClock
) -> None:
    three_clips(workshop, make_clip)
    cap(workshop, bytes_per_day=1)
    workshop.sync()
    before = workshop.counts()
    assert workshop.sync().pending == 3
    made = {name: number - before.get(name, 0) for name, number in workshop.counts().items()}
    assert sum(number for name, number in made.items() if name.startswith(("assets", "indexes.indexed"))) == 0


def test_what_was_set_aside_stays_so_until_it_is_noted_that_the_file_is_sent(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another file that finds no room looks at that moment for what is set aside in vain."""
    make_clip(workshop.footage / "clip.mp4", duration_s=CLIP_S)
    cap(workshop, minutes_per_day=MINUTES)
    engines: list[Engine] = []
    is_given_up: list[bool] = []
    move = Catalog.move

    def watched_move(self: Catalog, file: FileRow, to: FileState, reason: str = "", **facts: Any) -> FileRow:
        if to == FileState.UPLOADING:
            is_given_up.append(engines[0]._context.caps._clear_out())
        return move(self, file, to, reason, **facts)

    monkeypatch.setattr(Catalog, "move", watched_move)
    assert workshop.sync(before=engines.append).enriched == 1
    assert is_given_up == [False]
