"""Analysis in the background: `/analyze/tasks` of newer platforms (contract, 7.3). Only the general mode."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec

from tlsync.sandbox import timeline as timelines
from tlsync.sandbox.calls import Call
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.database import Row
from tlsync.sandbox.fields import Fields
from tlsync.sandbox.generation import BODY_LIMIT_BYTES, Generation
from tlsync.sandbox.paging import page_answer, read_page
from tlsync.sandbox.refusals import Refusal, not_found
from tlsync.sandbox.timeline import Timeline
from tlsync.sandbox.wire import Response, empty_response, json_response

STATUSES = ("queued", "pending", "processing", "ready", "failed", "canceled")
KEY_LETTERS = 255


class Asked(msgspec.Struct, frozen=True):
    """The request as far as it is shown or compared again; the hash is of the whole body."""

    body_sha256: str
    prompt: str
    video: dict[str, str]
    custom_id: str | None


class Answered(msgspec.Struct, frozen=True):
    """Made at once, shown when the task is ready."""

    generation_id: str
    data: str
    finish_reason: str


@dataclass(frozen=True, slots=True)
class AnalysisTask:
    id: str
    created_ms: int
    timeline: Timeline
    canceled_ms: int | None
    asked: Asked
    answered: Answered

    def status(self, now_ms: int) -> str:
        return "canceled" if self.canceled_ms is not None else self.timeline.status(now_ms)


class AnalysisTasks:
    def __init__(self, core: Core, generation: Generation) -> None:
        self._core = core
        self._generation = generation

    def create(self, call: Call) -> Response:
        """The same Idempotency-Key with the same body gives the same task; with another body it is refused."""
        fields = call.json(BODY_LIMIT_BYTES)
        values = fields.values()
        key = call.request.headers.get("idempotency-key", "")[:KEY_LETTERS] or None
        body_sha256 = hashlib.sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()
        task = self._known(key) or self._add(self._prepare(fields, values, body_sha256), key)
        if task.asked.body_sha256 != body_sha256:
            raise Refusal(409, "idempotency_conflict", "This Idempotency-Key was used with another body.")
        return json_response(202, {"task_id": task.id, "status": task.status(self._core.now_ms())})

    def list_page(self, call: Call) -> Response:
        query = call.query()
        page = read_page(query)
        status = query.optional_text("status", choices=STATUSES)
        asset_id, url = query.optional_text("asset_id"), query.optional_text("video_url")
        mode = query.optional_text("analysis_mode", choices=("general", "time_based_metadata"))
        query.done()
        now_ms = self._core.now_ms()
        rows = self._core.db.rows("SELECT * FROM analysis_tasks ORDER BY created_ms DESC, rowid DESC")
        found = [
            task
            for task in map(_task, rows)
            if status in (None, task.status(now_ms))
            and asset_id in (None, task.asked.video.get("asset_id"))
            and url in (None, task.asked.video.get("url"))
            and mode != "time_based_metadata"
        ]
        return json_response(200, page_answer(found, page, self._view))

    def retrieve(self, call: Call) -> Response:
        call.query().done()
        return json_response(200, self._view(self._of_call(call)))

    def delete(self, call: Call) -> Response:
        task = self._of_call(call)
        if task.status(self._core.now_ms()) == "processing":
            raise Refusal(409, "task_cannot_be_deleted", "The task is being processed. Cancel it first.")
        self._core.db.execute("DELETE FROM analysis_tasks WHERE id = ?", (task.id,))
        return empty_response()

    def cancel(self, call: Call) -> Response:
        task = self._of_call(call)
        status = task.status(self._core.now_ms())
        if status in ("ready", "failed"):
            raise Refusal(409, "task_cannot_be_canceled", f"The task is {status} already.")
        if status != "canceled":
            values = (self._core.now_ms(), task.id)
            self._core.db.execute("UPDATE analysis_tasks SET canceled_ms = ? WHERE id = ?", values)
        return json_response(200, self._view(self._of_call(call)))

    def _known(self, key: str | None) -> AnalysisTask | None:
        row = self._core.db.row("SELECT * FROM analysis_tasks WHERE idempotency_key = ?", (key,))
        return None if row is None else _task(row)

    def _prepare(self, fields: Fields, values: dict[str, Any], body_sha256: str) -> AnalysisTask:
        """Check the request and make its answer; nothing is stored yet."""
        custom_id = fields.optional_text("custom_id")
        fields.optional_text("analysis_mode", choices=("general",))
        subject = self._generation.read_subject(fields)
        text, reason = self._generation.read_and_answer(fields, subject)
        video = {name: value for name, value in values["video"].items() if name != "base64_string"}
        steps = [("queued", self._core.timings.queued_s), ("processing", self._core.timings.analysis_s)]
        timeline, _ = self._core.timeline("analysis", steps, "ready")
        asked = Asked(body_sha256, str(values["prompt"]), video, custom_id)
        answered = Answered(self._core.new_generation_id(), text, reason)
        return AnalysisTask(self._core.new_id(), timeline.start_ms, timeline, None, asked, answered)

    def _add(self, task: AnalysisTask, key: str | None) -> AnalysisTask:
        """Store a task, unless a call with the same key was faster: then the task of that call."""
        with self._core.db.transaction() as db:
            known = self._known(key)
            if known is not None:
                return known
            db.execute(
                "INSERT INTO analysis_tasks VALUES (?, ?, ?, NULL, ?, ?, ?)",
                (task.id, task.created_ms, task.timeline.to_json(), key, _json(task.asked), _json(task.answered)),
            )
        return task

    def _of_call(self, call: Call) -> AnalysisTask:
        task_id = call.id("task_id")
        row = self._core.db.row("SELECT * FROM analysis_tasks WHERE id = ?", (task_id,))
        if row is None:
            raise not_found("analysis task", task_id)
        return _task(row)

    def _view(self, task: AnalysisTask) -> dict[str, Any]:
        now_ms = self._core.now_ms()
        status = task.status(now_ms)
        view: dict[str, Any] = {"task_id": task.id, "status": status, "created_at": instant(task.created_ms)}
        if task.asked.custom_id is not None:
            view["custom_id"] = task.asked.custom_id
        view |= {"video_source": task.asked.video, "request_params": {"prompt": task.asked.prompt}}
        if status == "ready":
            answered = task.answered
            usage = {"output_tokens": len(answered.data.split())}
            view["result"] = {
                "generation_id": answered.generation_id,
                "data": answered.data,
                "finish_reason": answered.finish_reason,
                "usage": usage,
            }
        if status == "failed":
            view["error"] = {"message": "The sandbox was told to let this fail."}
        ended_ms = task.canceled_ms or task.timeline.ended_ms(now_ms)
        if ended_ms is not None:
            view["completed_at"] = instant(ended_ms)
        return view


def _task(row: Row) -> AnalysisTask:
    return AnalysisTask(
        row["id"],
        row["created_ms"],
        timelines.from_json(row["timeline"]),
        row["canceled_ms"],
        msgspec.json.decode(row["request"], type=Asked),
        msgspec.json.decode(row["answer"], type=Answered),
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
