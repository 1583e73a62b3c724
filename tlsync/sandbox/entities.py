"""Entities: people or things that are known by image assets, and can be named in a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from tlsync.sandbox import timeline as timelines
from tlsync.sandbox.assets import Assets
from tlsync.sandbox.calls import Call, check_id
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.database import Row
from tlsync.sandbox.entity_collections import EntityCollections, read_order
from tlsync.sandbox.fields import Fields
from tlsync.sandbox.metadata import check_user_metadata
from tlsync.sandbox.paging import page_answer, read_page
from tlsync.sandbox.refusals import Refusal, invalid, not_found, not_provided, refused
from tlsync.sandbox.timeline import Timeline
from tlsync.sandbox.wire import Response, empty_response, json_response

STATUSES = ("processing", "ready")


@dataclass(frozen=True, slots=True)
class Entity:
    id: str
    collection_id: str
    name: str
    description: str | None
    metadata: dict[str, Any]
    timeline: Timeline
    created_ms: int
    changed_ms: int

    def updated_ms(self, now_ms: int) -> int:
        return max(self.changed_ms, self.timeline.changed_ms(now_ms))


@dataclass(frozen=True, slots=True)
class NewEntity:
    """What is needed to make one, checked."""

    name: str
    description: str | None
    metadata: dict[str, Any]
    asset_ids: list[str]


class Entities:
    def __init__(self, core: Core, assets: Assets, collections: EntityCollections) -> None:
        self._core = core
        self._assets = assets
        self._collections = collections

    # -- methods of the reference -----------------------------------------------------------------

    def list_page(self, call: Call) -> Response:
        collection = self._collections.of_call(call)
        return self._list(call, collection.id, self.view)

    def list_of_all(self, call: Call) -> Response:
        """Over all collections, with data about each one's collection."""

        def wide_view(entity: Entity) -> dict[str, Any]:
            assets = [self._assets.get(asset_id) for asset_id in self._asset_ids(entity.id)]
            return {
                **self.view(entity),
                "entity_collection_id": entity.collection_id,
                "entity_collection_name": self._collections.get(entity.collection_id).name,
                "asset_urls": [self._assets.link_to(asset, call.request.origin)[0] for asset in assets],
            }

        return self._list(call, None, wide_view)

    def create(self, call: Call) -> Response:
        collection = self._collections.of_call(call)
        fields = call.json()
        new = self._read_new(fields)
        return json_response(201, self.view(self._insert(collection.id, new)))

    def create_bulk(self, call: Call) -> Response:
        """Partial success is normal: each one that is refused is listed with its reason."""
        collection = self._collections.of_call(call)
        fields = call.json()
        items = fields.items("entities")
        fields.done()
        if items is None:
            raise not_provided("entities")
        made: list[Entity] = []
        errors: list[dict[str, Any]] = []
        for position, item in enumerate(items):
            name = item.get("name") if isinstance(item, dict) else None
            try:
                if not isinstance(item, dict):
                    raise invalid("Each of entities must be an object.")
                made.append(self._insert(collection.id, self._read_new(Fields(item))))
            except Refusal as refusal:
                errors.append({"entity_index": position, "entity_name": name, "error_reason": refusal.message})
        now_ms = self._core.now_ms()
        shown = [{"_id": one.id, "name": one.name, "status": one.timeline.status(now_ms)} for one in made]
        answer = {"success_count": len(made), "failed_count": len(errors), "entities": shown, "errors": errors}
        return json_response(201, answer)

    def retrieve(self, call: Call) -> Response:
        call.query().done()
        return json_response(200, self.view(self._of_call(call)))

    def update(self, call: Call) -> Response:
        entity = self._of_call(call)
        fields = call.json()
        name = fields.optional_text("name", shortest=1) or entity.name
        description = fields.optional_text("description")
        metadata = fields.mapping("metadata")
        fields.done()
        if metadata is not None:
            check_user_metadata(metadata, may_remove=False, may_list=False)
        self._core.db.execute(
            "UPDATE entities SET name = ?, description = ?, metadata = ?, updated_ms = ? WHERE id = ?",
            (
                name,
                entity.description if description is None else description,
                _json(entity.metadata if metadata is None else metadata),
                self._core.now_ms(),
                entity.id,
            ),
        )
        return json_response(200, self.view(self.get(entity.id)))

    def delete(self, call: Call) -> Response:
        entity = self._of_call(call)
        with self._core.db.transaction() as db:
            db.execute("DELETE FROM entity_assets WHERE entity_id = ?", (entity.id,))
            db.execute("DELETE FROM entities WHERE id = ?", (entity.id,))
        return empty_response()

    def create_assets(self, call: Call) -> Response:
        """Adds assets; the entity is processed anew."""
        entity = self._of_call(call)
        fields = call.json()
        asset_ids = self._read_assets(fields)
        fields.done()
        known = self._asset_ids(entity.id)
        timeline, _ = self._timeline()
        with self._core.db.transaction() as db:
            fresh = [asset_id for asset_id in asset_ids if asset_id not in known]
            rows = [(entity.id, asset_id, len(known) + at) for at, asset_id in enumerate(fresh)]
            db.executemany("INSERT INTO entity_assets VALUES (?, ?, ?)", rows)
            db.execute("UPDATE entities SET timeline = ? WHERE id = ?", (timeline.to_json(), entity.id))
        return json_response(200, self.view(self.get(entity.id)))

    def delete_assets(self, call: Call) -> Response:
        entity = self._of_call(call)
        fields = call.json()
        asset_ids = fields.items("asset_ids")
        fields.done()
        known = self._asset_ids(entity.id)
        if asset_ids is None or not set(asset_ids) <= set(known):
            raise invalid("The asset_ids parameter must name assets of the entity.")
        if set(asset_ids) == set(known):
            raise invalid("The last asset of an entity cannot be taken away.")
        with self._core.db.transaction() as db:
            rows = [(entity.id, asset_id) for asset_id in asset_ids]
            db.executemany("DELETE FROM entity_assets WHERE entity_id = ? AND asset_id = ?", rows)
            db.execute("UPDATE entities SET updated_ms = ? WHERE id = ?", (self._core.now_ms(), entity.id))
        return json_response(200, self.view(self.get(entity.id)))

    # -- for the other parts ------------------------------------------------------------------------

    def get(self, entity_id: str, collection_id: str | None = None) -> Entity:
        """Raises Refusal (404) for an unknown id."""
        row = self._core.db.row("SELECT * FROM entities WHERE id = ?", (entity_id,))
        if row is None or collection_id not in (None, row["collection_id"]):
            raise not_found("entity", entity_id)
        return _entity(row)

    def name_for_search(self, entity_id: str) -> str:
        """Raises Refusal (400) for one that is unknown or not ready."""
        row = self._core.db.row("SELECT * FROM entities WHERE id = ?", (entity_id,))
        if row is None:
            raise invalid(f"There is no entity {entity_id}.")
        entity = _entity(row)
        status = entity.timeline.status(self._core.now_ms())
        if status != "ready":
            raise invalid(f"The entity {entity_id} is not ready: its status is {status}.")
        return entity.name

    def view(self, entity: Entity) -> dict[str, Any]:
        now_ms = self._core.now_ms()
        view: dict[str, Any] = {
            "_id": entity.id,
            "name": entity.name,
            "description": entity.description or "",
            "metadata": entity.metadata,
            "asset_ids": self._asset_ids(entity.id),
            "status": entity.timeline.status(now_ms),
            "created_at": instant(entity.created_ms),
            "updated_at": instant(entity.updated_ms(now_ms)),
        }
        if self._core.settings.is_later:
            view["entity_collection_id"] = entity.collection_id
        return view

    # -- inside -----------------------------------------------------------------------------------------

    def _list(self, call: Call, collection_id: str | None, view: Any) -> Response:
        query = call.query()
        page, order = read_page(query), read_order(query)
        name = query.optional_text("name")
        status = query.optional_text("status", choices=STATUSES)
        query.done()
        now_ms = self._core.now_ms()
        found = [
            entity
            for entity in map(_entity, self._core.db.rows("SELECT * FROM entities ORDER BY created_ms, rowid"))
            if collection_id in (None, entity.collection_id)
            and name in (None, entity.name)
            and status in (None, entity.timeline.status(now_ms))
        ]
        order.sort(found)
        return json_response(200, page_answer(found, page, view))

    def _of_call(self, call: Call) -> Entity:
        return self.get(call.id("entity_id"), self._collections.of_call(call).id)

    def _read_new(self, fields: Fields) -> NewEntity:
        name, description = fields.text("name"), fields.optional_text("description")
        metadata = fields.mapping("metadata") or {}
        asset_ids = self._read_assets(fields)
        fields.done()
        check_user_metadata(metadata, may_remove=False, may_list=False)
        return NewEntity(name, description, metadata, asset_ids)

    def _read_assets(self, fields: Fields) -> list[str]:
        """Ids of image assets that are ready; unknown ones are 400 here, as the reference documents no 404."""
        asset_ids = fields.items("asset_ids")
        if asset_ids is None:
            raise not_provided("asset_ids")
        for asset_id in asset_ids:
            try:
                _, facts = self._assets.get_ready(check_id("asset_ids", asset_id))
            except Refusal as refusal:
                raise refused(refusal.code, refusal.message) from None
            if facts.kind != "image":
                raise invalid(f"The asset {asset_id} is no image.")
        return list(dict.fromkeys(asset_ids))

    def _insert(self, collection_id: str, new: NewEntity) -> Entity:
        entity_id = self._core.new_id()
        timeline, _ = self._timeline()
        with self._core.db.transaction() as db:
            db.execute(
                "INSERT INTO entities VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    entity_id,
                    collection_id,
                    new.name,
                    new.description,
                    _json(new.metadata),
                    timeline.to_json(),
                    timeline.start_ms,
                    timeline.start_ms,
                ),
            )
            rows = [(entity_id, asset_id, at) for at, asset_id in enumerate(new.asset_ids)]
            db.executemany("INSERT INTO entity_assets VALUES (?, ?, ?)", rows)
        return self.get(entity_id)

    def _timeline(self) -> tuple[Timeline, str | None]:
        return self._core.timeline("entity", [("processing", self._core.timings.entity_s)], "ready")

    def _asset_ids(self, entity_id: str) -> list[str]:
        rows = self._core.db.rows(
            "SELECT asset_id FROM entity_assets WHERE entity_id = ? ORDER BY position", (entity_id,)
        )
        return [row["asset_id"] for row in rows]


def _entity(row: Row) -> Entity:
    return Entity(
        row["id"],
        row["collection_id"],
        row["name"],
        row["description"],
        msgspec.json.decode(row["metadata"]),
        timelines.from_json(row["timeline"]),
        row["created_ms"],
        row["updated_ms"],
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
