"""Indexed assets: assets in an index, with their way from pending to ready (what search calls videos)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from tlsync.sandbox import facts as facts_of
from tlsync.sandbox import timeline as timelines
from tlsync.sandbox.assets import Asset, Assets
from tlsync.sandbox.calls import Call, check_id
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.database import Row
from tlsync.sandbox.facts import Facts, Unusable
from tlsync.sandbox.fields import Fields
from tlsync.sandbox.filters import from_query, is_on_day_since
from tlsync.sandbox.indexes import Index, Indexes
from tlsync.sandbox.metadata import check_user_metadata, merge
from tlsync.sandbox.model_limits import why_not
from tlsync.sandbox.paging import page_answer, read_page
from tlsync.sandbox.refusals import invalid, not_found
from tlsync.sandbox.timeline import Timeline
from tlsync.sandbox.wire import Response, empty_response, json_response

STATUSES = ("ready", "pending", "queued", "indexing", "failed")


@dataclass(frozen=True, slots=True)
class IndexedAsset:
    """`facts` are a copy: they stay when the asset is deleted."""

    id: str
    index_id: str
    asset_id: str
    filename: str
    created_ms: int
    changed_ms: int | None
    timeline: Timeline
    facts: Facts
    error_code: str | None
    error: str | None
    user_metadata: dict[str, Any]
    is_streamed: bool
    is_deleted: bool

    def updated_ms(self, now_ms: int) -> int:
        return max(self.timeline.changed_ms(now_ms), self.changed_ms or 0)


class IndexedAssets:
    def __init__(self, core: Core, assets: Assets, indexes: Indexes) -> None:
        self._core = core
        self._assets = assets
        self._indexes = indexes

    # -- methods of the reference -----------------------------------------------------------------

    def list_page(self, call: Call) -> Response:
        return self.list_with(call, self.view, has_status=True)

    def create(self, call: Call) -> Response:
        index = self._indexes.get(call.id("index_id"))
        is_later = self._core.settings.is_later
        fields = call.json()
        asset_id = check_id("asset_id", fields.need("asset_id"))
        is_streamed = fields.boolean("enable_video_stream", default=False)
        metadata = fields.mapping("user_metadata") or {} if is_later else {}
        fields.done()
        check_user_metadata(metadata, may_remove=False, may_list=is_later)
        indexed_id = self.add(index, asset_id, metadata, is_streamed=is_streamed)
        answer = {"_id": indexed_id, **({"asset_id": asset_id} if is_later else {})}
        return json_response(202, answer, {"location": f"/indexes/{index.id}/indexed-assets/{indexed_id}"})

    def delete(self, call: Call) -> Response:
        return self.remove(self.of_call(call, "indexed_asset_id"))

    def update(self, call: Call) -> Response:
        return self.change_metadata(call, self.of_call(call, "indexed_asset_id"))

    # -- for the other parts ------------------------------------------------------------------------

    def add(self, index: Index, asset_id: str, metadata: dict[str, Any], *, is_streamed: bool) -> str:
        """Begin to index an asset, again if it is there already: each time is billed.

        Raises:
            Refusal: The asset is unknown, not ready, or a picture.
        """
        asset, facts = self._assets.get_ready(asset_id)
        if facts.kind == "image":
            raise invalid(f"The asset {asset_id} is an image: only video and audio can be indexed.")
        if self._core.settings.is_later and index.model("marengo") is None:
            raise invalid("Indexes with Pegasus alone take no more videos.")
        return self.begin(index, asset, facts, metadata, is_streamed=is_streamed)

    def begin(
        self,
        index: Index,
        asset: Asset,
        facts: Facts,
        metadata: dict[str, Any],
        *,
        is_streamed: bool,
        lead_s: float = 0.0,
        kind: str = "indexed_asset",
    ) -> str:
        """Lay out the states of a new indexed asset; `lead_s` is how long a validation before them takes."""
        timings, is_later = self._core.timings, self._core.settings.is_later
        failure = why_not(facts, list(index.models), is_later=is_later)
        steps = [
            ("pending", lead_s + timings.pending_s),
            ("queued", timings.queued_s),
            ("indexing", timings.indexing_s),
        ]
        if is_later:
            steps.insert(0, ("validating", timings.validating_s))
        timeline, ordered = self._core.timeline(kind, steps, "failed" if failure else "ready")
        if ordered and failure is None:
            failure = Unusable(ordered, "The sandbox was told to let this fail.")
        indexed_id = self._core.new_id()
        states = (timeline.start_ms, timeline.to_json(), facts.to_json(), failure and failure.code)
        rest = (failure and failure.message, _json(metadata), is_streamed)
        with self._core.db.transaction() as db:
            db.execute(
                "INSERT INTO indexed_assets VALUES (?, ?, ?, ?, ?, NULL, ?, ?, ?, ?, ?, ?, NULL)",
                (indexed_id, index.id, asset.id, asset.filename, *states, *rest),
            )
            db.executemany(
                "INSERT INTO spoken VALUES (?, ?, ?, ?, ?)",
                [(line.text, index.id, indexed_id, line.start_s, line.end_s) for line in facts.lines],
            )
        return indexed_id

    def list_with(self, call: Call, view: Callable[[IndexedAsset], dict[str, Any]], *, has_status: bool) -> Response:
        """The list of an index in one of its two wire forms; videos are those that are ready."""
        index = self._indexes.get(call.id("index_id"))
        query = call.query()
        page = read_page(query)
        sort_by = query.optional_text("sort_by", choices=("created_at", "updated_at")) or "created_at"
        direction = query.optional_text("sort_option", choices=("asc", "desc")) or "desc"
        known = (*STATUSES, "validating") if self._core.settings.is_later else STATUSES
        statuses = query.items("status", choices=known) if has_status else ["ready"]
        created_ms, updated_ms = query.instant_ms("created_at"), query.instant_ms("updated_at")
        is_wanted = from_query(query, has_ranges=self._core.settings.is_later)
        now_ms = self._core.now_ms()
        found = [
            item
            for item in self.of_index(index.id)
            if (statuses is None or item.timeline.status(now_ms) in statuses)
            and is_on_day_since(item.created_ms, created_ms)
            and (updated_ms is None or is_on_day_since(item.changed_ms or 0, updated_ms))
            and is_wanted(item)
        ]
        found.sort(key=lambda item: item.updated_ms(now_ms) if sort_by == "updated_at" else item.created_ms)
        if direction == "desc":
            found.reverse()
        return json_response(200, page_answer(found, page, view))

    def of_call(self, call: Call, name: str) -> IndexedAsset:
        """The one that a path names, in the index that it names."""
        index = self._indexes.get(call.id("index_id"))
        return self.get(call.id(name), index.id)

    def get(self, indexed_id: str, index_id: str | None = None) -> IndexedAsset:
        """Raises Refusal (404) for an unknown id."""
        item = self.get_even_deleted(indexed_id)
        if item.is_deleted or index_id not in (None, item.index_id):
            raise not_found("video", indexed_id)
        return item

    def get_even_deleted(self, indexed_id: str) -> IndexedAsset:
        """As `get`, also for one that was removed from its index: its task still knows it."""
        row = self._core.db.row("SELECT * FROM indexed_assets WHERE id = ?", (indexed_id,))
        if row is None:
            raise not_found("video", indexed_id)
        return _indexed_asset(row)

    def get_ready(self, video_id: str) -> tuple[IndexedAsset, Index]:
        """One that can be worked on, with its index.

        Raises:
            Refusal: Unknown, or not ready.
        """
        item = self.get(video_id)
        status = item.timeline.status(self._core.now_ms())
        if status != "ready":
            raise invalid(f"The video {video_id} is not ready: its status is {status}.")
        return item, self._indexes.get(item.index_id)

    def of_index(self, index_id: str) -> list[IndexedAsset]:
        """All of an index, oldest first."""
        rows = self._core.db.rows(
            "SELECT * FROM indexed_assets WHERE index_id = ? AND deleted_ms IS NULL ORDER BY created_ms, rowid",
            (index_id,),
        )
        return [_indexed_asset(row) for row in rows]

    def remove(self, item: IndexedAsset) -> Response:
        with self._core.db.transaction() as db:
            db.execute("UPDATE indexed_assets SET deleted_ms = ? WHERE id = ?", (self._core.now_ms(), item.id))
            db.execute("DELETE FROM spoken WHERE indexed_asset_id = ?", (item.id,))
        return empty_response()

    def change_metadata(self, call: Call, item: IndexedAsset) -> Response:
        fields: Fields = call.json()
        changes = fields.mapping("user_metadata") or {}
        fields.done()
        check_user_metadata(changes, may_remove=True, may_list=self._core.settings.is_later)
        with self._core.db.transaction() as db:
            merged = merge(self.get(item.id).user_metadata, changes)
            db.execute(
                "UPDATE indexed_assets SET user_metadata = ?, changed_ms = ? WHERE id = ?",
                (_json(merged), self._core.now_ms(), item.id),
            )
        return empty_response()

    def view(self, item: IndexedAsset) -> dict[str, Any]:
        """The list form."""
        now_ms = self._core.now_ms()
        status = item.timeline.status(now_ms)
        view: dict[str, Any] = {
            "_id": item.id,
            "created_at": instant(item.created_ms),
            "updated_at": instant(item.updated_ms(now_ms)),
            "status": status,
            "system_metadata": system_metadata(item),
        }
        if status == "ready":
            view["indexed_at"] = instant(item.timeline.ended_ms(now_ms))
        if status == "failed":
            view["error"] = {"code": item.error_code, "message": item.error}
        if self._core.settings.is_later:
            view["asset_id"] = item.asset_id
        return view


def system_metadata(item: IndexedAsset) -> dict[str, Any]:
    facts = item.facts
    view: dict[str, Any] = {"filename": item.filename, "duration": facts.duration_s, "size": facts.size_bytes}
    if facts.kind == "video":
        view |= {"fps": facts.fps, "width": facts.width, "height": facts.height}
    return view


def _indexed_asset(row: Row) -> IndexedAsset:
    return IndexedAsset(
        row["id"],
        row["index_id"],
        row["asset_id"],
        row["filename"],
        row["created_ms"],
        row["changed_ms"],
        timelines.from_json(row["timeline"]),
        facts_of.from_json(row["facts"]),
        row["error_code"],
        row["error"],
        msgspec.json.decode(row["user_metadata"]),
        bool(row["is_streamed"]),
        row["deleted_ms"] is not None,
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
