"""Texts: from real facts, deterministic, honest about being a sandbox; JSON that satisfies its schema."""

from __future__ import annotations

import base64
import itertools
import json
import re
from typing import Any

import jsonschema
import pytest

from tlsync.sandbox.patterns import example
from tlsync.sandbox.refusals import Refusal
from tlsync.sandbox.schema_fill import Facets, fill

from .helpers import Caller, clip

LINES = [(0.5, 2.0, "A red car at night"), (40.0, 42.0, "The ferry leaves the harbour, and the gulls follow")]


@pytest.fixture
def video_id(caller: Caller) -> str:
    return caller.indexed(caller.index(), clip(95.0, lines=LINES), "harbour_night.mp4")


def ask(caller: Caller, path: str, video_id: str, **more: Any) -> Any:
    answer = caller("POST", path, json_body={"video_id": video_id, **more})
    assert answer.status == 200, answer.content
    return answer.json


def test_chapters_cover_the_whole_length_without_gaps(caller: Caller, video_id: str) -> None:
    chapters = ask(caller, "/summarize", video_id, type="chapter")["chapters"]
    assert [chapter["chapter_number"] for chapter in chapters] == [0, 1, 2]
    assert (chapters[0]["start_sec"], chapters[-1]["end_sec"]) == (0.0, 95.0)
    for left, right in itertools.pairwise(chapters):
        assert left["end_sec"] == right["start_sec"]
    assert all("andbox" in chapter["chapter_title"] for chapter in chapters)
    assert "red car" in chapters[0]["chapter_summary"]
    assert (chapters[1]["start"], chapters[1]["end"]) == (31, 63)


def test_highlights_are_what_is_said(caller: Caller, video_id: str) -> None:
    highlights = ask(caller, "/summarize", video_id, type="highlight")["highlights"]
    assert [(item["start_sec"], item["end_sec"]) for item in highlights] == [(0.5, 2.0), (40.0, 42.0)]


def test_silent_videos_have_texts_too(caller: Caller) -> None:
    video_id = caller.indexed(caller.index(), clip(5.0), "._.mp4")
    (highlight,) = ask(caller, "/summarize", video_id, type="highlight")["highlights"]
    assert (highlight["start_sec"], highlight["end_sec"]) == (1.5, 3.5)
    assert ask(caller, "/gist", video_id, types=["title", "topic"])["topics"] == ["sandbox"]


def test_summary_and_gist_say_sandbox_and_repeat_themselves(caller: Caller, video_id: str) -> None:
    summary = ask(caller, "/summarize", video_id, type="summary")
    assert summary["summarize_type"] == "summary" and summary["summary"].startswith("[sandbox]")
    assert "95.0 seconds" in summary["summary"]
    assert ask(caller, "/summarize", video_id, type="summary")["summary"] == summary["summary"]
    gist = ask(caller, "/gist", video_id, types=["title", "hashtag"])
    assert gist["title"] == "Harbour Night (sandbox)"
    assert "topics" not in gist
    assert gist["hashtags"][:2] == ["#sandbox", "#car"]


def test_summary_with_a_schema(caller: Caller, video_id: str) -> None:
    schema = {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}
    shape = {"type": "json_schema", "json_schema": schema}
    text = ask(caller, "/summarize", video_id, type="summary", response_format=shape)["summary"]
    assert json.loads(text)["summary"].startswith("[sandbox]")
    refused = caller(
        "POST", "/summarize", json_body={"video_id": video_id, "type": "chapter", "response_format": shape}
    )
    assert refused.code == "parameter_invalid"


@pytest.mark.parametrize("path", ["/analyze", "/generate"])
def test_stream_is_the_default_and_says_the_same(caller: Caller, video_id: str, path: str) -> None:
    answer = caller("POST", path, json_body={"video_id": video_id, "prompt": "What happens?"})
    assert answer.headers["content-type"] == "application/x-ndjson"
    events = [json.loads(line) for line in answer.content.splitlines()]
    assert [events[0]["event_type"], events[-1]["event_type"]] == ["stream_start", "stream_end"]
    assert events[0]["metadata"]["generation_id"] == events[-1]["metadata"]["generation_id"]
    text = "".join(event["text"] for event in events if event["event_type"] == "text_generation")
    whole = ask(caller, path, video_id, prompt="What happens?", stream=False)
    assert whole["data"] == text
    assert whole["finish_reason"] == "stop"
    assert whole["usage"]["output_tokens"] == len(text.split())
    assert "“What happens?”" in text


