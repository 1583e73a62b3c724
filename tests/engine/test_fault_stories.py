"""Stories with faults: after each, nothing was sent, made or billed twice, and the file arrived."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workshop import HastyClock, Workshop, sha256_of
from tlsync.config import UploadSettings
from tlsync.engine import scheduler
from tlsync.engine.progress import Silent
from tlsync.errors import RateLimited
from tlsync.timetable import constant

MakeClip = Callable[..., Path]

CHAIN = (
    "indexes.list",
    "indexes.create",
    "indexes.retrieve",
    "multipart_upload.create",
    "multipart_upload.get_additional_presigned_urls",
    "storage.put",
    "multipart_upload.report_chunk_batch",
    "multipart_upload.get_status",
    "assets.retrieve",
    "indexes.indexed_assets.create",
    "indexes.indexed_assets.retrieve",
    "indexes.indexed_assets.update",
)
"""Every call on a file's way to `ready`."""


@pytest.fixture(autouse=True)
def hasty(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts are real in their order, and short."""
    workshop.clock = HastyClock(20)
    monkeypatch.setattr(scheduler, "_LONGEST_NAP_S", 0.02)


def assert_arrived(workshop: Workshop, *clips: Path) -> None:
    assert set(workshop.states().values()) == {"enriched"}
    assert set(workshop.remote_contents()) == {sha256_of(clip) for clip in clips}
    workshop.assert_clean()


@pytest.mark.parametrize("call", CHAIN)
def test_an_answer_lost_after_its_effect_doubles_nothing(workshop: Workshop, make_clip: MakeClip, call: str) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    rule = workshop.server.faults.lose_answer(call)
    summary = workshop.sync()
    assert rule.hits == 1
    assert summary.failed == 0
    assert_arrived(workshop, clip)
    completed = [session for session in workshop.server.ledger.sessions() if session["is_completed"]]
    assert len(completed) == 1


@pytest.mark.parametrize("call", CHAIN)
@pytest.mark.parametrize("status", [429, 503])
def test_a_refusal_in_passing_is_waited_out(workshop: Workshop, make_clip: MakeClip, call: str, status: int) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    rule = workshop.server.faults.answer(call, status, headers={"Retry-After": "0"})
    assert workshop.sync().failed == 0
    assert rule.hits == 1
    assert_arrived(workshop, clip)


def test_a_used_or_expired_url_is_replaced_and_costs_nothing_else(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    workshop.server.faults.answer("storage.put", 403, times=2)
    summary = workshop.sync()
    assert (summary.enriched, summary.uploaded) == (1, 1)
    assert_arrived(workshop, clip)
    assert max(chunk.puts for chunk in workshop.server.ledger.puts()) <= 3


@pytest.mark.parametrize("etag", ["0" * 32, None])
def test_a_wrong_or_missing_etag_sends_the_chunk_again(
    workshop: Workshop, make_clip: MakeClip, etag: str | None
) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    rule = workshop.server.faults.etag(etag)
    workshop.sync()
    assert rule.hits == 1
    assert_arrived(workshop, clip)


def test_a_session_that_expires_is_renewed(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=30)

    class ExpireOnce(Silent):
        done = False

        def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
            if done_bytes and not self.done:
                self.done = True
                workshop.server.world.expire_sessions()

    summary = workshop.sync(progress=ExpireOnce())
    assert (summary.failed, summary.enriched) == (0, 1)
    assert workshop.counts()["multipart_upload.create"] == 2
    assert_arrived(workshop, clip)


class _WhileSending(Silent):
    """Does something once, when the first bytes have gone."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act: Callable[[], object] | None = act

    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        act, self._act = (self._act, None) if done_bytes else (None, self._act)
        if act is not None:
            act()


def test_a_file_that_changes_while_it_is_sent_starts_over(workshop: Workshop, make_clip: MakeClip) -> None:
    """No mixture of two versions ever becomes an asset."""
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=30)
    new = make_clip(workshop.footage.with_name("new.mp4"), pattern=9, duration_s=30)

    def rewrite() -> None:
        clip.write_bytes(new.read_bytes())

    workshop.sync(progress=_WhileSending(rewrite))
    workshop.sync()
    assert_arrived(workshop, new)


