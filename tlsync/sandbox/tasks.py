"""Tasks: upload and index in one call. A task's state is that of its video, with a validation before it.

The file that a task uploads is an asset like any other here, so that its thumbnails and streams can be served.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Any

from tlsync.sandbox.assets import Assets
from tlsync.sandbox.calls import Call, check_id
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.database import Row
from tlsync.sandbox.filters import from_query, is_on_day_since
from tlsync.sandbox.forms import Form
from tlsync.sandbox.indexed_assets import IndexedAsset, IndexedAssets
from tlsync.sandbox.indexes import Indexes
from tlsync.sandbox.later import read_json_text
from tlsync.sandbox.metadata import check_user_metadata
from tlsync.sandbox.model_limits import why_not
from tlsync.sandbox.paging import page_answer, read_page
from tlsync.sandbox.refusals import invalid, not_found, not_provided, refused
from tlsync.sandbox.settings import MIB
from tlsync.sandbox.sources import Source, Sources
from tlsync.sandbox.videos import Videos
from tlsync.sandbox.wire import Response, empty_response, json_response

FILE_LIMIT_BYTES = 2048 * MIB
STATUSES = ("ready", "uploading", "validating", "pending", "queued", "indexing", "failed")


@dataclass(frozen=True, slots=True)
class Task:
    id: str
    video: IndexedAsset
    created_ms: int
    validated_ms: int

    def status(self, now_ms: int) -> str:
        return "validating" if now_ms < self.validated_ms else self.video.timeline.status(now_ms)

    def updated_ms(self, now_ms: int) -> int:
        changed_ms = self.video.timeline.changed_ms(now_ms)
        return max(changed_ms, self.validated_ms) if now_ms >= self.validated_ms else self.created_ms


class Tasks:
    def __init__(
        self, core: Core, assets: Assets, indexes: Indexes, indexed: IndexedAssets, videos: Videos, sources: Sources
    ) -> None:
        self._core = core
        self._assets = assets
        self._indexes = indexes
        self._indexed = indexed
        self._videos = videos
        self._sources = sources

    def list_page(self, call: Call) -> Response:
        query = call.query()
        page = read_page(query)
        sort_by = query.optional_text("sort_by", choices=("created_at", "updated_at")) or "created_at"
        direction = query.optional_text("sort_option", choices=("asc", "desc")) or "desc"
        index_id = query.optional_text("index_id")
        # The reference repeats the key, a later description joins with commas: both are understood.
        statuses = [one for given in query.items("status") or [] for one in str(given).split(",")]
        created_ms, updated_ms = query.instant_ms("created_at"), query.instant_ms("updated_at")
        is_wanted = from_query(query, has_ranges=False, has_metadata=False)
        if not set(statuses) <= set(STATUSES):
            raise invalid(f"The status parameter must be of {', '.join(STATUSES)}.")
        now_ms = self._core.now_ms()
        found = [
            task
            for task in self._all()
            if index_id in (None, task.video.index_id)
            and (not statuses or task.status(now_ms) in statuses)
            and is_on_day_since(task.created_ms, created_ms)
            and is_on_day_since(task.updated_ms(now_ms), updated_ms)
            and is_wanted(task.video)
        ]
        found.sort(key=lambda task: task.updated_ms(now_ms) if sort_by == "updated_at" else task.created_ms)
        if direction == "desc":
            found.reverse()
        return json_response(200, page_answer(found, page, self._view))

    def create(self, call: Call) -> Response:
        form = call.form(FILE_LIMIT_BYTES)
        fields = form.fields
        index = self._indexes.get(check_id("index_id", fields.need("index_id")))
        is_streamed = fields.boolean("enable_video_stream", default=True)
        metadata = read_json_text(fields, "user_metadata") or {}
        check_user_metadata(metadata, may_remove=False, may_list=self._core.settings.is_later)
        source = self._read_source(form)
        fields.done()
        failure = why_not(source.facts, list(index.models), is_later=self._core.settings.is_later)
        if failure is not None:
            raise refused(failure.code, failure.message)
        asset_id = self._store(source)
        now_ms = self._core.now_ms()
        validating_s = self._core.timings.validating_s
        task_id = self._core.new_id()
        with self._core.db.transaction() as db:
            video_id = self._indexed.begin(
                index,
                self._assets.get(asset_id),
                source.facts,
                metadata,
                is_streamed=is_streamed,
                lead_s=validating_s,
                kind="task",
            )
            values = (task_id, video_id, now_ms, now_ms + round(validating_s * 1000))
            db.execute("INSERT INTO tasks VALUES (?, ?, ?, ?)", values)
        return json_response(200, {"_id": task_id, "video_id": video_id})

    def retrieve(self, call: Call) -> Response:
        call.query().done()
        task = self._of_call(call)
        view = self._view(task)
        if task.video.is_streamed:
            view["hls"] = self._videos.hls(task.video, call.request.origin)
        return json_response(200, view)

    def delete(self, call: Call) -> Response:
        task = self._of_call(call)
        status = task.status(self._core.now_ms())
        if status not in ("ready", "failed"):
            raise refused("task_cannot_be_deleted", f"The task is {status}.")
        if status == "ready" and not task.video.is_deleted:
            raise refused("task_cannot_be_deleted", "Delete the video of this task from its index first.")
        self._core.db.execute("DELETE FROM tasks WHERE id = ?", (task.id,))
        return empty_response()

    def _read_source(self, form: Form) -> Source:
        url, part = form.fields.optional_text("video_url"), form.files.get("video_file")
        if url is None and part is None:
            raise not_provided("video_file or video_url")
        if part is not None:
            return self._sources.read_part(part, ("video", "audio"))
        return self._sources.read_url(url or "", ("video", "audio"))

    def _store(self, source: Source) -> str:
        assert source.path is not None
        arriving = self._core.scratch_file()
        shutil.copyfile(source.path, arriving)
        method = "url" if source.url else "direct"
        asset_id = self._assets.reserve(method, source.filename or "file", {}, lives_s=None)
        self._assets.adopt(asset_id, arriving)
        return asset_id

    def _all(self) -> list[Task]:
        return [self._task(row) for row in self._core.db.rows("SELECT * FROM tasks ORDER BY created_ms, rowid")]

    def _of_call(self, call: Call) -> Task:
        task_id = call.id("task_id")
        row = self._core.db.row("SELECT * FROM tasks WHERE id = ?", (task_id,))
        if row is None:
            raise not_found("task", task_id)
        return self._task(row)

    def _task(self, row: Row) -> Task:
        video = self._indexed.get_even_deleted(row["indexed_asset_id"])
        return Task(row["id"], video, row["created_ms"], row["validated_ms"])

    def _view(self, task: Task) -> dict[str, Any]:
        now_ms, facts = self._core.now_ms(), task.video.facts
        return {
            "_id": task.id,
            "video_id": task.video.id,
            "created_at": instant(task.created_ms),
            "updated_at": instant(task.updated_ms(now_ms)),
            "status": task.status(now_ms),
            "index_id": task.video.index_id,
            "system_metadata": {
                "duration": facts.duration_s,
                "filename": task.video.filename,
                "height": facts.height,
                "width": facts.width,
            },
        }
