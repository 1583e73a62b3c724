"""The table of methods: name in the reference, verb, path, who answers, and on which age of the platform."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tlsync.sandbox.calls import Call
from tlsync.sandbox.links import FILES
from tlsync.sandbox.previews import PLAYLISTS, THUMBNAILS
from tlsync.sandbox.storage import STORAGE
from tlsync.sandbox.wire import Response
from tlsync.sandbox.world import BASE_PATH, World

Method = Callable[[Call], Response]
Age = Literal["always", "reference", "later"]
COLLECTION = "/entity-collections/{entity_collection_id}"
ENTITY = f"{COLLECTION}/entities/{{entity_id}}"
UPLOAD = "/assets/multipart-uploads/{upload_id}"
INDEXED = "/indexes/{index_id}/indexed-assets/{indexed_asset_id}"
VIDEO = "/indexes/{index_id}/videos/{video_id}"
IMPORT = "/tasks/transfers/import/{integration_id}"
ANALYSIS = "/analyze/tasks/{task_id}"


@dataclass(frozen=True, slots=True)
class Route:
    """`age` says which platform has it (contract, 7.1 and 7.3); `has_key` is false beside the API."""

    name: str
    verb: str
    template: str
    method: Method
    age: Age = "always"
    has_key: bool = True

    @property
    def pattern(self) -> re.Pattern[str]:
        base = BASE_PATH if self.has_key else ""
        return re.compile(base + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template) + r"\Z")


def routes_of(world: World) -> list[Route]:
    """All routes that this world's platform has; fixed paths stand before those with a parameter."""
    age = "later" if world.settings.is_later else "reference"
    routes = [
        *_open_routes(world),
        *_index_routes(world),
        *_asset_routes(world),
        *_task_routes(world),
        *_text_routes(world),
        *_entity_routes(world),
        *_embed_routes(world),
    ]
    return [route for route in routes if route.age in ("always", age)]


def _open_routes(world: World) -> list[Route]:
    """Paths beside the API: what links and presigned URLs lead to. They need no key."""
    previews = world.previews
    return [
        Route("storage.put", "PUT", f"{STORAGE}/{{upload_id}}/{{chunk}}", world.storage.put, has_key=False),
        Route("files.get", "GET", f"{FILES}/{{asset_id}}/{{filename}}", world.assets.download, has_key=False),
        Route("thumbnails.get", "GET", f"{THUMBNAILS}/{{video_id}}/{{at}}", previews.thumbnail, has_key=False),
        Route("streams.get", "GET", f"{PLAYLISTS}/{{video_id}}/{{name}}", previews.playlist, has_key=False),
    ]


def _index_routes(world: World) -> list[Route]:
    indexes, indexed, videos = world.indexes, world.indexed, world.videos
    return [
        Route("indexes.list", "GET", "/indexes", indexes.list_page),
        Route("indexes.create", "POST", "/indexes", indexes.create),
        Route("indexes.retrieve", "GET", "/indexes/{index_id}", indexes.retrieve),
        Route("indexes.update", "PUT", "/indexes/{index_id}", indexes.update),
        Route("indexes.delete", "DELETE", "/indexes/{index_id}", indexes.delete),
        Route("indexes.indexed_assets.list", "GET", "/indexes/{index_id}/indexed-assets", indexed.list_page),
        Route("indexes.indexed_assets.create", "POST", "/indexes/{index_id}/indexed-assets", indexed.create),
        Route("indexes.indexed_assets.retrieve", "GET", INDEXED, videos.retrieve_indexed_asset),
        Route("indexes.indexed_assets.delete", "DELETE", INDEXED, indexed.delete),
        Route("indexes.indexed_assets.update", "PATCH", INDEXED, indexed.update),
        Route("indexes.videos.list", "GET", "/indexes/{index_id}/videos", videos.list_page),
        Route("indexes.videos.retrieve", "GET", VIDEO, videos.retrieve),
        Route("indexes.videos.delete", "DELETE", VIDEO, videos.delete),
        Route("indexes.videos.update", "PATCH", VIDEO, videos.update),
    ]


def _asset_routes(world: World) -> list[Route]:
    uploads, assets, sessions = world.uploads, world.assets, "/assets/multipart-uploads"
    return [
        Route("multipart_upload.list_incomplete_uploads", "GET", sessions, uploads.list_incomplete),
        Route("multipart_upload.create", "POST", sessions, uploads.create),
        Route("multipart_upload.get_status", "GET", UPLOAD, uploads.get_status),
        Route("multipart_upload.report_chunk_batch", "POST", UPLOAD, uploads.report),
        Route("multipart_upload.get_additional_presigned_urls", "POST", f"{UPLOAD}/presigned-urls", uploads.more_urls),
        Route("assets.list", "GET", "/assets", assets.list_page),
        Route("assets.create", "POST", "/assets", assets.create),
        Route("assets.retrieve", "GET", "/assets/{asset_id}", assets.retrieve),
        Route("assets.delete", "DELETE", "/assets/{asset_id}", assets.delete),
    ]


