"""Stories of media that are too long for one analysis: texts come from the background, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import jsonschema
import pytest

from tests.workshop import Workshop
from tlsync.config import IndexSettings
from tlsync.engine.planner import Planner
from tlsync.errors import Unauthorized
from tlsync.media.probe import Prober
from tlsync.sandbox.server import SandboxServer
from tlsync.store.reader import CatalogReader
from tlsync.store.sidecar_format import json_schema

MakeClip = Callable[..., Path]
MORE_THAN_AN_HOUR = {"duration_s": 3700, "fps": Fraction(1, 20), "tone_hz": 0}
TOO_LONG = {"code": "video_duration_too_long", "message": "The video is too long."}


@pytest.fixture
def later(tmp_path: Path) -> Iterator[Workshop]:
    """As `workshop`, with the platform of 2026-07: no Pegasus in an index, but analysis in the background."""
    footage = tmp_path / "footage"
    footage.mkdir()
    with SandboxServer(chunk_size_bytes=256 * 1024, platform="2026-07") as server, Prober() as prober:
        yield Workshop(server, footage, tmp_path / "state", prober)


def assert_described(workshop: Workshop, name: str) -> None:
    sidecar = workshop.sidecar(name)
    jsonschema.validate(sidecar, json_schema())
    assert sidecar["chapters"], sidecar["provenance"]
    assert {sidecar["provenance"][kind]["source"] for kind in ("summary", "chapters", "highlights", "gist")} == {
        "analyze"
    }
    workshop.assert_clean()


def test_a_recording_of_more_than_an_hour_is_described_in_the_background(later: Workshop, make_clip: MakeClip) -> None:
    """Its index takes it, since it has no Pegasus model; nothing is asked that would be refused for its length."""
    make_clip(later.footage / "long.mp4", **MORE_THAN_AN_HOUR)
    summary = later.sync()
    assert (summary.enriched, summary.ineligible, summary.failed) == (1, 0, 0)
    assert_described(later, "long.mp4")
    assert later.counts()["analyze_async.tasks.create"] == 1
    assert later.counts()["analyze_async.tasks.retrieve"] >= 1
    assert "analyze" not in later.counts()


def test_a_refusal_for_length_leads_to_the_background(later: Workshop, make_clip: MakeClip) -> None:
    make_clip(later.footage / "dense.mp4")
    # The first refusal is that of the parameter `video_id`.
    later.server.faults.answer("analyze", 400, body=TOO_LONG, nth=2, times=None)
    assert later.sync().enriched == 1
    assert_described(later, "dense.mp4")
    assert later.counts()["analyze"] == 2
    assert later.counts()["analyze_async.tasks.create"] == 1


def test_a_task_under_way_is_taken_up_by_the_next_run(later: Workshop, make_clip: MakeClip) -> None:
    make_clip(later.footage / "long.mp4", **MORE_THAN_AN_HOUR)
    rule = later.server.faults.answer("analyze_async.tasks.retrieve", 401, times=None)
    with pytest.raises(Unauthorized):
        later.sync()
    assert rule.hits
    assert later.states() == {"long.mp4": "ready"}
    later.server.faults.clear()
    assert later.sync().enriched == 1
    assert_described(later, "long.mp4")
    assert later.counts()["analyze_async.tasks.create"] == 1


@pytest.mark.parametrize("is_key_honoured", [True, False])
def test_an_order_whose_answer_is_lost_is_not_placed_twice(
    later: Workshop, make_clip: MakeClip, is_key_honoured: bool
) -> None:
    """Found again by its name, also where the server knows nothing of keys."""
    make_clip(later.footage / "long.mp4", **MORE_THAN_AN_HOUR)
    rule = later.server.faults.lose_answer("analyze_async.tasks.create")
    if not is_key_honoured:
        later.server.faults.answer("analyze_async.tasks.create", 500, nth=2, times=None)
    assert later.sync().failed == 0
    assert rule.hits == 1
    assert_described(later, "long.mp4")
    tasks = later.server.world.core.db.rows("SELECT id FROM analysis_tasks")
    assert len(tasks) == 1


def test_a_second_machine_gets_the_same_task(later: Workshop, make_clip: MakeClip, tmp_path: Path) -> None:
    make_clip(later.footage / "long.mp4", **MORE_THAN_AN_HOUR)
    later.sync()
    later.state_dir = tmp_path / "second"
    assert later.sync().enriched == 1
    assert len(later.server.world.core.db.rows("SELECT id FROM analysis_tasks")) == 1


def test_a_task_that_fails_leaves_its_reason_and_the_rest(later: Workshop, make_clip: MakeClip) -> None:
    make_clip(later.footage / "long.mp4", **MORE_THAN_AN_HOUR)
    later.server.faults.fail("analysis")
    assert later.sync().enriched == 1
    sidecar = later.sidecar("long.mp4")
    assert sidecar["summary"] is None
    assert "failed: The sandbox was told" in sidecar["provenance"]["summary"]["reason"]
    assert sidecar["transcription"] == []


def test_a_task_that_is_gone_fails_the_file_and_is_ordered_anew_by_hand(later: Workshop, make_clip: MakeClip) -> None:
    make_clip(later.footage / "long.mp4", **MORE_THAN_AN_HOUR)
    gone = {"code": "resource_not_exist", "message": "no such task"}
    later.server.faults.answer("analyze_async.tasks.retrieve", 404, body=gone)
    summary = later.sync()
    assert (summary.failed, summary.errors[0].code) == (1, "remote_failed")
    assert later.sync(before=lambda engine: engine.retry([]) and None).enriched == 1
    assert_described(later, "long.mp4")
    assert later.counts()["analyze_async.tasks.create"] == 2


def test_without_such_tasks_the_platforms_own_reason_is_kept(later: Workshop, make_clip: MakeClip) -> None:
    """Whether there are such tasks is found out once, not per file."""
    for number in range(2):
        make_clip(later.footage / f"{number}.mp4", pattern=number, **MORE_THAN_AN_HOUR)
    later.server.faults.answer("analyze_async.tasks.create", 404, times=None)
    later.server.faults.answer("analyze", 400, body=TOO_LONG, times=None)
    assert later.sync().enriched == 2
    assert "video_duration_too_long" in later.sidecar("0.mp4")["provenance"]["summary"]["reason"]
    assert later.counts()["analyze_async.tasks.create"] <= 2
    calls = later.counts()["analyze_async.tasks.create"]
    make_clip(later.footage / "3.mp4", pattern=3, **MORE_THAN_AN_HOUR)
    assert later.sync().enriched == 3
    assert later.counts()["analyze_async.tasks.create"] == calls


def test_an_index_with_pegasus_takes_an_hour_and_nothing_is_sent(workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "long.mp4", **MORE_THAN_AN_HOUR)
    for _ in range(2):
        summary = workshop.sync()
        assert (summary.ineligible, summary.bytes_sent) == (1, 0)
    assert "too long: 61.7 min; the limit is 60 min" in summary.errors[0].message
    assert "multipart_upload.create" not in workshop.counts()


def test_an_index_without_pegasus_takes_more_than_an_hour(workshop: Workshop, make_clip: MakeClip) -> None:
    """Also on the reference's platform; what it says of the texts is the reason why there are none."""
    make_clip(workshop.footage / "long.mp4", **MORE_THAN_AN_HOUR)
    workshop.changes = {"index": IndexSettings(models=("marengo3.0",))}
    assert workshop.sync().enriched == 1
    assert workshop.sidecar("long.mp4")["summary"] is None


def test_a_plan_names_the_most_that_may_be_sent(workshop: Workshop, make_clip: MakeClip) -> None:
    """Until the index is there nobody knows what it takes; afterwards the plan says what the sync does."""
    long = make_clip(workshop.footage / "long.mp4", **MORE_THAN_AN_HOUR)

    def planned() -> tuple[str, str]:
        with CatalogReader(workshop.state_dir) as reader:
            (plan,) = Planner(workshop.settings, reader, workshop.prober).plan([long])
        return plan.action, plan.reason

    action, reason = planned()
    assert action == "upload"
    assert "not sent if the index gets all its models: too long" in reason
    workshop.sync()
    assert planned()[0] == "reject"
