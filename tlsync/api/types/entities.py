"""Entities and their collections."""

from __future__ import annotations

from msgspec import field

from tlsync.api.types.base import UserMetadata, Wire
from tlsync.models import AssetId


class EntityCollection(Wire, frozen=True, kw_only=True):
    """A named group of entities."""

    id: str = field(name="_id", default="")
    name: str | None = None
    description: str | None = None
    created_at: str | None = None
    updated_at: str | None = None


class Entity(Wire, frozen=True, kw_only=True):
    """A person known by sample images. `status` is processing or ready; searchable as `<@id>`."""

    id: str = field(name="_id", default="")
    name: str | None = None
    description: str | None = None
    metadata: UserMetadata = field(default_factory=dict)
    asset_ids: tuple[AssetId, ...] = ()
    status: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    entity_collection_id: str | None = None  # later


class InternalEntity(Entity, frozen=True, kw_only=True):
    """An entity with its collection."""

    entity_collection_name: str | None = None
    asset_urls: tuple[str, ...] = ()


class BulkEntityInput(Wire, frozen=True, kw_only=True):
    """One entity to create in bulk; at least one asset."""

    name: str
    asset_ids: tuple[str, ...]
    description: str | None = None
    metadata: UserMetadata | None = None


class BulkCreatedEntity(Wire, frozen=True, kw_only=True):
    """An entity that was created."""

    id: str = field(name="_id", default="")
    name: str | None = None
    status: str | None = None


class BulkEntityError(Wire, frozen=True, kw_only=True):
    """An entity that was refused; `entity_index` counts from 0."""

    entity_index: int | None = None
    entity_name: str | None = None
    error_reason: str | None = None


class BulkCreateEntityResponse(Wire, frozen=True, kw_only=True):
    """Outcome of a bulk creation; partial success is normal."""

    success_count: int | None = None
    failed_count: int | None = None
    entities: tuple[BulkCreatedEntity, ...] = ()
    errors: tuple[BulkEntityError, ...] = ()
