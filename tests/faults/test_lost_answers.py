"""F35: an answer is lost after the call took effect. What the call made is found again, not made twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Row
from tests.workshop import QUICK_RETRIES, HastyClock, Workshop, sha256_of
from tlsync.api import TwelveLabs
from tlsync.engine import scheduler
from tlsync.media.probe import Prober
from tlsync.sandbox.faults import Rule
from tlsync.sandbox.server import SandboxServer
from tlsync.sandbox.settings import Platform

MakeClip = Callable[..., Path]
MakeWorkshop = Callable[[Platform], Workshop]

CHAIN = (
    "indexes.list",
    "indexes.create",
    "indexes.retrieve",
    "indexes.indexed_assets.list",
    "multipart_upload.create",
    "assets.list",
    "multipart_upload.get_additional_presigned_urls",
    "storage.put",
    "multipart_upload.report_chunk_batch",
    "multipart_upload.get_status",
    "assets.retrieve",
    "indexes.indexed_assets.create",
    "indexes.indexed_assets.update",
    "indexes.indexed_assets.retrieve",
)
"""Every call on a file's way to `ready`."""
TEXTS: dict[Platform, tuple[str, ...]] = {"2025-11": ("summarize", "gist"), "2026-07": ("analyze",)}
TOO_LONG = {"code": "video_duration_too_long", "message": "The video is too long."}
_MOST_PASSES = 6


@pytest.fixture
def make_workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeWorkshop]:
    """Makes a workshop with a platform of its own; waits are real in their order, and short."""
    monkeypatch.setattr(scheduler, "_LONGEST_NAP_S", 0.02)
    opened: list[SandboxServer] = []
    with Prober() as prober:

        def make(platform: Platform) -> Workshop:
            place = tmp_path / str(len(opened))
            (place / "footage").mkdir(parents=True)
            server = SandboxServer(chunk_size_bytes=32 * 1024, first_urls=2, platform=platform).__enter__()
            opened.append(server)
            return Workshop(server, place / "footage", place / "state", prober, clock=HastyClock(20))

        yield make
        for server in opened:
            server.__exit__(None, None, None)


def sync_until_done(workshop: Workshop) -> None:
    for _ in range(_MOST_PASSES):
        if workshop.sync().enriched == len(workshop.states()) > 0:
            return


def assert_nothing_twice(workshop: Workshop, platform: Platform, lost: dict[str, int], clips: list[Path]) -> None:
    """The oracle is what the platform did, not what tlsync knows of it."""
    assert set(workshop.states().values()) == {"enriched"}, [(f.path, f.reason) for f in workshop.files().values()]
    assert set(workshop.remote_contents()) == {sha256_of(clip) for clip in clips}
    workshop.assert_clean()
    ledger = workshop.server.ledger
    with_data = {chunk.upload_id for chunk in ledger.puts() if chunk.stored}
    assert len(with_data) == len(clips), "a session that nobody goes on with got bytes"
    assert sum(len(entries) for entries in ledger.indexed_by_asset().values()) == len(clips)
    assert sum(session["is_completed"] for session in ledger.sessions()) == len(clips)
    made_indexes = [call for call in ledger.calls("indexes.create") if call.status == 201]
    assert len(made_indexes) == 1
    for call in TEXTS[platform]:
        # A text comes with its answer alone: only the one whose answer was lost may be asked for again.
        kinds = 3 if call == "summarize" else 1
        computed = [entry for entry in ledger.calls(call) if entry.status == 200]
        assert len(computed) <= kinds * len(clips) + lost.get(call, 0)


@pytest.mark.parametrize("platform", ["2025-11", "2026-07"])
def test_f35_every_call_loses_an_answer(
    row: Row, make_workshop: MakeWorkshop, make_clip: MakeClip, platform: Platform
) -> None:
    """One story in which the first answer to each call of the chain never comes."""
    workshop = make_workshop(platform)
    clips = [make_clip(workshop.footage / "one.mp4"), make_clip(workshop.footage / "two.mp4", pattern=2)]
    calls = (*CHAIN, *TEXTS[platform])
    rules: dict[str, Rule] = {call: workshop.server.faults.lose_answer(call) for call in calls}
    sync_until_done(workshop)
    assert_nothing_twice(workshop, platform, {call: rule.hits for call, rule in rules.items()}, clips)
    struck = sum(rule.hits for rule in rules.values())
    assert struck >= len(calls) - 2, [call for call, rule in rules.items() if not rule.hits]
    row.say(f"{platform}: {struck} of {len(calls)} calls lost an answer: 0 sessions with data, assets, entries twice")


def test_f35_an_analysis_in_the_background_is_ordered_once(
    row: Row, make_workshop: MakeWorkshop, make_clip: MakeClip
) -> None:
    """The order goes by a name that follows from what is asked, so the same order leads to the same task."""
    workshop = make_workshop("2026-07")
    clip = make_clip(workshop.footage / "clip.mp4")
    workshop.server.faults.answer("analyze", 400, body=TOO_LONG, nth=2, times=None)
    rule = workshop.server.faults.lose_answer("analyze_async.tasks.create")
    sync_until_done(workshop)
    assert_nothing_twice(workshop, "2026-07", {}, [clip])
    with TwelveLabs(workshop.server.api_key, workshop.server.base_url, retries=QUICK_RETRIES) as client:
        assert len(list(client.analyze_async.tasks.list())) == rule.hits == 1
    row.say("background analyses: 1 answer lost, 0 ordered twice")


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.parametrize("platform", ["2025-11", "2026-07"])
def test_f35_any_answer_of_any_call(
    row: Row, make_workshop: MakeWorkshop, make_clip: MakeClip, platform: Platform
) -> None:
    """Each call in turn, at its first, second or third time; so often, now and then, that the pass gives up."""
    rounds, struck = row.times(every=1, merge=1, long=25), 0
    calls = (*CHAIN, *TEXTS[platform])
    for number in range(rounds):
        for call in calls:
            workshop = make_workshop(platform)
            clips = [make_clip(workshop.footage / "clip.mp4")]
            nth, times = row.random.randint(1, 3), row.random.choice([1, 2, QUICK_RETRIES.attempts + 1])
            rule = workshop.server.faults.lose_answer(call, nth=nth, times=times)
            sync_until_done(workshop)
            try:
                assert_nothing_twice(workshop, platform, {call: rule.hits}, clips)
            except AssertionError as error:
                raise AssertionError(f"round {number}, {call} nth={nth} times={times}: {error}") from error
            struck += rule.hits
            workshop.server.__exit__(None, None, None)
    row.say(f"{platform}: {rounds} x {len(calls)} calls, {struck} answers lost: nothing made or sent twice")
