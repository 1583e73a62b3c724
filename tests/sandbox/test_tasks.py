"""Tasks (upload and index in one call), transfers, and analysis in the background."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .helpers import Answer, Caller, clip

MARENGO = ["marengo3.0"]


def create(caller: Caller, index_id: str, content: bytes = clip(), name: str = "lake.mp4", **fields: Any) -> Answer:
    return caller("POST", "/tasks", form={"index_id": index_id, **fields}, files={"video_file": (name, content)})


def test_task_passes_its_states_and_leaves_a_video(caller: Caller) -> None:
    index_id = caller.index()
    made = create(caller, index_id, user_metadata=json.dumps({"trip": "lake"}))
    assert made.status == 200
    path, video = f"/tasks/{made.json['_id']}", f"/indexes/{index_id}/videos/{made.json['video_id']}"
    seen = []
    for _ in range(40):
        task = caller("GET", path).json
        seen.append(task["status"])
        caller.clock.advance(0.01)
    assert list(dict.fromkeys(seen)) == ["validating", "pending", "queued", "indexing", "ready"]
    assert task["system_metadata"] == {"duration": 12.0, "filename": "lake.mp4", "height": 360, "width": 640}
    assert task["hls"]["status"] == "COMPLETE"
    assert caller("GET", video).json["user_metadata"] == {"trip": "lake"}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"broken", "video_file_broken"),
        (clip(2.0), "video_duration_too_short"),
        (clip(3700.0), "video_duration_too_long"),
        (clip(width=100, height=100), "video_resolution_too_low"),
    ],
)
def test_unsuitable_files_are_refused_at_once(caller: Caller, content: bytes, code: str) -> None:
    assert create(caller, caller.index(), content).code == code
    assert caller("GET", "/tasks").json["data"] == []
    assert caller("GET", "/assets").json["data"] == []


def test_task_parameters_are_checked(caller: Caller) -> None:
    index_id = caller.index()
    assert caller("POST", "/tasks", form={"index_id": index_id}).code == "parameter_not_provided"
    assert create(caller, "0" * 24).status == 404
    assert create(caller, index_id, user_metadata="{").code == "parameter_invalid"
    assert create(caller, index_id, user_metadata='{"a": []}').code == "parameter_invalid"
    assert create(caller, index_id, enable_video_stream="yes").code == "parameter_invalid"
    form = {"index_id": index_id, "video_url": "https://example.com/lake.mp4"}
    assert caller("POST", "/tasks", form=form).code == "parameter_invalid"


def test_task_list_filters(caller: Caller) -> None:
    first, second = caller.index(), caller.index(name="other")
    create(caller, first, name="a.mp4")
    caller.clock.advance(5)
    create(caller, first, clip(width=1280, height=720), name="b.mp4")
    create(caller, second, name="c.mp4")

    def names(*query: tuple[str, str]) -> list[str]:
        answer = caller("GET", "/tasks", query=query)
        assert answer.status == 200, answer.content
        return [task["system_metadata"]["filename"] for task in answer.json["data"]]

    assert names() == ["c.mp4", "b.mp4", "a.mp4"]
    assert names(("sort_option", "asc"), ("index_id", first)) == ["a.mp4", "b.mp4"]
    assert names(("status", "ready")) == ["a.mp4"]
    assert names(("status", "ready"), ("status", "validating")) == names(("status", "ready,validating"))
    assert names(("width", "1280")) == ["b.mp4"]
    assert names(("filename", "c.mp4"), ("duration", "12")) == ["c.mp4"]
    assert caller("GET", "/tasks", query=[("status", "gone")]).status == 400
    assert caller("GET", "/tasks", query=[("color", "red")]).code == "parameter_unknown"


def test_tasks_are_deleted_only_at_their_end(caller: Caller) -> None:
    index_id = caller.index()
    made = create(caller, index_id).json
    path = f"/tasks/{made['_id']}"
    assert caller("DELETE", path).code == "task_cannot_be_deleted"
    caller.clock.advance(5)
    assert caller("DELETE", path).code == "task_cannot_be_deleted"
    caller("DELETE", f"/indexes/{index_id}/videos/{made['video_id']}")
    assert caller("GET", path).json["status"] == "ready"
    assert caller("DELETE", path).status == 204
    assert caller("GET", path).status == 404
    caller.world.faults.fail("task")
    failed = f"/tasks/{create(caller, index_id).json['_id']}"
    caller.clock.advance(5)
    assert caller("GET", failed).json["status"] == "failed"
    assert caller("DELETE", failed).status == 204


def test_transfers_end_at_once_with_nothing(caller: Caller) -> None:
    index_id = caller.index()
    path = f"/tasks/transfers/import/{'a' * 24}"
    assert caller("POST", path).json == {"failed_files": [], "videos": []}
    assert caller("POST", path, json_body={"index_id": index_id, "incremental_import": False}).status == 200
    assert caller("POST", path, json_body={"index_id": "0" * 24}).status == 404
    status = caller("GET", f"{path}/status", query=[("index_id", index_id)]).json
    assert status["ready"] == status["not_imported"] == []
    first, second = caller("GET", f"{path}/logs").json["data"]
    assert (first["index_name"], first["video_status"]["ready"]) == ("footage", 0)
    assert "index_id" not in second


# -- analysis in the background -------------------------------------------------------------------------------


def ask(caller: Caller, asset_id: str, key: str | None = None, **more: Any) -> Answer:
    body = {"video": {"type": "asset_id", "asset_id": asset_id}, "prompt": "What happens?", **more}
    return caller("POST", "/analyze/tasks", json_body=body, headers={"idempotency-key": key} if key else {})


def test_analysis_task_passes_its_states(later: Caller) -> None:
    asset_id = later.upload(clip())
    made = ask(later, asset_id, custom_id="mine")
    assert made.status == 202 and made.json["status"] == "queued"
    path = f"/analyze/tasks/{made.json['task_id']}"
    later.clock.advance(0.06)
    assert later("GET", path).json["status"] == "processing"
    assert later("DELETE", path).status == 409
    later.clock.advance(1)
    task = later("GET", path).json
    assert (task["status"], task["custom_id"], task["result"]["finish_reason"]) == ("ready", "mine", "stop")
    assert task["result"]["data"].startswith("[sandbox] lake.mp4")
    assert task["video_source"] == {"type": "asset_id", "asset_id": asset_id}
    assert later("POST", f"{path}/cancel").status == 409
    assert later("DELETE", path).status == 200
    assert later("GET", path).status == 404


def test_same_idempotency_key_gives_the_same_task(later: Caller) -> None:
    asset_id = later.upload(clip())
    first = ask(later, asset_id, "k1").json["task_id"]
    assert ask(later, asset_id, "k1").json["task_id"] == first
    assert ask(later, asset_id, "k1", prompt="Another").status == 409
    assert ask(later, asset_id, "k2").json["task_id"] != first
    assert ask(later, asset_id).json["task_id"] != ask(later, asset_id).json["task_id"]


def test_canceled_and_failed_analysis(later: Caller) -> None:
    asset_id = later.upload(clip())
    path = f"/analyze/tasks/{ask(later, asset_id).json['task_id']}"
    assert later("POST", f"{path}/cancel").json["status"] == "canceled"
    later.world.faults.fail("analysis")
    failed = f"/analyze/tasks/{ask(later, asset_id).json['task_id']}"
    later.clock.advance(5)
    assert later("GET", path).json["status"] == "canceled"
    assert later("GET", failed).json["error"]["message"]

    def statuses(**query: str) -> list[str]:
        return [task["status"] for task in later("GET", "/analyze/tasks", query=query.items()).json["data"]]

    assert statuses() == ["failed", "canceled"]
    assert statuses(status="canceled") == ["canceled"]
    assert statuses(asset_id="0" * 24) == []
    assert statuses(asset_id=asset_id, page_limit="1") == ["failed"]


@pytest.mark.parametrize(
    "change", [{"prompt": None}, {"video": None}, {"analysis_mode": "time_based_metadata"}, {"temperature": 2}]
)
def test_wrong_analysis_tasks_are_refused(later: Caller, change: dict[str, Any]) -> None:
    assert ask(later, later.upload(clip()), **change).status == 400


# -- what each age of the platform has ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", "/summarize"),
        ("POST", "/gist"),
        ("POST", "/generate"),
        ("GET", "/entities"),
        ("POST", f"/tasks/transfers/import/{'a' * 24}"),
        ("GET", f"/tasks/transfers/import/{'a' * 24}/status"),
        ("GET", f"/tasks/transfers/import/{'a' * 24}/logs"),
    ],
)
def test_removed_calls(caller: Caller, later: Caller, verb: str, path: str) -> None:
    body = {} if verb == "POST" else None
    assert later(verb, path, json_body=body).status == 404
    assert caller(verb, path, json_body=body).status != 404


def test_new_calls_are_not_in_the_reference(caller: Caller) -> None:
    assert caller("GET", "/analyze/tasks").status == 404
    body = {"video": {"type": "asset_id", "asset_id": "0" * 24}, "prompt": "x"}
    assert caller("POST", "/analyze", json_body=body).code == "parameter_not_provided"
