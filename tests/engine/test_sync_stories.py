"""Whole stories of one pass: real clips, real SQLite, a real server."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from tests.workshop import Workshop, sha256_of
from tlsync.config import AnalysisSettings, RootSettings, SidecarSettings
from tlsync.engine.progress import Silent
from tlsync.errors import ConfigError, Unauthorized
from tlsync.models import Cue
from tlsync.sandbox.server import SandboxServer
from tlsync.store.sidecar_format import json_schema

MakeClip = Callable[..., Path]
CUES = (Cue(0.5, 2.0, "The boats leave the harbour."), Cue(2.5, 4.0, "Grüße, 世界."))


def test_new_clips_are_sent_indexed_and_described(workshop: Workshop, make_clip: MakeClip) -> None:
    """The main job: the platform has the very bytes, and beside each clip lies a valid sidecar."""
    (workshop.footage / "day 1").mkdir()
    one = make_clip(workshop.footage / "one.mp4", cues=CUES)
    two = make_clip(workshop.footage / "day 1" / "zwei ü.mp4", pattern=2)
    summary = workshop.sync()
    assert (summary.files, summary.uploaded, summary.enriched, summary.failed) == (2, 2, 2, 0)
    assert summary.bytes_sent == one.stat().st_size + two.stat().st_size == workshop.server.ledger.put_bytes()
    assert set(workshop.remote_contents()) == {sha256_of(one), sha256_of(two)}
    sidecar = workshop.sidecar("one.mp4")
    jsonschema.validate(sidecar, json_schema())
    assert sidecar["media"]["sha256"] == sha256_of(one)
    assert [cue["text"] for cue in sidecar["transcription"]] == [cue.text for cue in CUES]
    assert set(sidecar["provenance"]) == {"gist", "summary", "chapters", "highlights", "transcription"}
    assert workshop.history("one.mp4") == [
        "discovered", "settling", "identified", "uploading", "uploaded", "asset_ready", "indexing", "ready", "enriched",
    ]  # fmt: skip
    workshop.assert_clean()


def test_a_second_pass_asks_the_platform_nothing(workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "one.mp4")
    workshop.sync()
    before = workshop.counts()
    summary = workshop.sync()
    assert (summary.uploaded, summary.bytes_sent, summary.reused, summary.enriched) == (0, 0, 0, 1)
    assert workshop.counts() == before


def test_a_renamed_clip_is_not_sent_again_and_its_sidecar_follows(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "old.mp4")
    workshop.sync()
    old_id = workshop.files()["old.mp4"].id
    (workshop.footage / "sub").mkdir()
    clip.rename(workshop.footage / "sub" / "new.mp4")
    summary = workshop.sync()
    assert (summary.uploaded, summary.reused, summary.files, summary.enriched) == (0, 1, 1, 1)
    assert workshop.files()["sub/new.mp4"].id == old_id
    assert workshop.sidecar("sub/new.mp4")["media"]["filename"] == "new.mp4"
    assert not (workshop.footage / "old.mp4.tlsync.json").exists()
    workshop.assert_clean()


def test_a_copy_is_linked(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "one.mp4")
    workshop.sync()
    before = workshop.counts()
    shutil.copy(clip, workshop.footage / "copy.mp4")
    summary = workshop.sync()
    assert (summary.uploaded, summary.reused, summary.enriched) == (0, 1, 2)
    assert workshop.counts() == before
    one, copy = workshop.files()["one.mp4"], workshop.files()["copy.mp4"]
    assert one.indexed_asset_id == copy.indexed_asset_id


def test_equal_clips_that_arrive_together_are_sent_once(workshop: Workshop, make_clip: MakeClip) -> None:
    for name in ("a.mp4", "b.mp4", "c.mp4"):
        make_clip(workshop.footage / name)
    summary = workshop.sync()
    assert (summary.uploaded, summary.reused, summary.enriched) == (1, 2, 3)
    workshop.assert_clean()


def test_one_bad_file_never_stops_the_rest(workshop: Workshop, make_clip: MakeClip) -> None:
    good = make_clip(workshop.footage / "good.mp4")
    (workshop.footage / "text.mp4").write_text("this is no video")
    (workshop.footage / "cut.mp4").write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    (workshop.footage / "empty.mp4").touch()
    make_clip(workshop.footage / "short.mp4", duration_s=1.0)
    summary = workshop.sync()
    assert (summary.enriched, summary.ineligible, summary.failed, summary.pending) == (1, 4, 0, 0)
    reasons = {Path(problem.path).name: problem.message for problem in summary.errors}
    assert "too short: 1.0" in reasons["short.mp4"]
    assert "empty" in reasons["empty.mp4"]
    assert "incomplete" in reasons["cut.mp4"]
    assert all(problem.code == "not_eligible" and problem.hint for problem in summary.errors)
    assert workshop.counts()["multipart_upload.create"] == 1


def test_a_mended_file_is_taken(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    whole = clip.read_bytes()
    clip.write_bytes(whole[:1000])
    assert workshop.sync().ineligible == 1
    clip.write_bytes(whole)
    assert workshop.sync().enriched == 1


def test_another_version_of_a_file_is_sent(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    workshop.sync()
    make_clip(clip, pattern=7)
    assert workshop.sync().uploaded == 1
    assert workshop.sidecar("clip.mp4")["media"]["sha256"] == sha256_of(clip)
    workshop.assert_clean()


@pytest.mark.parametrize("how", ["touch", "chmod", "old time"])
def test_a_file_that_was_only_touched_is_not_sent(workshop: Workshop, make_clip: MakeClip, how: str) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    workshop.sync()
    sidecar = (workshop.footage / "clip.mp4.tlsync.json").stat()
    before = workshop.counts()
    match how:
        case "touch":
            clip.touch()
        case "chmod":
            clip.chmod(0o600)
        case "old time":
            os.utime(clip, (0, 0))
    summary = workshop.sync()
    assert (summary.uploaded, summary.bytes_sent, summary.enriched) == (0, 0, 1)
    assert workshop.counts() == before
    assert (workshop.footage / "clip.mp4.tlsync.json").stat().st_mtime_ns == sidecar.st_mtime_ns


def test_a_lost_sidecar_is_written_again_without_asking_the_platform(workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "clip.mp4", cues=CUES)
    workshop.sync()
    path = workshop.footage / "clip.mp4.tlsync.json"
    old = path.read_bytes()
    before = workshop.counts()
    path.unlink()
    workshop.sync()
    assert path.read_bytes() == old
    assert workshop.counts() == before


def test_a_sidecar_moves_to_where_the_settings_want_it(workshop: Workshop, make_clip: MakeClip) -> None:
    """What others noted in it goes along, and nothing is asked of the platform."""
    make_clip(workshop.footage / "clip.mp4")
    workshop.sync()
    old = workshop.footage / "clip.mp4.tlsync.json"
    old.write_text(json.dumps(json.loads(old.read_text()) | {"x-rating": 5}))
    before = workshop.counts()
    workshop.changes = {"sidecar": SidecarSettings(location="hidden")}
    workshop.sync()
    new = workshop.footage / ".tlsync" / "clip.mp4.tlsync.json"
    assert json.loads(new.read_text())["x-rating"] == 5
    assert not old.exists()
    assert workshop.files()["clip.mp4"].sidecar == new
    assert workshop.counts() == before


def test_more_kinds_in_the_settings_fetch_only_those(workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "clip.mp4")
    workshop.changes = {"analysis": AnalysisSettings(kinds=("summary",))}
    workshop.sync()
    assert "gist" not in workshop.sidecar("clip.mp4")
    workshop.changes = {"analysis": AnalysisSettings(kinds=("summary", "gist"))}
    workshop.sync()
    assert workshop.sidecar("clip.mp4")["gist"]["title"]
    assert (workshop.counts()["summarize"], workshop.counts()["gist"]) == (1, 1)


def test_captions_are_written_when_wanted(workshop: Workshop, make_clip: MakeClip) -> None:
    workshop.changes = {"sidecar": SidecarSettings(captions=("srt",))}
    make_clip(workshop.footage / "clip.mp4", cues=CUES)
    workshop.sync()
    assert "世界" in (workshop.footage / "clip.mp4.tlsync.srt").read_text("utf-8")


def test_a_wrong_key_ends_the_pass_and_costs_nothing(workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "clip.mp4")
    workshop.api_key = "wrong"
    with pytest.raises(Unauthorized):
        workshop.sync()
    assert workshop.states() == {"clip.mp4": "identified"}
    workshop.api_key = None
    assert workshop.sync().enriched == 1


def test_a_folder_that_is_away_changes_nothing(workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "clip.mp4")
    workshop.sync()
    before = workshop.counts()
    away = workshop.footage.with_name("unplugged")
    workshop.footage.rename(away)
    summary = workshop.sync()
    assert [problem.code for problem in summary.errors] == ["root_offline"]
    assert workshop.states() == {"clip.mp4": "enriched"}
    workshop.footage.mkdir()  # what an empty mount point looks like
    workshop.sync()
    assert workshop.states() == {"clip.mp4": "enriched"}
    workshop.footage.rmdir()
    away.rename(workshop.footage)
    workshop.sync()
    assert workshop.states() == {"clip.mp4": "enriched"}
    assert workshop.counts() == before


def test_a_removed_clip_is_missing_and_comes_back_for_nothing(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "clip.mp4")
    make_clip(workshop.footage / "other.mp4", pattern=3)
    workshop.sync()
    before = workshop.counts()
    clip.rename(workshop.footage.with_name("away.mp4"))
    assert workshop.sync().files == 1
    assert workshop.states()["clip.mp4"] == "missing"
    workshop.footage.with_name("away.mp4").rename(clip)
    workshop.sync()
    assert workshop.states()["clip.mp4"] == "enriched"
    assert workshop.counts() == before


def test_a_second_machine_finds_what_the_first_one_sent(
    workshop: Workshop, make_clip: MakeClip, tmp_path: Path
) -> None:
    """Without a catalog, the stamp in the platform's user metadata tells that the content is known."""
    make_clip(workshop.footage / "clip.mp4", cues=CUES)
    workshop.sync()
    workshop.state_dir = tmp_path / "second"
    summary = workshop.sync()
    assert (summary.uploaded, summary.reused, summary.enriched) == (0, 1, 1)
    workshop.assert_clean()


