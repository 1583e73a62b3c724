"""Indexes: groups of videos that are searched as one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from tlsync.sandbox import facts as facts_of
from tlsync.sandbox import timeline as timelines
from tlsync.sandbox.calls import Call
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.database import Row
from tlsync.sandbox.fields import Fields
from tlsync.sandbox.filters import is_on_day_since
from tlsync.sandbox.paging import page_answer, read_page
from tlsync.sandbox.refusals import invalid, not_found, refused
from tlsync.sandbox.wire import Response, empty_response, json_response

MODELS = ("marengo3.0", "marengo2.7", "pegasus1.2")
LATER_MODELS = ("marengo3.0",)
OPTIONS = ("visual", "audio")


@dataclass(frozen=True, slots=True)
class Index:
    id: str
    name: str
    models: dict[str, list[str]]
    addons: list[str]
    created_ms: int
    updated_ms: int

    def model(self, family: str) -> str | None:
        """The model of a family that this index has: `marengo` or `pegasus`."""
        return next((name for name in self.models if name.startswith(family)), None)

    @property
    def has_thumbnails(self) -> bool:
        return "thumbnail" in self.addons


class Indexes:
    def __init__(self, core: Core) -> None:
        self._core = core

    def list_page(self, call: Call) -> Response:
        query = call.query()
        page = read_page(query)
        sort_by = query.optional_text("sort_by", choices=("created_at", "updated_at")) or "created_at"
        direction = query.optional_text("sort_option", choices=("asc", "desc")) or "desc"
        name = query.optional_text("index_name")
        options = (query.optional_text("model_options") or "").replace(" ", "").split(",")
        family = query.optional_text("model_family", choices=("marengo", "pegasus"))
        created_ms, updated_ms = query.instant_ms("created_at"), query.instant_ms("updated_at")
        query.done()
        wanted = {option for option in options if option}
        if not wanted <= set(OPTIONS):
            raise invalid("The model_options parameter must be visual, audio or both, separated by a comma.")
        found = [
            index
            for index in map(_index, self._core.db.rows("SELECT * FROM indexes ORDER BY created_ms, rowid"))
            if name in (None, index.name)
            and wanted <= {option for chosen in index.models.values() for option in chosen}
            and (family is None or index.model(family) is not None)
            and is_on_day_since(index.created_ms, created_ms)
            and is_on_day_since(index.updated_ms, updated_ms)
        ]
        found.sort(key=lambda index: index.updated_ms if sort_by == "updated_at" else index.created_ms)
        if direction == "desc":
            found.reverse()
        return json_response(200, page_answer(found, page, self.view))

    def create(self, call: Call) -> Response:
        fields = call.json()
        name = fields.text("index_name")
        models = self._read_models(fields)
        addons = fields.items("addons", choices=("thumbnail",), fewest=0) or []
        fields.done()
        if addons and not any(model.startswith("marengo") for model in models):
            raise invalid("The thumbnail add-on needs a Marengo model.")
        index_id, now_ms = self._core.new_id(), self._core.now_ms()
        with self._core.db.transaction() as db:
            self._refuse_name(name)
            values = (index_id, name, _json(models), _json(addons), now_ms, now_ms)
            db.execute("INSERT INTO indexes VALUES (?, ?, ?, ?, ?, ?)", values)
        return json_response(201, {"_id": index_id})

    def retrieve(self, call: Call) -> Response:
        call.query().done()
        return json_response(200, self.view(self.get(call.id("index_id"))))

    def update(self, call: Call) -> Response:
        index = self.get(call.id("index_id"))
        fields = call.json()
        name = fields.text("index_name")
        if fields.has("models") or fields.has("addons"):
            raise refused("index_engine_cannot_be_changed", "The models of an index cannot be changed.")
        fields.done()
        with self._core.db.transaction() as db:
            if name != index.name:
                self._refuse_name(name)
            db.execute(
                "UPDATE indexes SET name = ?, updated_ms = ? WHERE id = ?", (name, self._core.now_ms(), index.id)
            )
        return empty_response()

    def delete(self, call: Call) -> Response:
        index = self.get(call.id("index_id"))
        with self._core.db.transaction() as db:
            db.execute("DELETE FROM indexes WHERE id = ?", (index.id,))
            db.execute("DELETE FROM spoken WHERE index_id = ?", (index.id,))
            db.execute(
                "UPDATE indexed_assets SET deleted_ms = ? WHERE index_id = ? AND deleted_ms IS NULL",
                (self._core.now_ms(), index.id),
            )
        return empty_response()

    def get(self, index_id: str) -> Index:
        """Raises Refusal (404) for an unknown id."""
        row = self._core.db.row("SELECT * FROM indexes WHERE id = ?", (index_id,))
        if row is None:
            raise not_found("index", index_id)
        return _index(row)

    def pool(self, index_id: str) -> tuple[int, float]:
        """Number and total seconds of the videos that are ready."""
        now_ms = self._core.now_ms()
        rows = self._core.db.rows(
            "SELECT timeline, facts FROM indexed_assets WHERE index_id = ? AND deleted_ms IS NULL", (index_id,)
        )
        lengths_s = [
            facts_of.from_json(row["facts"]).duration_s
            for row in rows
            if timelines.from_json(row["timeline"]).status(now_ms) == "ready"
        ]
        return len(lengths_s), round(sum(lengths_s), 3)

    def view(self, index: Index) -> dict[str, Any]:
        count, total_s = self.pool(index.id)
        return {
            "_id": index.id,
            "created_at": instant(index.created_ms),
            "updated_at": instant(index.updated_ms),
            "expires_at": None,
            "index_name": index.name,
            "total_duration": total_s,
            "video_count": count,
            "models": [{"model_name": name, "model_options": options} for name, options in index.models.items()],
            "addons": index.addons,
        }

    def _read_models(self, fields: Fields) -> dict[str, list[str]]:
        known = LATER_MODELS if self._core.settings.is_later else MODELS
        models: dict[str, list[str]] = {}
        for item in fields.items("models", most=2) or []:
            if not isinstance(item, dict):
                raise invalid("Each of models must be an object.")
            model = Fields(item)
            name = model.text("model_name", choices=known)
            options = model.items("model_options", choices=OPTIONS)
            model.done()
            if options is None or name in models:
                raise invalid("Each model needs model_options, and can be named once.")
            models[name] = options
        if not models:
            raise invalid("The models parameter must have 1 or 2 items.")
        return models

    def _refuse_name(self, name: str) -> None:
        if self._core.db.row("SELECT 1 FROM indexes WHERE name = ?", (name,)) is not None:
            raise refused("index_name_already_exists", f"There is an index named {name} already.")


def _index(row: Row) -> Index:
    return Index(
        row["id"],
        row["name"],
        msgspec.json.decode(row["models"]),
        msgspec.json.decode(row["addons"]),
        row["created_ms"],
        row["updated_ms"],
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