def test_max_tokens_cuts(caller: Caller, video_id: str) -> None:
    answer = ask(caller, "/analyze", video_id, prompt="x", stream=False, max_tokens=3)
    assert (answer["data"], answer["finish_reason"]) == ("[sandbox] harbour_night.mp4 is", "length")


EVERYTHING = {
    "type": "object",
    "properties": {
        "note": {"type": "string"},
        "title": {"type": "string"},
        "summary": {"type": "string"},
        "topics": {"type": "array", "items": {"type": "string"}},
        "hashtags": {"type": "array", "items": {"type": "string"}},
        "chapters": {"type": "array", "items": {"$ref": "#/$defs/part"}},
        "highlights": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/part"}},
    },
    "required": ["title", "summary", "topics", "hashtags", "chapters", "highlights"],
    "$defs": {
        "part": {
            "type": "object",
            "properties": {
                "chapter_number": {"type": "integer", "minimum": 0},
                "start_sec": {"type": "number"},
                "end_s": {"type": "number"},
                "title": {"type": "string"},
                "chapter_summary": {"type": "string"},
            },
            "required": ["start_sec", "end_s", "title"],
        }
    },
}


def test_one_schema_can_ask_for_all_texts(caller: Caller, video_id: str) -> None:
    shape = {"type": "json_schema", "json_schema": EVERYTHING}
    answer = ask(caller, "/analyze", video_id, prompt="All", stream=False, response_format=shape)
    value = json.loads(answer["data"])
    jsonschema.validate(value, EVERYTHING)
    assert next(iter(value)) == "title"
    assert value["title"] == "Harbour Night (sandbox)"
    assert value["hashtags"] == ask(caller, "/gist", video_id, types=["hashtag"])["hashtags"]
    assert [(part["start_sec"], part["end_s"]) for part in value["chapters"]] == [
        (0.0, 31.667),
        (31.667, 63.333),
        (63.333, 95.0),
    ]
    assert [part["chapter_number"] for part in value["chapters"]] == [0, 1, 2]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "enum": ["b", "a"]},
        {"const": 7},
        {"type": "integer", "minimum": 3, "maximum": 3},
        {"type": "integer", "exclusiveMinimum": 3},
        {"type": "integer", "maximum": -2},
        {"type": "integer", "exclusiveMaximum": -2},
        {"type": "number", "minimum": 0.5},
        {"type": "number", "maximum": -0.5},
        {"type": "null"},
        {"type": "boolean"},
        {"type": ["null", "string"]},
        {"anyOf": [{"type": "null"}, {"type": "integer"}]},
        {"type": "string", "format": "uuid"},
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "time"},
        {"type": "string", "pattern": r"^\d{2}:\d{2}$"},
        {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "array", "minItems": 0}}}},
        {"type": "object", "properties": {}},
    ],
)
def test_values_satisfy_their_schema(schema: dict[str, Any]) -> None:
    value = fill(schema, Facets())
    jsonschema.validate(value, schema, format_checker=jsonschema.FormatChecker(("uuid", "date")))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "minLength": 1},
        {"type": "string", "maxLength": 9},
        {"type": "string", "format": "email"},
        {"type": "array", "minItems": 2},
        {"type": "integer", "minimum": 1.5},
        {"type": "integer", "minimum": 3, "maximum": 2},
        {"type": "number", "minimum": "1"},
        {"type": "date"},
        {"allOf": [{"type": "string"}]},
        {"anyOf": []},
        {"enum": [{}]},
        {"$ref": "#/definitions/a"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "#/$defs/self", "$defs": {"self": {"$ref": "#/$defs/self"}}},
        {"type": "object", "properties": []},
        {"type": "string", "pattern": "("},
        {"type": "string", "pattern": "(?=a)b"},
        "string",
    ],
)
def test_other_schemas_are_refused(schema: Any) -> None:
    with pytest.raises(Refusal):
        fill(schema, Facets())


