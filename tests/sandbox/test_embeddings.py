"""Vectors and the calls that make them."""

from __future__ import annotations

import base64
import itertools
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync.sandbox.embeddings import clips, vector
from tlsync.sandbox.settings import RateLimit

from .conftest import MakeCaller
from .helpers import Answer, Caller, clip, png

SPOKEN = clip(13.0, lines=[(0.5, 2.0, "A red car at night"), (7.0, 8.0, "The ferry leaves")])


def cosine(left: list[float], right: list[float]) -> float:
    return sum(a * b for a, b in zip(left, right, strict=True))


@given(st.text())
def test_vectors_have_length_one_and_repeat(text: str) -> None:
    made = vector(text, 512)
    assert len(made) == 512
    assert math.isclose(math.sqrt(cosine(made, made)), 1.0, rel_tol=1e-9)
    assert vector(text, 512) == made


def test_like_texts_are_nearer_than_unlike_ones() -> None:
    red, reds, ferry = (vector(text, 512) for text in ("a red car at night", "red cars by night", "the ferry leaves"))
    assert cosine(red, reds) > 0.5 > cosine(red, ferry)


@given(st.floats(0, 100), st.floats(0.1, 200), st.floats(2, 10))
def test_clips_follow_one_another(start_s: float, length_s: float, clip_s: float) -> None:
    cut = list(clips(start_s, start_s + length_s, clip_s))
    assert cut and abs(cut[0][0] - start_s) <= 0.00051  # to the millisecond, halves either way
    for left, right in itertools.pairwise(cut):
        assert left[1] == right[0]
    assert start_s + length_s - cut[-1][1] < 2.002
    assert all(end_s - begin_s <= clip_s + 0.0011 for begin_s, end_s in cut)


# -- first generation -----------------------------------------------------------------------------------------


def embed(caller: Caller, files: dict[str, tuple[str, bytes]] | None = None, **fields: Any) -> Answer:
    return caller("POST", "/embed", form={"model_name": "marengo3.0", **fields}, files=files)


def test_each_input_fills_its_own_block(caller: Caller) -> None:
    talk = clip(8.0, kind="audio", lines=[(0.0, 2.0, "hello")])
    answer = embed(
        caller,
        {"image_file": ("a.png", png()), "audio_file": ("talk.wav", talk)},
        text="a dog",
        audio_start_offset_sec="1",
    )
    assert answer.status == 200
    assert len(answer.json["text_embedding"]["segments"][0]["float"]) == 512
    assert answer.json["image_embedding"]["metadata"] == {"input_filename": "a.png"}
    (segment, *_) = answer.json["audio_embedding"]["segments"]
    assert (segment["start_offset_sec"], segment["end_offset_sec"]) == (1.0, 7.0)


def test_a_failed_part_is_said_in_its_block(caller: Caller) -> None:
    answer = embed(caller, {"image_file": ("a.png", b"broken")}, text="a dog")
    assert answer.status == 200
    assert "segments" in answer.json["text_embedding"]
    assert answer.json["image_embedding"]["error_message"]


def test_text_is_cut_or_refused(caller: Caller) -> None:
    def floats(**fields: Any) -> Any:
        return embed(caller, **fields).json["text_embedding"]["segments"][0]["float"]

    words = [f"w{number}" for number in range(100)]
    old = {"model_name": "Marengo-retrieval-2.7", "text": " ".join(words)}
    assert floats(**old) == floats(**{**old, "text": " ".join(words[:77])})
    assert floats(**old, text_truncate="start") == floats(**{**old, "text": " ".join(words[-77:])})
    assert len(floats(**old)) == 1024
    assert embed(caller, **old, text_truncate="none").code == "parameter_invalid"
    assert embed(caller, **old, text_truncate="middle").code == "parameter_invalid"
    assert embed(caller).code == "parameter_not_provided"
    assert embed(caller, model_name="marengo2.7", text="x").code == "parameter_invalid"


def task(caller: Caller, content: bytes = SPOKEN, **fields: Any) -> Answer:
    form = {"model_name": "marengo3.0", **fields}
    return caller("POST", "/embed/tasks", form=form, files={"video_file": ("lake.mp4", content)})


