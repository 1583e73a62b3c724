"""Another machine's upload of the same content: who stands back, and for how long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workshop import QUICK_RETRIES, HastyClock, Workshop
from tlsync.api import TwelveLabs
from tlsync.engine import rivals, scheduler
from tlsync.engine.engine import Engine
from tlsync.engine.tally import Summary
from tlsync.store.sessions import Sessions

MakeClip = Callable[..., Path]


def sync(workshop: Workshop, **options: Any) -> Summary:
    """A pass, and another one if the clip was still too new for the first."""
    for _ in range(10):
        summary = workshop.sync(**options)
        if not {"discovered", "settling"} & set(workshop.states().values()):
            break
    return summary


@pytest.fixture(autouse=True)
def hasty(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.clock = HastyClock(20)
    monkeypatch.setattr(scheduler, "_LONGEST_NAP_S", 0.02)


@pytest.fixture
def colleague(workshop: Workshop) -> Iterator[TwelveLabs]:
    """Somebody else with the same account."""
    with TwelveLabs(workshop.server.api_key, workshop.server.base_url, retries=QUICK_RETRIES) as client:
        yield client


def test_a_rival_that_makes_no_progress_is_waited_for_in_vain_and_then_passed(
    workshop: Workshop, make_clip: MakeClip, colleague: TwelveLabs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rivals, "_PATIENCE_S", 5.0)
    clip = make_clip(workshop.footage / "clip.mp4")
    colleague.multipart_upload.create(filename="same.mp4", total_size=clip.stat().st_size)
    assert sync(workshop).enriched == 1
    listed = workshop.counts()["multipart_upload.list_incomplete_uploads"]
    assert listed > 1, "it was waited for"
    assert workshop.counts()["multipart_upload.create"] == 2


def test_a_session_of_another_size_is_nobody(workshop: Workshop, make_clip: MakeClip, colleague: TwelveLabs) -> None:
    make_clip(workshop.footage / "clip.mp4")
    colleague.multipart_upload.create(filename="clip.mp4", total_size=12345)
    sync(workshop)
    assert workshop.files()["clip.mp4"].state == "enriched", workshop.files()["clip.mp4"].reason
    assert workshop.counts()["multipart_upload.list_incomplete_uploads"] == 1


def test_a_rival_that_goes_on_is_left_for_a_later_pass(
    workshop: Workshop, make_clip: MakeClip, colleague: TwelveLabs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No byte is sent; a single pass does not wait for hours."""
    monkeypatch.setattr(rivals, "_PASS_PATIENCE_S", 2.0)
    clip = make_clip(workshop.footage / "clip.mp4")
    colleague.multipart_upload.create(filename="same.mp4", total_size=clip.stat().st_size)
    moves = iter(range(1, 1_000_000))
    monkeypatch.setattr(rivals.Rivals, "_done_bytes", lambda self, upload: next(moves))
    summary = sync(workshop)
    assert (summary.pending, summary.bytes_sent) == (1, 0)
    assert workshop.states() == {"clip.mp4": "uploading"}
    assert workshop.files()["clip.mp4"].reason == rivals.WAITING


def test_a_lost_answer_of_ours_is_not_taken_for_a_rival(workshop: Workshop, make_clip: MakeClip) -> None:
    """Also not by the next run: the intent is in the catalog before the call."""
    make_clip(workshop.footage / "clip.mp4")
    rule = workshop.server.faults.lose_answer("multipart_upload.create")
    stop = threading.Event()

    def stop_at_once(engine: Engine) -> None:
        threading.Thread(target=lambda: _stop_when(lambda: rule.hits > 0, stop), daemon=True).start()

    workshop.sync(stop=stop, before=stop_at_once)
    assert sync(workshop).enriched == 1
    assert workshop.counts()["multipart_upload.create"] == 2
    assert workshop.counts()["multipart_upload.list_incomplete_uploads"] == 1, "nobody was waited for"


def _stop_when(is_time: Callable[[], bool], stop: threading.Event) -> None:
    while not is_time() and not stop.wait(0.002):
        pass
    stop.set()


def test_one_workstation_alone_pays_two_lists_for_a_new_clip(workshop: Workshop, make_clip: MakeClip) -> None:
    """One for other uploads, one for other entries; the look at a new entry takes the place of a poll."""
    make_clip(workshop.footage / "first.mp4", pattern=9)
    sync(workshop)
    before = workshop.counts()
    make_clip(workshop.footage / "clip.mp4")
    sync(workshop)
    more = {call: count - before.get(call, 0) for call, count in workshop.counts().items() if call.endswith("list")}
    assert more == {"assets.list": 1, "indexes.indexed_assets.list": 3, "indexes.list": 0}
    before = workshop.counts()
    sync(workshop)
    assert workshop.counts() == before


def test_an_upload_of_ours_that_is_noted_late_is_not_waited_for_once_it_is_known(
    workshop: Workshop, make_clip: MakeClip, colleague: TwelveLabs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two clips of one size: a session may be listed by the platform before its answer is in the catalog."""
    clip = make_clip(workshop.footage / "clip.mp4")
    colleague.multipart_upload.create(filename="same.mp4", total_size=clip.stat().st_size)

    def is_noted_now(self: rivals.Rivals, upload: object) -> int:
        monkeypatch.setattr(Sessions, "is_known", lambda self, upload_id: True)
        monkeypatch.setattr(Sessions, "known", lambda self, upload_ids: set(upload_ids))
        return 0

    monkeypatch.setattr(rivals.Rivals, "_done_bytes", is_noted_now)
    assert sync(workshop).enriched == 1
    assert workshop.counts()["multipart_upload.list_incomplete_uploads"] == 2
