"""Namespaces `entity_collections`, `entity_collections.entities` and `manage_entities`: people to search for.

Source: API reference v1.3 of 2025-11-17, "Entity collections" and "Entities".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tlsync.api.namespace import Namespace
from tlsync.api.pages import PAGE_LIMIT, Pages
from tlsync.api.routes import Lifetime, Route, serves
from tlsync.api.transport import Ask, Transport
from tlsync.api.types import (
    BulkCreateEntityResponse,
    BulkEntityInput,
    Entity,
    EntityCollection,
    InternalEntity,
    Json,
    Page,
    SortOption,
)
from tlsync.models import AssetId

LIST_COLLECTIONS = Route("GET", "/entity-collections")
CREATE_COLLECTION = Route("POST", "/entity-collections")
RETRIEVE_COLLECTION = Route("GET", "/entity-collections/{entity_collection_id}")
DELETE_COLLECTION = Route("DELETE", "/entity-collections/{entity_collection_id}")
UPDATE_COLLECTION = Route("PATCH", "/entity-collections/{entity_collection_id}")

_ENTITIES = "/entity-collections/{entity_collection_id}/entities"
LIST = Route("GET", _ENTITIES)
CREATE = Route("POST", _ENTITIES)
CREATE_BULK = Route("POST", f"{_ENTITIES}/bulk")
RETRIEVE = Route("GET", f"{_ENTITIES}/{{entity_id}}")
DELETE = Route("DELETE", f"{_ENTITIES}/{{entity_id}}")
UPDATE = Route("PATCH", f"{_ENTITIES}/{{entity_id}}")
CREATE_ASSETS = Route("POST", f"{_ENTITIES}/{{entity_id}}/assets")
DELETE_ASSETS = Route("DELETE", f"{_ENTITIES}/{{entity_id}}/assets")

LIST_ALL = Route("GET", "/entities", lifetime=Lifetime.REMOVED, instead="entity_collections.entities.list")

SortEntitiesBy = Literal["created_at", "updated_at", "name"]


class Entities(Namespace):
    """`client.entity_collections.entities`."""

    @serves(LIST)
    def list(
        self,
        entity_collection_id: str,
        *,
        page: int = 1,
        page_limit: int = PAGE_LIMIT,
        name: str | None = None,
        status: str | None = None,
        sort_by: SortEntitiesBy | None = None,
        sort_option: SortOption | None = None,
    ) -> Pages[Entity]:
        """The entities of a collection; `status` is processing or ready."""
        query = {"name": name, "status": status, "sort_by": sort_by, "sort_option": sort_option}
        path = {"entity_collection_id": entity_collection_id}
        return self._pages(LIST, Page[Entity], page=page, page_limit=page_limit, path=path, query=query)

    @serves(CREATE)
    def create(
        self,
        entity_collection_id: str,
        *,
        name: str,
        asset_ids: Sequence[AssetId],
        description: str | None = None,
        metadata: Json | None = None,
    ) -> Entity:
        """Make an entity.

        Args:
            asset_ids: Images that show it; at least one.
            metadata: User fields: texts, numbers, booleans.
        """
        body = {"name": name, "description": description, "metadata": metadata, "asset_ids": asset_ids}
        ask = Ask(path={"entity_collection_id": entity_collection_id}, json=body)
        return self._transport.answer(CREATE, Entity, ask)

    @serves(CREATE_BULK)
    def create_bulk(
        self, entity_collection_id: str, *, entities: Sequence[BulkEntityInput | Json]
    ) -> BulkCreateEntityResponse:
        """Make many entities. Some may fail while the call succeeds: look at `errors`."""
        ask = Ask(path={"entity_collection_id": entity_collection_id}, json={"entities": entities})
        return self._transport.answer(CREATE_BULK, BulkCreateEntityResponse, ask)

    @serves(RETRIEVE)
    def retrieve(self, entity_collection_id: str, entity_id: str) -> Entity:
        """One entity."""
        return self._transport.answer(RETRIEVE, Entity, Ask(path=_path(entity_collection_id, entity_id)))

    @serves(DELETE)
    def delete(self, entity_collection_id: str, entity_id: str) -> None:
        """Delete an entity; its images stay."""
        self._transport.order(DELETE, Ask(path=_path(entity_collection_id, entity_id)))

    @serves(UPDATE)
    def update(
        self,
        entity_collection_id: str,
        entity_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        metadata: Json | None = None,
    ) -> Entity:
        """Change an entity. `metadata` replaces all user fields."""
        body = {"name": name, "description": description, "metadata": metadata}
        return self._transport.answer(UPDATE, Entity, Ask(path=_path(entity_collection_id, entity_id), json=body))

    @serves(CREATE_ASSETS)
    def create_assets(self, entity_collection_id: str, entity_id: str, *, asset_ids: Sequence[AssetId]) -> Entity:
        """Add images to an entity, which may be `processing` for a while."""
        ask = Ask(path=_path(entity_collection_id, entity_id), json={"asset_ids": asset_ids})
        return self._transport.answer(CREATE_ASSETS, Entity, ask)

    @serves(DELETE_ASSETS)
    def delete_assets(self, entity_collection_id: str, entity_id: str, *, asset_ids: Sequence[AssetId]) -> Entity:
        """Take images away from an entity, but not its last one. The images themselves stay."""
        ask = Ask(path=_path(entity_collection_id, entity_id), json={"asset_ids": asset_ids})
        return self._transport.answer(DELETE_ASSETS, Entity, ask)


class EntityCollections(Namespace):
    """`client.entity_collections`."""

    entities: Entities

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.entities = Entities(transport)

    @serves(LIST_COLLECTIONS)
    def list(
        self,
        *,
        page: int = 1,
        page_limit: int = PAGE_LIMIT,
        name: str | None = None,
        sort_by: SortEntitiesBy | None = None,
        sort_option: SortOption | None = None,
    ) -> Pages[EntityCollection]:
        """The collections of the account."""
        query = {"name": name, "sort_by": sort_by, "sort_option": sort_option}
        return self._pages(LIST_COLLECTIONS, Page[EntityCollection], page=page, page_limit=page_limit, query=query)

    @serves(CREATE_COLLECTION)
    def create(self, *, name: str, description: str | None = None) -> EntityCollection:
        """Make a collection. The free plan has one."""
        ask = Ask(json={"name": name, "description": description})
        return self._transport.answer(CREATE_COLLECTION, EntityCollection, ask)

    @serves(RETRIEVE_COLLECTION)
    def retrieve(self, entity_collection_id: str) -> EntityCollection:
        """One collection."""
        ask = Ask(path={"entity_collection_id": entity_collection_id})
        return self._transport.answer(RETRIEVE_COLLECTION, EntityCollection, ask)

    @serves(DELETE_COLLECTION)
    def delete(self, entity_collection_id: str) -> None:
        """Delete a collection."""
        self._transport.order(DELETE_COLLECTION, Ask(path={"entity_collection_id": entity_collection_id}))

    @serves(UPDATE_COLLECTION)
    def update(
        self, entity_collection_id: str, *, name: str | None = None, description: str | None = None
    ) -> EntityCollection:
        """Change name or description."""
        body = {"name": name, "description": description}
        ask = Ask(path={"entity_collection_id": entity_collection_id}, json=body)
        return self._transport.answer(UPDATE_COLLECTION, EntityCollection, ask)


class ManageEntities(Namespace):
    """`client.manage_entities`."""

    @serves(LIST_ALL)
    def list_all_entities(
        self,
        *,
        page: int = 1,
        page_limit: int = PAGE_LIMIT,
        name: str | None = None,
        status: str | None = None,
        sort_by: SortEntitiesBy | None = None,
        sort_option: SortOption | None = None,
    ) -> Pages[InternalEntity]:
        """The entities of all collections.

        Raises:
            Gone: The server no longer has this endpoint.
        """
        query = {"name": name, "status": status, "sort_by": sort_by, "sort_option": sort_option}
        return self._pages(LIST_ALL, Page[InternalEntity], page=page, page_limit=page_limit, query=query)


def _path(entity_collection_id: str, entity_id: str) -> dict[str, str]:
    return {"entity_collection_id": entity_collection_id, "entity_id": entity_id}
