"""Entity collections: named groups of entities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tlsync.sandbox.calls import Call
from tlsync.sandbox.core import Core, instant
from tlsync.sandbox.database import Row
from tlsync.sandbox.fields import Fields
from tlsync.sandbox.paging import page_answer, read_page
from tlsync.sandbox.refusals import not_found
from tlsync.sandbox.wire import Response, empty_response, json_response


@dataclass(frozen=True, slots=True)
class Collection:
    id: str
    name: str
    description: str | None
    created_ms: int
    updated_ms: int


@dataclass(frozen=True, slots=True)
class Order:
    """How a list of entities or collections is sorted."""

    sort_by: str
    is_descending: bool

    def sort(self, items: list[Any]) -> None:
        """Sorts things that have a name and two instants."""
        keys = {"created_at": "created_ms", "updated_at": "updated_ms", "name": "name"}
        items.sort(key=lambda item: getattr(item, keys[self.sort_by]))
        if self.is_descending:
            items.reverse()


def read_order(query: Fields) -> Order:
    sort_by = query.optional_text("sort_by", choices=("created_at", "updated_at", "name")) or "created_at"
    return Order(sort_by, query.optional_text("sort_option", choices=("asc", "desc")) != "asc")


class EntityCollections:
    def __init__(self, core: Core) -> None:
        self._core = core

    def list_page(self, call: Call) -> Response:
        query = call.query()
        page, order = read_page(query), read_order(query)
        name = query.optional_text("name")
        query.done()
        rows = self._core.db.rows("SELECT * FROM entity_collections ORDER BY created_ms, rowid")
        found = [collection for collection in map(_collection, rows) if name in (None, collection.name)]
        order.sort(found)
        return json_response(200, page_answer(found, page, view))

    def create(self, call: Call) -> Response:
        fields = call.json()
        name, description = fields.text("name"), fields.optional_text("description")
        fields.done()
        collection_id, now_ms = self._core.new_id(), self._core.now_ms()
        values = (collection_id, name, description, now_ms, now_ms)
        self._core.db.execute("INSERT INTO entity_collections VALUES (?, ?, ?, ?, ?)", values)
        return json_response(201, view(self.get(collection_id)))

    def retrieve(self, call: Call) -> Response:
        call.query().done()
        return json_response(200, view(self.of_call(call)))

    def update(self, call: Call) -> Response:
        collection = self.of_call(call)
        fields = call.json()
        name = fields.optional_text("name", shortest=1) or collection.name
        description = fields.optional_text("description")
        fields.done()
        self._core.db.execute(
            "UPDATE entity_collections SET name = ?, description = ?, updated_ms = ? WHERE id = ?",
            (name, collection.description if description is None else description, self._core.now_ms(), collection.id),
        )
        return json_response(200, view(self.get(collection.id)))

    def delete(self, call: Call) -> Response:
        """With its entities; their assets stay."""
        collection = self.of_call(call)
        with self._core.db.transaction() as db:
            db.execute(
                "DELETE FROM entity_assets WHERE entity_id IN (SELECT id FROM entities WHERE collection_id = ?)",
                (collection.id,),
            )
            db.execute("DELETE FROM entities WHERE collection_id = ?", (collection.id,))
            db.execute("DELETE FROM entity_collections WHERE id = ?", (collection.id,))
        return empty_response()

    def of_call(self, call: Call) -> Collection:
        return self.get(call.id("entity_collection_id"))

    def get(self, collection_id: str) -> Collection:
        """Raises Refusal (404) for an unknown id."""
        row = self._core.db.row("SELECT * FROM entity_collections WHERE id = ?", (collection_id,))
        if row is None:
            raise not_found("entity collection", collection_id)
        return _collection(row)


def view(collection: Collection) -> dict[str, Any]:
    return {
        "_id": collection.id,
        "name": collection.name,
        "description": collection.description or "",
        "created_at": instant(collection.created_ms),
        "updated_at": instant(collection.updated_ms),
    }


def _collection(row: Row) -> Collection:
    return Collection(row["id"], row["name"], row["description"], row["created_ms"], row["updated_ms"])
