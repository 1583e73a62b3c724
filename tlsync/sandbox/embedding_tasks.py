"""Embedding tasks as they are stored, for both generations of the calls. Vectors are made when they are asked for."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from tlsync.sandbox import timeline as timelines
from tlsync.sandbox.calls import Call
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.database import Row
from tlsync.sandbox.embeddings import Embedding
from tlsync.sandbox.paging import page_answer, read_page
from tlsync.sandbox.refusals import not_found
from tlsync.sandbox.timeline import Timeline

Generation = Literal[1, 2]
STATUSES = ("processing", "ready", "failed")
WEEK_MS = 7 * 24 * 3600 * 1000


class Request(msgspec.Struct, frozen=True):
    """What was asked for. `metadata` is the block that goes with the vectors."""

    kind: Literal["video", "audio"]
    embedding: Embedding
    metadata: dict[str, Any]


class EmbeddingTask(msgspec.Struct, frozen=True):
    id: str
    generation: int
    created_ms: int
    timeline: Timeline
    request: Request


class EmbeddingTasks:
    def __init__(self, core: Core) -> None:
        self._core = core

    def add(self, generation: Generation, request: Request) -> str:
        timeline, _ = self._core.timeline("embedding", [("processing", self._core.timings.embedding_s)], "ready")
        task_id = self._core.new_id()
        values = (task_id, generation, timeline.start_ms, timeline.to_json(), msgspec.json.encode(request).decode())
        self._core.db.execute("INSERT INTO embedding_tasks VALUES (?, ?, ?, ?, ?)", values)
        return task_id

    def get(self, call: Call, generation: Generation) -> EmbeddingTask:
        """The one that the path names; v1 keeps its vectors for seven days.

        Raises:
            Refusal: Unknown, or too old.
        """
        task_id = call.id("task_id")
        row = self._core.db.row(
            "SELECT * FROM embedding_tasks WHERE id = ? AND generation = ? AND created_ms > ?",
            (task_id, generation, self._core.now_ms() - WEEK_MS if generation == 1 else 0),
        )
        if row is None:
            raise not_found("embedding task", task_id)
        return _task(row)

    def list_page(self, call: Call, generation: Generation) -> dict[str, Any]:
        """Newest first; without a time span, those of the last seven days."""
        query = call.query()
        page = read_page(query)
        since_ms, until_ms = query.instant_ms("started_at"), query.instant_ms("ended_at")
        status = query.optional_text("status", choices=STATUSES)
        query.done()
        now_ms = self._core.now_ms()
        if since_ms is None and until_ms is None:
            since_ms = now_ms - WEEK_MS
        rows = self._core.db.rows(
            "SELECT * FROM embedding_tasks WHERE generation = ? ORDER BY created_ms DESC, rowid DESC", (generation,)
        )
        found = [
            task
            for task in map(_task, rows)
            if (since_ms is None or task.created_ms > since_ms)
            and (until_ms is None or task.created_ms < until_ms)
            and status in (None, task.timeline.status(now_ms))
        ]
        return page_answer(found, page, self._entry)

    def status(self, task: EmbeddingTask) -> str:
        return task.timeline.status(self._core.now_ms())

    def times(self, task: EmbeddingTask) -> dict[str, Any]:
        changed_ms = task.timeline.changed_ms(self._core.now_ms())
        return {"created_at": instant(task.created_ms), "updated_at": instant(changed_ms)}

    def _entry(self, task: EmbeddingTask) -> dict[str, Any]:
        request = task.request
        entry = {"_id": task.id, "model_name": request.embedding.model, "status": self.status(task), **self.times(task)}
        return {**entry, f"{request.kind}_embedding": {"metadata": request.metadata}}


def _task(row: Row) -> EmbeddingTask:
    return EmbeddingTask(
        row["id"],
        row["generation"],
        row["created_ms"],
        timelines.from_json(row["timeline"]),
        msgspec.json.decode(row["request"], type=Request),
    )
