"""What becomes of a file whose step failed: waited, parked, gone, or let alone; and what is charged to it."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import FakeClock, MakeClip
from tests.workshop import Workshop
from tlsync.api import TwelveLabs
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Silent
from tlsync.engine.scheduler import Next
from tlsync.engine.steps import Steps
from tlsync.errors import (
    BadAnswer,
    FileUnreadable,
    PlatformDown,
    QuotaExceeded,
    Rejected,
    ServerFault,
    TlsyncError,
    Unauthorized,
    Unreachable,
)
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.store import Store


@dataclass
class Bench:
    """A file in a catalog, the engine's real steps, and one step in place of the platform's that does as told."""

    steps: Steps
    store: Store
    engine: Engine
    file_id: Any
    paused: list[tuple[float, bool]] = field(default_factory=list)

    def advance(self, error: BaseException | None) -> Next:
        def step(file: FileRow) -> Next:
            if error is not None:
                raise error
            return Next(5.0)

        for state in (FileState.SETTLING, FileState.UPLOADED):
            self.steps._steps[state] = step
        return self.steps.advance(self.file_id)[1]

    @property
    def file(self) -> FileRow:
        found = self.store.catalog.get(self.file_id)
        assert found is not None
        return found


@pytest.fixture
def bench(workshop: Workshop, make_clip: MakeClip, fake_clock: FakeClock) -> Iterator[Bench]:
    make_clip(workshop.footage / "clip.mp4")
    stop = threading.Event()
    settings = workshop.settings
    with (
        Store(settings.state_dir, fake_clock) as store,
        TwelveLabs(workshop.server.api_key, settings.platform.base_url, clock=fake_clock, stop=stop) as client,
    ):
        engine = Engine(
            settings, store, client, workshop.prober, clock=fake_clock, stop=stop, progress=Silent(),
            is_single_pass=False,
        )  # fmt: skip
        engine._scanner.scan(engine._rows[0])
        (file,) = store.catalog.in_states(FileState.DISCOVERED)
        file = store.catalog.move(file, FileState.SETTLING)
        for state in (FileState.IDENTIFIED, FileState.UPLOADING, FileState.UPLOADED):
            file = store.catalog.move(file, state)
        registry: Any = SimpleNamespace()  # for the real steps, none of which runs here
        steps = Steps(engine._context, registry, engine._uploader, engine.trouble, engine._doubt)
        bench = Bench(steps, store, engine, file.id)
        engine.trouble._pause = lambda seconds, is_all: bench.paused.append((seconds, is_all))
        yield bench
        engine._uploader.close()


def down(wait_s: float) -> PlatformDown:
    return PlatformDown("the platform answers with errors", retry_after_s=wait_s, group="GET /assets/{asset_id}")


def lost() -> Unreachable:
    error = Unreachable("GET /x: no answer in time")
    error.concerns = "file"
    return error


@pytest.mark.parametrize("error", [down(240), ServerFault("GET /x answered 500"), lost()])
def test_trouble_of_the_platform_is_waited_out_and_not_charged(bench: Bench, error: TlsyncError) -> None:
    outcome = bench.advance(error)
    assert bench.file.state == FileState.UPLOADED and bench.file.attempts == 0
    assert bench.file.reason == str(error)
    assert outcome.due_in_s is not None and 0.8 <= outcome.due_in_s <= 240
    assert bench.paused == [], "other files go on"


def test_a_long_wait_is_patient(bench: Bench) -> None:
    assert bench.advance(down(240)).is_patient
    assert not bench.advance(lost()).is_patient


def test_waits_for_lost_answers_grow_to_a_minute_and_begin_anew_after_success(bench: Bench) -> None:
    waits = [bench.advance(lost()).due_in_s or 0.0 for _ in range(8)]
    assert waits[0] < 1.3 and waits[1] > 3 and max(waits) <= 72
    bench.advance(None)
    assert (bench.advance(lost()).due_in_s or 0.0) < 1.3


def test_no_network_and_a_bad_key_stop_the_lanes(bench: Bench) -> None:
    assert bench.advance(Unreachable("GET /x: the host name is not known")).due_in_s == 5
    assert bench.advance(Unauthorized("bad key")).due_in_s is not None
    assert bench.paused == [(5, False)]
    assert bench.file.state == FileState.UPLOADED


def test_a_plan_that_is_used_up_stops_only_what_needs_it(bench: Bench) -> None:
    error = QuotaExceeded("no hours left")
    error.group = "indexing"
    error.concerns = "group"
    assert (bench.advance(error).due_in_s or 0) >= 900
    assert bench.paused == [] and bench.file.attempts == 0


def test_files_that_waited_for_a_group_are_woken_when_it_is_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    woken: list[Any] = []
    bench.advance(down(900))
    monkeypatch.setattr(bench.steps, "_context", _Waking(bench.steps._context, woken))
    bench.steps._wake_freed(1e9)
    assert woken == [bench.file_id]


class _Waking:
    """The context, but for who is woken."""

    def __init__(self, context: Any, woken: list[Any]) -> None:
        self._context = context
        self.wake = woken.append

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


@pytest.mark.parametrize("error", [Rejected("415"), BadAnswer("not of the agreed shape")])
def test_a_refusal_is_charged_to_the_file(bench: Bench, error: TlsyncError) -> None:
    bench.advance(error)
    assert bench.file.state == FileState.FAILED and bench.file.attempts == 1
    assert (bench.file.retry_at is None) is not error.is_temporary


# --- what the system says


def unreadable(number: int) -> FileUnreadable:
    error = FileUnreadable("/clip.mp4", "can't be read")
    error.__cause__ = OSError(number, "x")
    return error


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN])
@pytest.mark.parametrize("is_told", [False, True])
def test_a_machine_with_nothing_left_slows_everything_down(bench: Bench, number: int, is_told: bool) -> None:
    bench.advance(unreadable(number) if is_told else OSError(number, "x"))
    assert bench.paused == [(5, True)]
    assert bench.file.state == FileState.UPLOADED and bench.file.attempts == 0


def test_no_memory_slows_everything_down(bench: Bench) -> None:
    bench.advance(MemoryError())
    assert bench.paused == [(5, True)] and bench.file.attempts == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_waited_for(bench: Bench, number: int) -> None:
    assert bench.advance(OSError(number, "No space left on device")).due_in_s == 60
    assert bench.file.state == FileState.UPLOADED and bench.file.attempts == 0
    assert "No space left" in bench.file.reason and bench.paused == []


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EACCES])
@pytest.mark.parametrize("is_told", [False, True])
def test_what_cannot_be_read_is_parked_and_tried_again(bench: Bench, number: int, is_told: bool) -> None:
    bench.advance(unreadable(number) if is_told else OSError(number, "x"))
    file = bench.file
    assert file.state == FileState.FAILED and file.error_code == "unreadable" and file.retry_at is not None


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ENODEV])
def test_a_file_of_a_root_that_is_away_is_let_alone(bench: Bench, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsync.engine.steps.health", SimpleNamespace(check=lambda *_: False))
    assert bench.advance(unreadable(number)).due_in_s is None
    assert bench.file.state == FileState.UPLOADED and bench.file.attempts == 0


# --- mistakes


def test_a_mistake_parks_the_file_and_several_stop_all_that_is_sent(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for count in range(1, 6):
        bench.advance(ZeroDivisionError("a mistake"))
        assert bench.file.state == FileState.FAILED and bench.file.retry_at is None
        assert bench.engine.trouble.is_safe_mode is (count == 5)
        bench.store.catalog.move(bench.file, FileState.UPLOADED)
    assert "ZeroDivisionError" in caplog.text and "safe mode" in caplog.text
    assert bench.advance(AssertionError("never called")).due_in_s is None
    assert bench.file.state == FileState.UPLOADED
    assert bench.engine.trouble.describe()[0]["code"] == "safe_mode"