def test_two_folders_with_two_indexes_share_one_upload(workshop: Workshop, make_clip: MakeClip, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    make_clip(workshop.footage / "clip.mp4")
    make_clip(other / "clip.mp4")
    workshop.changes = {
        "roots": (RootSettings(path=workshop.footage, index="one"), RootSettings(path=other, index="two"))
    }
    summary = workshop.sync()
    assert (summary.uploaded, summary.enriched) == (1, 2)
    assert len(workshop.remote_contents()) == 1
    (indexed,) = workshop.server.ledger.indexed_by_asset().values()
    assert len(indexed) == 2


def test_a_pass_over_some_paths_leaves_the_rest(workshop: Workshop, make_clip: MakeClip, tmp_path: Path) -> None:
    one = make_clip(workshop.footage / "one.mp4")
    make_clip(workshop.footage / "two.mp4", pattern=2)
    assert workshop.sync([one]).files == 1
    assert workshop.states() == {"one.mp4": "enriched"}
    with pytest.raises(ConfigError, match="below none of the watched folders"):
        workshop.sync([tmp_path / "elsewhere.mp4"])


def _assert_all_texts_came_by_analyze(workshop: Workshop) -> None:
    for name in ("one.mp4", "two.mp4"):
        sidecar = workshop.sidecar(name)
        jsonschema.validate(sidecar, json_schema())
        assert {p["source"] for k, p in sidecar["provenance"].items() if k != "transcription"} == {"analyze"}
        assert sidecar["summary"]
        assert sidecar["chapters"] is not None


def test_texts_come_by_analyze_when_the_old_endpoints_are_gone(workshop: Workshop, make_clip: MakeClip) -> None:
    """One call with a schema for all texts of a file; that it is needed is learned once for all files."""
    workshop.server.faults.answer("summarize", 404, body={"code": "not_found", "message": "no"}, times=None)
    workshop.server.faults.answer("gist", 410, times=None)
    make_clip(workshop.footage / "one.mp4")
    workshop.sync()
    make_clip(workshop.footage / "two.mp4", pattern=2)
    workshop.sync()
    _assert_all_texts_came_by_analyze(workshop)
    assert (workshop.counts()["summarize"], workshop.counts()["analyze"]) == (1, 2)


def test_a_later_platform_is_asked_by_asset_id(workshop: Workshop, make_clip: MakeClip) -> None:
    """There, `summarize` and `gist` are gone and `analyze` no longer takes `video_id`."""
    with SandboxServer(platform="2026-07") as server:
        workshop.server = server
        make_clip(workshop.footage / "one.mp4")
        workshop.sync()
        make_clip(workshop.footage / "two.mp4", pattern=2)
        workshop.sync()
        _assert_all_texts_came_by_analyze(workshop)
        counts = workshop.counts()
        assert counts.get("summarize", 0) <= 1
        assert counts["analyze"] == 3  # by video id once, then by asset id


def test_what_the_platform_cannot_give_is_null_with_its_reason(workshop: Workshop, make_clip: MakeClip) -> None:
    refusal = {"code": "index_not_supported_for_generate", "message": "The index has no Pegasus model."}
    workshop.server.faults.answer("summarize", 400, body=refusal, times=None)
    make_clip(workshop.footage / "clip.mp4")
    assert workshop.sync().enriched == 1
    sidecar = workshop.sidecar("clip.mp4")
    assert sidecar["summary"] is None
    assert "no Pegasus model" in sidecar["provenance"]["summary"]["reason"]
    assert sidecar["gist"]["title"]


def test_somebody_elses_sidecar_fails_this_file_only(workshop: Workshop, make_clip: MakeClip) -> None:
    make_clip(workshop.footage / "clip.mp4")
    make_clip(workshop.footage / "other.mp4", pattern=2)
    foreign = workshop.footage / "clip.mp4.tlsync.json"
    foreign.write_text("mine")
    summary = workshop.sync()
    assert (summary.enriched, summary.failed) == (1, 1)
    assert summary.errors[0].code == "sidecar_blocked"
    assert foreign.read_text() == "mine"


def test_links_are_not_followed(workshop: Workshop, make_clip: MakeClip, tmp_path: Path) -> None:
    make_clip(tmp_path / "private.mp4")
    (workshop.footage / "link.mp4").symlink_to(tmp_path / "private.mp4")
    (workshop.footage / "loop").symlink_to(workshop.footage)
    os.mkfifo(workshop.footage / "pipe.mp4")
    (workshop.footage / "folder.mp4").mkdir()
    assert workshop.sync().files == 0


@pytest.mark.parametrize(
    "name", [b"caf\xe9.mp4", b"-rf.mp4", b"line\nbreak.mp4", "🎬 ｗide ü̈.mp4".encode(), b"x" * 251 + b".mp4"]
)
def test_odd_names(workshop: Workshop, make_clip: MakeClip, name: bytes) -> None:
    make_clip(workshop.footage / os.fsdecode(name))
    assert workshop.sync().enriched == 1
    sidecars = [path for path in workshop.footage.iterdir() if path.name.endswith(".tlsync.json")]
    jsonschema.validate(json.loads(sidecars[0].read_bytes()), json_schema())


def test_stopping_in_the_middle_keeps_what_was_sent(workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=30)
    stop = threading.Event()

    class StopAtTheThirdChunk(Silent):
        def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
            if done_bytes >= 3 * 32 * 1024:
                stop.set()

    summary = workshop.sync(stop=stop, progress=StopAtTheThirdChunk())
    assert (summary.enriched, summary.pending) == (0, 1)
    assert workshop.states() == {"clip.mp4": "uploading"}
    first_bytes = summary.bytes_sent
    assert 0 < first_bytes < clip.stat().st_size
    summary = workshop.sync()
    assert summary.enriched == 1
    assert summary.bytes_sent == clip.stat().st_size - first_bytes
    assert all(chunk.repeated == 0 for chunk in workshop.server.ledger.puts())
    assert workshop.counts()["multipart_upload.create"] == 1
    assert set(workshop.remote_contents()) == {sha256_of(clip)}
    workshop.assert_clean()


def test_headers_that_look_like_credentials_are_on_no_disk_and_a_resumed_upload_arrives(
    workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without them the old session can't be gone on with; a new one is opened."""
    headers = {"Content-Type": "application/octet-stream", "X-Amz-Security-Token": "s3cret-of-storage"}
    monkeypatch.setattr("tlsync.sandbox.uploads.UPLOAD_HEADERS", headers)
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=30)
    stop = threading.Event()

    class StopAtTheThirdChunk(Silent):
        def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
            if done_bytes >= 3 * 32 * 1024:
                stop.set()

    assert workshop.sync(stop=stop, progress=StopAtTheThirdChunk()).bytes_sent > 0
    kept = b"".join(path.read_bytes() for path in workshop.state_dir.rglob("*") if path.is_file())
    assert b"X-Amz-Security-Token" in kept and b"s3cret-of-storage" not in kept
    assert workshop.sync().enriched == 1
    assert workshop.counts()["multipart_upload.create"] == 2
    assert set(workshop.remote_contents()) == {sha256_of(clip)}