def test_video_task_of_the_first_generation(caller: Caller) -> None:
    path = f"/embed/tasks/{task(caller, video_embedding_scope=['clip', 'video']).json['_id']}"
    assert caller("GET", f"{path}/status").json["status"] == "processing"
    assert caller("GET", path).json["video_embedding"] is None
    caller.clock.advance(1)
    done = caller("GET", path).json
    segments = done["video_embedding"]["segments"]
    clips_of = [one for one in segments if one["embedding_scope"] == "clip" and one["embedding_option"] == "visual"]
    assert [(one["start_offset_sec"], one["end_offset_sec"]) for one in clips_of] == [(0.0, 6.0), (6.0, 12.0)]
    assert len(segments) == 9
    only = caller("GET", path, query=[("embedding_option", "audio")]).json["video_embedding"]["segments"]
    assert {one["embedding_option"] for one in only} == {"audio"}
    assert caller("GET", path, query=[("embedding_option", "visual-text")]).status == 400
    spoken = [one["float"] for one in segments if one["embedding_option"] == "transcription"]
    assert cosine(spoken[0], vector("red car", 512)) > cosine(spoken[1], vector("red car", 512))
    caller.clock.advance(7 * 24 * 3600)
    assert caller("GET", path).status == 404
    assert caller("GET", "/embed/tasks").json["data"] == []


@pytest.mark.parametrize(
    "fields",
    [
        {"video_clip_length": "1"},
        {"video_clip_length": "11"},
        {"video_start_offset_sec": "2"},
        {"video_start_offset_sec": "8", "video_end_offset_sec": "10"},
        {"video_start_offset_sec": "5", "video_end_offset_sec": "2"},
        {"video_start_offset_sec": "0", "video_end_offset_sec": "14"},
        {"video_embedding_scope": ["asset"]},
    ],
)
def test_wrong_video_tasks_are_refused(caller: Caller, fields: dict[str, Any]) -> None:
    assert task(caller, **fields).code == "parameter_invalid"


def test_task_lists_are_apart_and_filtered(caller: Caller) -> None:
    first = task(caller).json["_id"]
    caller.clock.advance(1)
    second = task(caller).json["_id"]
    later = caller("POST", "/embed-v2/tasks", json_body=body(caller)).json["_id"]

    def ids(path: str, **query: str) -> list[str]:
        return [one["_id"] for one in caller("GET", path, query=query.items()).json["data"]]

    assert ids("/embed/tasks") == [second, first]
    assert ids("/embed/tasks", status="ready") == [first]
    assert ids("/embed/tasks", started_at="2026-01-01T12:00:00.500Z") == [second]
    assert ids("/embed/tasks", ended_at="2026-01-01T12:00:00.500Z") == [first]
    assert ids("/embed-v2/tasks") == [later]
    assert caller("GET", f"/embed/tasks/{later}").status == 404


# -- second generation ----------------------------------------------------------------------------------------


def body(caller: Caller, content: bytes = SPOKEN, kind: str = "video", **more: Any) -> dict[str, Any]:
    source = {"base64_string": base64.b64encode(content).decode()}
    return {"input_type": kind, "model_name": "marengo3.0", kind: {"media_source": source, **more}}


def test_text_and_images_at_once(caller: Caller) -> None:
    text = caller(
        "POST",
        "/embed-v2",
        json_body={"input_type": "text", "model_name": "marengo3.0", "text": {"input_text": "a red car"}},
    ).json
    assert text == {
        "data": [
            {
                "embedding": vector("a red car", 512),
                "embedding_option": None,
                "embedding_scope": None,
                "start_sec": None,
                "end_sec": None,
            }
        ]
    }
    picture = caller("POST", "/embed-v2", json_body=body(caller, png(), "image")).json
    assert picture["metadata"] == {"input_type": "image"}
    assert picture == caller("POST", "/embed-v2", json_body=body(caller, png(), "image")).json
    both = caller("POST", "/embed-v2", json_body=body(caller, png(), "text_image", input_text="red car")).json
    assert both["metadata"]["input_type"] == "text_image"
    assert both["data"] != picture["data"]