def _task_routes(world: World) -> list[Route]:
    tasks, transfers = world.tasks, world.transfers
    return [
        Route("tasks.list", "GET", "/tasks", tasks.list_page),
        Route("tasks.create", "POST", "/tasks", tasks.create),
        Route("tasks.retrieve", "GET", "/tasks/{task_id}", tasks.retrieve),
        Route("tasks.delete", "DELETE", "/tasks/{task_id}", tasks.delete),
        Route("tasks.transfers.create", "POST", IMPORT, transfers.create, "reference"),
        Route("tasks.transfers.get_status", "GET", f"{IMPORT}/status", transfers.get_status, "reference"),
        Route("tasks.transfers.get_logs", "GET", f"{IMPORT}/logs", transfers.get_logs, "reference"),
    ]


def _text_routes(world: World) -> list[Route]:
    generation, analysis = world.generation, world.analysis_tasks
    return [
        Route("search.create", "POST", "/search", world.searching.create),
        Route("search.retrieve", "GET", "/search/{page_token}", world.searching.retrieve),
        Route("summarize", "POST", "/summarize", generation.summarize, "reference"),
        Route("gist", "POST", "/gist", generation.gist, "reference"),
        Route("generate", "POST", "/generate", generation.generate, "reference"),
        Route("analyze", "POST", "/analyze", generation.analyze),
        Route("analyze_async.tasks.list", "GET", "/analyze/tasks", analysis.list_page, "later"),
        Route("analyze_async.tasks.create", "POST", "/analyze/tasks", analysis.create, "later"),
        Route("analyze_async.tasks.retrieve", "GET", ANALYSIS, analysis.retrieve, "later"),
        Route("analyze_async.tasks.delete", "DELETE", ANALYSIS, analysis.delete, "later"),
        Route("analyze_async.tasks.cancel", "POST", f"{ANALYSIS}/cancel", analysis.cancel, "later"),
    ]


def _entity_routes(world: World) -> list[Route]:
    collections, entities = world.collections, world.entities
    return [
        Route("entity_collections.list", "GET", "/entity-collections", collections.list_page),
        Route("entity_collections.create", "POST", "/entity-collections", collections.create),
        Route("entity_collections.retrieve", "GET", COLLECTION, collections.retrieve),
        Route("entity_collections.delete", "DELETE", COLLECTION, collections.delete),
        Route("entity_collections.update", "PATCH", COLLECTION, collections.update),
        Route("manage_entities.list_all_entities", "GET", "/entities", entities.list_of_all, "reference"),
        Route("entity_collections.entities.list", "GET", f"{COLLECTION}/entities", entities.list_page),
        Route("entity_collections.entities.create", "POST", f"{COLLECTION}/entities", entities.create),
        Route("entity_collections.entities.create_bulk", "POST", f"{COLLECTION}/entities/bulk", entities.create_bulk),
        Route("entity_collections.entities.retrieve", "GET", ENTITY, entities.retrieve),
        Route("entity_collections.entities.delete", "DELETE", ENTITY, entities.delete),
        Route("entity_collections.entities.update", "PATCH", ENTITY, entities.update),
        Route("entity_collections.entities.create_assets", "POST", f"{ENTITY}/assets", entities.create_assets),
        Route("entity_collections.entities.delete_assets", "DELETE", f"{ENTITY}/assets", entities.delete_assets),
    ]


def _embed_routes(world: World) -> list[Route]:
    first, second = world.embed_v1, world.embed_v2
    return [
        Route("embed.create", "POST", "/embed", first.create),
        Route("embed.tasks.list", "GET", "/embed/tasks", first.list_page),
        Route("embed.tasks.create", "POST", "/embed/tasks", first.create_task),
        Route("embed.tasks.status", "GET", "/embed/tasks/{task_id}/status", first.status),
        Route("embed.tasks.retrieve", "GET", "/embed/tasks/{task_id}", first.retrieve),
        Route("embed.v_2.create", "POST", "/embed-v2", second.create),
        Route("embed.v_2.tasks.list", "GET", "/embed-v2/tasks", second.list_page),
        Route("embed.v_2.tasks.create", "POST", "/embed-v2/tasks", second.create_task),
        Route("embed.v_2.tasks.retrieve", "GET", "/embed-v2/tasks/{task_id}", second.retrieve),
    ]