@pytest.mark.parametrize(
    "pattern",
    [
        "abc",
        r"^[A-Z]{2}-\d+$",
        "a|b",
        "(?:x|y){3}z?",
        "[^a]",
        r"[\w.]+@\w+\.com",
        r"\$\d{1,3}",
        "[]]",
        ".*",
        "^$",
        "#[a-f]+?",
    ],
)
def test_texts_for_patterns(pattern: str) -> None:
    assert re.search(pattern, example(pattern))


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/summarize", {"type": "poem"}, "parameter_invalid"),
        ("/summarize", {}, "parameter_not_provided"),
        ("/summarize", {"type": "summary", "temperature": 1.5}, "parameter_invalid"),
        ("/summarize", {"type": "summary", "max_tokens": 5000}, "parameter_invalid"),
        ("/summarize", {"type": "summary", "prompt": "word " * 2001}, "token_limit_exceeded"),
        ("/gist", {}, "parameter_not_provided"),
        ("/gist", {"types": []}, "parameter_invalid"),
        ("/gist", {"types": ["topics"]}, "parameter_invalid"),
        ("/analyze", {}, "parameter_not_provided"),
        ("/analyze", {"prompt": ""}, "parameter_invalid"),
        ("/analyze", {"prompt": "word " * 2001}, "token_limit_exceeded"),
        ("/analyze", {"prompt": "x", "response_format": {"type": "text"}}, "parameter_invalid"),
        ("/analyze", {"prompt": "x", "response_format": {"type": "json_schema"}}, "parameter_not_provided"),
        ("/generate", {"prompt": "x", "max_tokens": 5}, "parameter_unknown"),
    ],
)
def test_wrong_requests_are_refused(caller: Caller, video_id: str, path: str, body: dict[str, Any], code: str) -> None:
    assert caller("POST", path, json_body={"video_id": video_id, **body}).code == code


def test_only_ready_videos_of_a_generating_index(caller: Caller) -> None:
    search_only = caller.index(["marengo3.0"], name="search")
    video_id = caller.indexed(search_only, clip())
    body = {"video_id": video_id, "prompt": "x"}
    assert caller("POST", "/analyze", json_body=body).code == "index_not_supported_for_generate"
    index_id, asset_id = caller.index(), caller.upload(clip())
    new = caller("POST", f"/indexes/{index_id}/indexed-assets", json_body={"asset_id": asset_id}).json["_id"]
    assert caller("POST", "/analyze", json_body={"video_id": new, "prompt": "x"}).code == "parameter_invalid"
    assert caller("POST", "/gist", json_body={"video_id": "0" * 24, "types": ["title"]}).status == 404


def test_later_platform_analyzes_assets(later: Caller) -> None:
    asset_id = later.upload(clip(lines=LINES))
    body = {"video": {"type": "asset_id", "asset_id": asset_id}, "prompt": "x", "stream": False}
    assert later("POST", "/analyze", json_body=body).json["data"].startswith("[sandbox] lake.mp4")
    assert later("POST", "/analyze", json_body={**body, "max_tokens": "unlimited"}).status == 200
    assert later("POST", "/analyze", json_body={**body, "max_tokens": "many"}).status == 400
    assert later("POST", "/analyze", json_body={"video_id": asset_id, "prompt": "x"}).status == 400
    for wrong in ({"type": "asset_id", "url": "x"}, {"type": "asset"}, {"type": "url", "url": "https://example.com/a"}):
        assert later("POST", "/analyze", json_body={**body, "video": wrong}).status == 400
    inline = {"type": "base64_string", "base64_string": base64.b64encode(clip()).decode()}
    assert later("POST", "/analyze", json_body={**body, "video": inline}).status == 200
    inline["base64_string"] = base64.b64encode(b"broken").decode()
    assert later("POST", "/analyze", json_body={**body, "video": inline}).code == "video_file_broken"