def test_video_at_once(caller: Caller) -> None:
    fixed = {"strategy": "fixed", "fixed": {"duration_sec": 5}}
    wanted = body(caller, segmentation=fixed, embedding_option=["visual"], start_sec=1, end_sec=12)
    answer = caller("POST", "/embed-v2", json_body=wanted).json
    spans = [(one["embedding_scope"], one["start_sec"], one["end_sec"]) for one in answer["data"]]
    assert spans == [("clip", 1.0, 6.0), ("clip", 6.0, 11.0), ("clip", 11.0, 12.0), ("asset", 1.0, 12.0)]
    assert answer["metadata"] == {
        "input_type": "video",
        "clip_length": 5,
        "embedding_options": ["visual"],
        "embedding_scopes": ["clip", "asset"],
        "duration": 13.0,
        "start_offset_sec": 1.0,
        "end_offset_sec": 12.0,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"model_name": "marengo2.7"},
        {"input_type": "smell"},
        {"input_type": "audio"},
        {"text": {"input_text": "x"}},
        {"video": None},
        {"video": {}},
        {"video": {"media_source": {}}},
        {"video": {"media_source": {"asset_id": "0" * 24, "url": "x"}}},
        {"video": {"media_source": {"url": "https://example.com/a.mp4"}}},
        {"video": {"media_source": {"base64_string": "%"}}},
        {"video": {"media_source": {"base64_string": base64.b64encode(png()).decode()}}},
    ],
)
def test_errors_are_nested(caller: Caller, change: dict[str, Any]) -> None:
    for path in ("/embed-v2", "/embed-v2/tasks"):
        answer = caller("POST", path, json_body={**body(caller), **change})
        assert (answer.status, answer.json["error"]["code"]) == (400, "VALIDATION_ERROR")
        assert answer.json["error"]["message"]


@pytest.mark.parametrize(
    "block",
    [
        {"start_sec": 5, "end_sec": 5},
        {"end_sec": 14},
        {"segmentation": {"strategy": "fixed", "fixed": {"duration_sec": 11}}},
        {"segmentation": {"strategy": "dynamic", "dynamic": {"min_duration_sec": 6}}},
        {"segmentation": {"strategy": "scenes"}},
        {"embedding_scope": ["video"]},
        {"embedding_option": ["smell"]},
    ],
)
def test_wrong_blocks_are_refused(caller: Caller, block: dict[str, Any]) -> None:
    assert caller("POST", "/embed-v2", json_body=body(caller, **block)).status == 400


def test_task_of_the_second_generation(caller: Caller) -> None:
    made = caller("POST", "/embed-v2/tasks", json_body=body(caller))
    assert (made.status, made.json["status"], made.json["data"]) == (202, "processing", None)
    assert made.headers["location"] == f"http://127.0.0.1:1/v1.3/embed-v2/tasks/{made.json['_id']}"
    path = f"/embed-v2/tasks/{made.json['_id']}"
    assert caller("GET", path).json["data"] is None
    caller.clock.advance(1)
    done = caller("GET", path).json
    assert {(one["embedding_option"], one["embedding_scope"]) for one in done["data"]} == {
        (option, scope) for option in ("visual", "audio", "transcription") for scope in ("clip", "asset")
    }
    unknown = caller("GET", f"/embed-v2/tasks/{'0' * 24}")
    assert (unknown.status, unknown.json["error"]["code"]) == (404, "NOT_FOUND")


def test_long_media_need_a_task(caller: Caller) -> None:
    assert caller("POST", "/embed-v2", json_body=body(caller, clip(601.0))).status == 400
    assert caller("POST", "/embed-v2/tasks", json_body=body(caller, clip(601.0))).status == 202
    assert caller("POST", "/embed-v2/tasks", json_body=body(caller, clip(3.0))).status == 400
    talk = clip(20.0, kind="audio")
    answer = caller("POST", "/embed-v2", json_body=body(caller, talk, "audio", embedding_scope=["asset"])).json
    assert [one["embedding_option"] for one in answer["data"]] == ["audio", "transcription"]


def test_failed_task_has_no_vectors(caller: Caller) -> None:
    caller.world.faults.fail("embedding")
    path = f"/embed-v2/tasks/{caller('POST', '/embed-v2/tasks', json_body=body(caller)).json['_id']}"
    caller.clock.advance(1)
    assert (caller("GET", path).json["status"], caller("GET", path).json["data"]) == ("failed", None)


def test_rate_limit_is_nested_too(make_caller: MakeCaller) -> None:
    caller = make_caller(rate_limits={"embed.v_2.create": RateLimit(1, 60)})
    caller("POST", "/embed-v2", json_body=body(caller))
    refused = caller("POST", "/embed-v2", json_body=body(caller))
    assert refused.status == 429
    assert refused.json["error"] == {
        "code": "RATE_LIMIT_EXCEEDED",
        "message": refused.json["error"]["message"],
        "details": {"retryAfter": 60, "currentLimit": 1},
    }


def test_later_platform_has_no_old_model(later: Caller) -> None:
    assert embed(later, model_name="Marengo-retrieval-2.7", text="x").status == 400
    assert embed(later, text="x", text_truncate="end").code == "parameter_unknown"