def test_a_file_that_is_replaced_while_it_is_sent_starts_over(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=30)
    new = make_clip(workshop.footage.with_name("new.mp4"), pattern=9, duration_s=30)
    wanted = sha256_of(new)
    workshop.sync(progress=_WhileSending(lambda: new.replace(clip)))
    workshop.sync()
    assert workshop.states() == {"clip.mp4": "enriched"}
    assert workshop.files()["clip.mp4"].sha256 == wanted
    workshop.assert_clean()


def test_a_file_that_goes_away_while_it_is_sent_is_missing(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=30)
    other = make_clip(workshop.footage / "other.mp4", pattern=2)
    workshop.sync(progress=_WhileSending(lambda: clip.unlink(missing_ok=True)))
    workshop.sync()
    assert workshop.states()["other.mp4"] == "enriched"
    assert workshop.states().get("clip.mp4", "missing") == "missing"
    assert sha256_of(other) in workshop.remote_contents()


def test_a_failed_upload_goes_on_where_it_stopped(workshop: Workshop, make_clip: MakeClip) -> None:
    """Chunks that were acknowledged are not sent again by the next run."""
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=30)
    workshop.server.faults.answer("storage.put", 500, nth=5, times=None)
    summary = workshop.sync()
    assert summary.enriched == 0
    workshop.server.faults.clear()
    assert workshop.sync().enriched == 1
    assert all(chunk.repeated == 0 for chunk in workshop.server.ledger.puts())
    assert workshop.counts()["multipart_upload.create"] == 1
    assert_arrived(workshop, clip)


def test_chunks_of_an_earlier_run_are_compared_with_the_file(workshop: Workshop, make_clip: MakeClip) -> None:
    """A file rewritten behind tlsync's back, with its old size and time, is not mixed with its old chunks."""
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=30)
    workshop.server.faults.answer("storage.put", 500, nth=5, times=None)
    workshop.sync()
    workshop.server.faults.clear()
    old = clip.stat()
    data = bytearray(clip.read_bytes())
    data[1000] ^= 1
    clip.write_bytes(data)
    os.utime(clip, ns=(old.st_atime_ns, old.st_mtime_ns))
    workshop.sync()
    workshop.sync()
    assert workshop.states() == {"clip.mp4": "enriched"}
    assert list(workshop.remote_contents()) == [sha256_of(clip)]
    workshop.assert_clean()


def test_a_long_rate_limit_ends_the_pass_and_says_when(workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "clip.mp4")
    workshop.server.faults.answer("indexes.list", 429, headers={"Retry-After": "3000"}, times=None)
    with pytest.raises(RateLimited) as caught:
        workshop.sync()
    assert caught.value.retry_after_s is not None
    assert caught.value.retry_after_s >= 3000


@pytest.mark.parametrize("kind", ["asset", "indexed_asset"])
def test_what_the_platform_gives_up_on_fails_with_a_reason_and_can_be_retried(
    workshop: Workshop, make_clip: MakeClip, kind: str
) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    make_clip(workshop.footage / "other.mp4", pattern=2)
    rule = workshop.server.faults.fail(kind)
    summary = workshop.sync()
    assert rule.hits == 1
    assert (summary.failed, summary.enriched) == (1, 1)
    assert "tlsync retry" in summary.errors[0].hint
    summary = workshop.sync(before=lambda engine: engine.retry([]) and None)
    assert (summary.failed, summary.enriched) == (0, 2)
    assert clip.exists()


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_any_number_of_workers_sends_every_chunk(workshop: Workshop, make_clip: MakeClip, workers: int) -> None:
    workshop.changes = {"upload": UploadSettings(workers=workers, verify_chunks=False)}
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=30)
    workshop.sync()
    assert_arrived(workshop, clip)


def test_a_bandwidth_limit_still_arrives(workshop: Workshop, make_clip: MakeClip) -> None:
    workshop.changes = {"upload": UploadSettings(bandwidth=constant(2_000_000))}
    clip = make_clip(workshop.footage / "clip.mp4")
    workshop.sync()
    assert_arrived(workshop, clip)
