"""`tlsync analyze`: what it prints, keeps and refuses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import jsonschema
import pytest

from tests.cli.conftest import Tlsync
from tests.conftest import FakeClock
from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.cli import analyze
from tlsync.engine.prompting import Prompter, Question, video_of
from tlsync.errors import BadAnswer, Interrupted, Rejected, Unauthorized
from tlsync.media.probe import Prober
from tlsync.sandbox.server import SandboxServer
from tlsync.sandbox.settings import Platform
from tlsync.store.reader import CatalogReader
from tlsync.store.sidecar_format import json_schema

MakeClip = Callable[..., Path]
MORE_THAN_AN_HOUR = {"duration_s": 3700, "fps": Fraction(1, 20), "tone_hz": 0}
TOO_LONG = {"code": "video_duration_too_long", "message": "The video is too long."}
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}

both_platforms = pytest.mark.parametrize("platform", ["2025-11", "2026-07"])
later_platform = pytest.mark.parametrize("platform", ["2026-07"])


@pytest.fixture
def platform() -> Platform:
    return "2025-11"


@pytest.fixture
def workshop(tmp_path: Path, platform: Platform) -> Iterator[Workshop]:
    footage = tmp_path / "footage"
    footage.mkdir()
    with SandboxServer(chunk_size_bytes=256 * 1024, platform=platform) as server, Prober() as prober:
        yield Workshop(server, footage, tmp_path / "state", prober)


@pytest.fixture
def clip(workshop: Workshop, make_clip: MakeClip) -> Path:
    """A clip that is searchable and has its sidecar."""
    clip = make_clip(workshop.footage / "harbour.mp4")
    assert workshop.sync().enriched == 1
    return clip


@pytest.fixture
def schema(tmp_path: Path) -> Path:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(SCHEMA))
    return path


@both_platforms
def test_the_answer_is_printed(tlsync: Tlsync, clip: Path) -> None:
    outcome = tlsync("analyze", str(clip), "Who is there?")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("[sandbox] harbour.mp4")
    assert outcome.out.endswith("The sandbox has no model to answer with.\n")
    assert "“Who is there?”" in outcome.out


def test_the_answer_comes_in_pieces(tlsync: Tlsync, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces: list[str] = []
    monkeypatch.setattr(analyze._Paper, "write", lambda paper, text: pieces.append(text))
    assert tlsync("analyze", str(clip), "Who?").code == 0
    assert len(pieces) > 3


@both_platforms
def test_json_has_the_answer_and_what_it_is_about(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    outcome = tlsync("analyze", str(clip), "Who?", "--json", "--temperature", "0.5", "--max-tokens", "2000")
    document = outcome.json
    view = workshop.files()["harbour.mp4"]
    assert document["v"] == 1
    assert document["path"] == str(clip)
    assert document["indexed_asset_id"] == view.indexed_asset_id
    assert (document["prompt"], document["is_cut"], document["sidecar"]) == ("Who?", False, None)
    assert document["sha256"] == view.sha256
    assert "[sandbox]" in document["answer"]
    assert document.get("model") == ("pegasus1.2" if workshop.server.world.settings.platform == "2025-11" else None)


@both_platforms
def test_an_answer_by_schema_is_json(tlsync: Tlsync, clip: Path, schema: Path) -> None:
    outcome = tlsync("analyze", str(clip), "A title.", "--schema", str(schema))
    assert outcome.code == 0
    jsonschema.validate(outcome.json, SCHEMA)
    assert outcome.out.startswith('{\n  "title"')
    document = tlsync("analyze", str(clip), "A title.", "--schema", str(schema), "--json").json
    assert document["answer"] == outcome.json


def test_an_answer_that_is_not_json_is_an_error(tlsync: Tlsync, workshop: Workshop, clip: Path, schema: Path) -> None:
    events = '{"event_type": "stream_start"}\n{"event_type": "text_generation", "text": "{"}\n'
    for reason, code, words in (("stop", 5, "is not JSON"), ("length", 1, "--max-tokens")):
        end = json.dumps({"event_type": "stream_end", "finish_reason": reason})
        workshop.server.faults.answer("analyze", 200, body=events + end + "\n")
        outcome = tlsync("analyze", str(clip), "A title.", "--schema", str(schema))
        assert (outcome.code, outcome.out) == (code, "")
        assert words in outcome.err


def test_a_cut_answer_is_printed_and_told(tlsync: Tlsync, clip: Path) -> None:
    outcome = tlsync("analyze", str(clip), "Who?", "--max-tokens", "3")
    assert (outcome.code, outcome.out) == (0, "[sandbox] harbour.mp4 is\n")
    assert "cut at the token limit" in outcome.err


def test_a_stream_that_breaks_off_is_an_error(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    workshop.server.faults.cut_body("analyze", 200)
    outcome = tlsync("analyze", str(clip), "Who?")
    assert outcome.code == 5
    assert outcome.out.startswith("[sandbox]")
    assert outcome.out.endswith("\n")
    assert "stream" in outcome.err


@pytest.mark.parametrize("content", ["{", "[1]", "[" * 9999, None])
def test_a_schema_that_is_none_is_refused_before_anything_is_asked(
    tlsync: Tlsync, workshop: Workshop, clip: Path, schema: Path, content: str | None
) -> None:
    schema.unlink() if content is None else schema.write_text(content)
    outcome = tlsync("analyze", str(clip), "A title.", "--schema", str(schema))
    assert outcome.code == 2
    assert "schema.json" in outcome.err
    assert "analyze" not in workshop.counts()


def test_the_answer_is_kept_in_the_sidecar(tlsync: Tlsync, workshop: Workshop, clip: Path, schema: Path) -> None:
    before = workshop.sidecar("harbour.mp4")
    assert tlsync("analyze", str(clip), "Who?", "--save", "who").code == 0
    document = tlsync("analyze", str(clip), "A title.", "--schema", str(schema), "--save", "title", "--json").json
    assert document["sidecar"] == f"{clip}.tlsync.json"
    after = workshop.sidecar("harbour.mp4")
    jsonschema.validate(after, json_schema())
    kept = after.pop("x-analyses")
    assert after == before
    assert set(kept) == {"who", "title"}
    assert set(kept["who"]) == {"prompt", "answer", "model", "fetched_at", "sha256"}
    assert kept["who"]["prompt"] == "Who?"
    assert kept["who"]["answer"].startswith("[sandbox]")
    assert kept["title"]["answer"] == document["answer"]
    # The engine neither drops it nor has a reason to write again.
    old = (workshop.footage / "harbour.mp4.tlsync.json").read_bytes()
    workshop.sync()
    assert (workshop.footage / "harbour.mp4.tlsync.json").read_bytes() == old


def test_what_can_not_be_kept_is_not_asked_for(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    """An answer costs money, so the sidecar is looked at first."""
    sidecar = workshop.footage / "harbour.mp4.tlsync.json"
    whole = sidecar.read_bytes()
    for content in (b"mine", None):
        sidecar.unlink() if content is None else sidecar.write_bytes(content)
        outcome = tlsync("analyze", str(clip), "Who?", "--save", "who")
        assert (outcome.code, outcome.out) == (1, "")
        assert "sidecar" in outcome.err or "not written by tlsync" in outcome.err
    assert "analyze" not in workshop.counts()
    assert whole


def test_an_answer_that_could_not_be_kept_is_printed_all_the_same(
    tlsync: Tlsync, workshop: Workshop, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sidecar = workshop.footage / "harbour.mp4.tlsync.json"
    monkeypatch.setattr("tlsync.store.sidecars.Sidecars.check_extra", lambda *arguments: sidecar.unlink())
    outcome = tlsync("analyze", str(clip), "Who?", "--save", "who", "--json")
    assert outcome.code == 1
    assert "[sandbox]" in outcome.json["answer"]
    assert outcome.json["sidecar"] is None
    assert "the sidecar is not there" in outcome.err


def test_a_file_that_is_not_known_is_not_found(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    outcome = tlsync("analyze", str(workshop.footage / "other.mp4"), "Who?", "--json")
    assert outcome.code == 4
    assert json.loads(outcome.err)["error"]["code"] == "unknown_path"


def test_a_file_on_its_way_is_a_matter_of_time(tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip) -> None:
    clip = make_clip(workshop.footage / "new.mp4")
    workshop.api_key = "wrong"
    with pytest.raises(Unauthorized):
        workshop.sync()
    assert workshop.states() == {"new.mp4": "identified"}
    outcome = tlsync("analyze", str(clip), "Who?")
    assert outcome.code == 5
    assert "not searchable yet (identified" in outcome.err
    assert "tlsync why" in outcome.err


def test_a_file_that_is_not_taken_says_why(tlsync: Tlsync, workshop: Workshop) -> None:
    bad = workshop.footage / "bad.mp4"
    bad.write_text("no video")
    workshop.sync()
    outcome = tlsync("analyze", str(bad), "Who?")
    assert outcome.code == 4
    assert "not on the platform" in outcome.err


def test_a_file_that_is_away_can_be_asked_about(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    workshop.footage.rename(workshop.footage.with_name("unplugged"))
    assert tlsync("analyze", str(clip), "Who?").code == 0


def test_an_empty_prompt_or_name_is_a_usage_error(tlsync: Tlsync, clip: Path) -> None:
    assert tlsync("analyze", str(clip), " ").code == 2
    assert tlsync("analyze", str(clip), "Who?", "--save", "").code == 2
    assert tlsync("analyze", str(clip), "Who?", "--temperature", "2").code == 2


@later_platform
def test_what_the_daemon_learned_saves_a_refused_call(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    assert workshop.counts()["analyze"] == 2  # the sync found out that `video_id` is no longer taken
    tlsync("analyze", str(clip), "Who?")
    assert workshop.counts()["analyze"] == 3


@later_platform
def test_a_long_recording_is_answered_in_the_background(
    tlsync: Tlsync, workshop: Workshop, make_clip: MakeClip
) -> None:
    clip = make_clip(workshop.footage / "long.mp4", **MORE_THAN_AN_HOUR)
    workshop.sync()
    before = workshop.counts()["analyze_async.tasks.create"]
    # The first refusal is that of the parameter `video_id`.
    workshop.server.faults.answer("analyze", 400, body=TOO_LONG, nth=2, times=None)
    outcome = tlsync("analyze", str(clip), "Who?")
    assert outcome.code == 0
    assert "“Who?”" in outcome.out
    assert workshop.counts()["analyze_async.tasks.create"] == before + 1


@pytest.mark.parametrize("code", ["video_duration_too_long", "token_limit_exceeded"])
def test_without_the_background_the_refusal_is_told(tlsync: Tlsync, workshop: Workshop, clip: Path, code: str) -> None:
    workshop.server.faults.answer("analyze", 400, body={"code": code, "message": "Too much."})
    outcome = tlsync("analyze", str(clip), "Who?")
    assert outcome.code == 1
    assert code in outcome.err


@pytest.fixture
def prompter(workshop: Workshop, clip: Path, fake_clock: FakeClock) -> Iterator[Callable[..., str]]:
    """Asks with a clock that obeys; the server refuses every answer at once."""
    workshop.server.faults.answer("analyze", 400, body=TOO_LONG, times=None)
    stop = threading.Event()

    def ask(prompt: str, *, is_stopped: bool = False) -> str:
        if is_stopped:
            stop.set()
        with (
            CatalogReader(workshop.state_dir) as reader,
            TwelveLabs(
                api_key=workshop.server.api_key, base_url=workshop.server.base_url, retries=QUICK_RETRIES
            ) as client,
        ):
            view = reader.file(clip)
            assert view is not None
            return Prompter(client, reader, fake_clock, stop).ask(video_of(view), Question(prompt), lambda _: None).text

    yield ask
    stop.set()


@later_platform
def test_waiting_can_be_stopped_and_the_order_is_found_again(workshop: Workshop, prompter: Callable[..., str]) -> None:
    def tasks() -> int:
        return len(workshop.server.world.core.db.rows("SELECT id FROM analysis_tasks"))

    assert "“Who?”" in prompter("Who?")
    assert "“Who?”" in prompter("Who?")
    assert tasks() == 1
    prompter("Where?")
    assert tasks() == 2
    with pytest.raises(Interrupted, match="the platform goes on"):
        prompter("When?", is_stopped=True)


@later_platform
def test_a_task_that_fails_is_told_with_its_reason(workshop: Workshop, prompter: Callable[..., str]) -> None:
    workshop.server.faults.fail("analysis")
    with pytest.raises(Rejected, match="failed: The sandbox was told"):
        prompter("Who?")


def test_what_a_model_wrote_does_not_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "one\n\ttwo\x1b[2Jthree 世界"
    paper = analyze._Paper(is_used=True)
    paper.write(text)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    paper.write(text)
    assert capsys.readouterr().out == text + "one\n\ttwo\\x1b[2Jthree 世界"


def test_json_that_is_nested_without_end_is_no_answer() -> None:
    with pytest.raises(BadAnswer):
        analyze._parsed("[" * 100_000, is_cut=False)
