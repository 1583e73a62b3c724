"""Every method of the reference: what it puts on the wire, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
import msgspec
import pytest
import respx

from tlsync.api import AnalysisStream, IndexModel, Pages, ResponseFormat, TwelveLabs, UploadStatusPages, VideoSource
from tlsync.api.reference import methods
from tlsync.api.types import BulkEntityInput, CompletedChunk, MediaInput, MediaSource, TextInput

from .helpers import BASE_URL, ID, KEY, OTHER_ID, form_of, json_of

VIDEO_URL = "https://media.example.com/lake.mp4"
SCHEMA = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
STREAM = (
    b'{"event_type":"stream_start"}\n{"event_type":"text_generation","text":"sun"}\n'
    b'{"event_type":"stream_end","finish_reason":"stop"}\n'
)
PAGE = {"page": "1", "page_limit": "50"}


@dataclass(frozen=True)
class Case:
    """A call, the request it must make, and the answer.

    `query` is text, decoded, or a dict. `body` is a dict for JSON, a list of (name, text) for a form, None for no body.
    `gives` maps attribute paths of the result (of the first item of a list) to values.
    """

    name: str
    call: dict[str, Any]
    wire: str
    query: str | dict[str, str] = ""
    body: dict[str, Any] | list[tuple[str, str]] | None = None
    status: int = 200
    answer: object = None
    gives: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


def listed(item: dict[str, Any]) -> dict[str, Any]:
    return {"data": [item], "page_info": {"page": 1, "total_page": 1}}


PLACE = {"index_id": ID}
ENTITY = {"entity_collection_id": ID, "entity_id": OTHER_ID}
ENTITY_PATH = f"/entity-collections/{ID}/entities/{OTHER_ID}"

CASES = [
    Case(
        "summarize",
        {"video_id": ID, "type": "chapter", "temperature": 0.2},
        "POST /summarize",
        body={"video_id": ID, "type": "chapter", "temperature": 0.2},
        answer={
            "summarize_type": "chapter",
            "chapters": [{"chapter_number": 0, "start": 0, "end": 42, "start_sec": 0.0, "end_sec": 42.4}],
        },
        gives={"chapters.0.end_sec": 42.4, "chapters.0.chapter_number": 0, "summarize_type": "chapter"},
    ),
    Case(
        "summarize",
        {"video_id": ID, "type": "summary", "prompt": "p", "max_tokens": 9, "response_format": {"type": "json_schema"}},
        "POST /summarize",
        body={
            "video_id": ID,
            "type": "summary",
            "prompt": "p",
            "max_tokens": 9,
            "response_format": {"type": "json_schema"},
        },
        answer={"summary": "Two hikers."},
        gives={"summary": "Two hikers.", "summarize_type": None},
    ),
    Case(
        "gist",
        {"video_id": ID, "types": ["title", "hashtag"]},
        "POST /gist",
        body={"video_id": ID, "types": ["title", "hashtag"]},
        answer={"title": "Morning", "hashtags": ["lake"], "usage": {"output_tokens": 24}},
        gives={"title": "Morning", "hashtags": ("lake",), "topics": (), "usage.output_tokens": 24},
    ),
    Case(
        "generate",
        {"video_id": ID, "prompt": "List."},
        "POST /generate",
        body={"video_id": ID, "prompt": "List.", "stream": False},
        answer={"id": "3f", "data": "Hammer.", "finish_reason": "stop"},
        gives={"data": "Hammer."},
    ),
    Case(
        "analyze",
        {"video_id": ID, "prompt": "Title?", "max_tokens": 200, "response_format": ResponseFormat(json_schema=SCHEMA)},
        "POST /analyze",
        body={
            "video_id": ID,
            "prompt": "Title?",
            "max_tokens": 200,
            "response_format": {"type": "json_schema", "json_schema": SCHEMA},
            "stream": False,
        },
        answer={"data": '{"title": "Morning"}', "finish_reason": "stop", "usage": {"output_tokens": 11}},
        gives={"data": '{"title": "Morning"}', "usage.output_tokens": 11},
    ),
    Case(
        "analyze",
        {"video": VideoSource(type="asset_id", asset_id=OTHER_ID), "prompt": "p", "start_time": 0.0, "end_time": 9.5},
        "POST /analyze",
        body={
            "video": {"type": "asset_id", "asset_id": OTHER_ID},
            "prompt": "p",
            "start_time": 0.0,
            "end_time": 9.5,
            "stream": False,
        },
        answer={"data": "cut", "finish_reason": "length", "error": {"code": "c", "message": "m"}},
        gives={"finish_reason": "length", "error.message": "m"},
    ),
    Case(
        "analyze_stream",
        {"video_id": ID, "prompt": "Weather?"},
        "POST /analyze",
        body={"video_id": ID, "prompt": "Weather?", "stream": True},
        answer=STREAM,
        gives={"text": "sun"},
    ),
    Case(
        "tasks.list",
        {"status": ["ready", "failed"], "index_id": ID, "duration": 9.5, "width": 1920, "sort_by": "updated_at"},
        "GET /tasks",
        query=f"page=1&page_limit=50&sort_by=updated_at&index_id={ID}&status=ready&status=failed&duration=9.5&width=1920",
        answer=listed({"_id": ID, "video_id": OTHER_ID, "status": "ready", "metadata": {"duration": 132.48}}),
        gives={"id": ID, "facts.duration": 132.48},
    ),
    Case(
        "tasks.create",
        {"index_id": ID, "video_url": VIDEO_URL, "enable_video_stream": True, "user_metadata": {"year": 2025}},
        "POST /tasks",
        body=[
            ("index_id", ID),
            ("video_url", VIDEO_URL),
            ("enable_video_stream", "true"),
            ("user_metadata", '{"year":2025}'),
        ],
        answer={"_id": ID, "video_id": OTHER_ID},
        gives={"id": ID, "video_id": OTHER_ID},
    ),
    Case(
        "tasks.retrieve",
        {"task_id": ID},
        f"GET /tasks/{ID}",
        answer={"_id": ID, "status": "indexing", "hls": {"status": "COMPLETE"}},
        gives={"status": "indexing", "hls.status": "COMPLETE"},
    ),
    Case("tasks.delete", {"task_id": ID}, f"DELETE /tasks/{ID}", status=204),
    Case(
        "indexes.list",
        {"model_options": ["visual", "audio"], "model_family": "pegasus", "index_name": "trips", "page": 2},
        "GET /indexes",
        query={
            "page": "2",
            "page_limit": "50",
            "index_name": "trips",
            "model_options": "visual,audio",
            "model_family": "pegasus",
        },
        answer=listed({"_id": ID, "index_name": "trips", "expires_at": None, "models": [{"model_name": "m"}]}),
        gives={"index_name": "trips", "models.0.model_name": "m", "expires_at": None},
    ),
    Case(
        "indexes.create",
        {"index_name": "trips", "models": [IndexModel("marengo3.0", ("visual",))], "addons": ["thumbnail"]},
        "POST /indexes",
        body={
            "index_name": "trips",
            "models": [{"model_name": "marengo3.0", "model_options": ["visual"]}],
            "addons": ["thumbnail"],
        },
        status=201,
        answer={"_id": ID},
        gives={"id": ID},
    ),
    Case(
        "indexes.retrieve",
        PLACE,
        f"GET /indexes/{ID}",
        answer={"_id": ID, "total_duration": 132.48, "video_count": 1},
        gives={"total_duration": 132.48},
    ),
    Case("indexes.update", {**PLACE, "index_name": "n"}, f"PUT /indexes/{ID}", body={"index_name": "n"}, status=204),
    Case("indexes.delete", PLACE, f"DELETE /indexes/{ID}", status=204),
    Case(
        "assets.list",
        {"asset_ids": [ID, OTHER_ID], "asset_types": ["video"], "filename": "lake.mp4", "page_limit": 10},
        "GET /assets",
        query=f"page=1&page_limit=10&asset_ids={ID}&asset_ids={OTHER_ID}&asset_types=video&filename=lake.mp4",
        answer=listed({"_id": ID, "status": "failed", "error": {"message": "broken"}, "size": 13}),
        gives={"status": "failed", "error.message": "broken", "size": 13},
    ),
    Case(
        "assets.create",
        {"method": "url", "url": VIDEO_URL, "user_metadata": {"trip": "lake"}, "enable_hls": False},
        "POST /assets",
        body=[("method", "url"), ("url", VIDEO_URL), ("enable_hls", "false"), ("user_metadata", '{"trip":"lake"}')],
        status=201,
        answer={"_id": ID, "status": "processing"},
        gives={"id": ID, "status": "processing"},
    ),
    Case(
        "assets.retrieve",
        {"asset_id": ID},
        f"GET /assets/{ID}",
        answer={"_id": ID, "method": "multipart", "status": "ready"},
        gives={"method": "multipart"},
    ),
    Case("assets.delete", {"asset_id": ID}, f"DELETE /assets/{ID}", status=204),
    Case("assets.delete", {"asset_id": ID, "force": True}, f"DELETE /assets/{ID}", query={"force": "true"}),
    Case(
        "multipart_upload.list_incomplete_uploads",
        {},
        "GET /assets/multipart-uploads",
        query=PAGE,
        answer=listed({"upload_id": ID, "status": "active", "chunk_size": 5, "total_chunks": 3, "total_size": 13}),
        gives={"upload_id": ID, "total_chunks": 3},
    ),
    Case(
        "multipart_upload.create",
        {"filename": "lake.mp4", "total_size": 13_000_000, "user_metadata": {"tlsync_op": "t"}},
        "POST /assets/multipart-uploads",
        body={
            "filename": "lake.mp4",
            "type": "video",
            "total_size": 13_000_000,
            "user_metadata": {"tlsync_op": "t"},
        },
        status=201,
        answer={
            "upload_id": ID,
            "asset_id": OTHER_ID,
            "upload_urls": [
                {"chunk_index": 1, "url": "https://s.example.com/1?sig=a", "expires_at": "2025-11-20T10:30:00Z"}
            ],
            "upload_headers": {"Content-Type": "application/octet-stream"},
            "chunk_size": 5_242_880,
            "total_chunks": 3,
            "expires_at": "2025-11-21T09:30:00.000Z",
        },
        gives={
            "upload_id": ID,
            "asset_id": OTHER_ID,
            "upload_urls.0.chunk_index": 1,
            "upload_urls.0.url": "https://s.example.com/1?sig=a",
            "upload_headers": {"Content-Type": "application/octet-stream"},
            "chunk_size": 5_242_880,
            "total_chunks": 3,
            "expires_at": "2025-11-21T09:30:00.000Z",
        },
    ),
    Case(
        "multipart_upload.get_status",
        {"upload_id": ID},
        f"GET /assets/multipart-uploads/{ID}",
        query=PAGE,
        answer={
            "status": "active",
            "uploaded_chunks": [{"index": 1, "status": "completed"}],
            "page_info": {"page": 1, "total_page": 1},
        },
        gives={"index": 1, "status": "completed"},
    ),
    Case(
        "multipart_upload.report_chunk_batch",
        {"upload_id": ID, "completed_chunks": [CompletedChunk(chunk_index=3, proof="1b2c", chunk_size=2_514_240)]},
        f"POST /assets/multipart-uploads/{ID}",
        body={"completed_chunks": [{"chunk_index": 3, "proof": "1b2c", "chunk_size": 2_514_240, "proof_type": "etag"}]},
        answer={"asset_id": OTHER_ID, "processed_chunks": 1, "duplicate_chunks": 0, "total_completed": 2},
        gives={"total_completed": 2, "url": None},
    ),
    Case(
        "multipart_upload.get_additional_presigned_urls",
        {"upload_id": ID, "start": 2, "count": 2},
        f"POST /assets/multipart-uploads/{ID}/presigned-urls",
        body={"start": 2, "count": 2},
        answer={"start_index": 2, "count": 2, "upload_urls": [{"chunk_index": 2, "url": "u"}], "generated_at": "g"},
        gives={"upload_urls.0.chunk_index": 2, "generated_at": "g"},
    ),
    Case(
        "entity_collections.list",
        {"sort_by": "name", "sort_option": "asc", "name": "team"},
        "GET /entity-collections",
        query={**PAGE, "name": "team", "sort_by": "name", "sort_option": "asc"},
        answer=listed({"_id": ID, "name": "team"}),
        gives={"name": "team"},
    ),
    Case(
        "entity_collections.create",
        {"name": "team", "description": "Players"},
        "POST /entity-collections",
        body={"name": "team", "description": "Players"},
        status=201,
        answer={"_id": ID, "name": "team"},
        gives={"id": ID},
    ),
    Case(
        "entity_collections.retrieve",
        {"entity_collection_id": ID},
        f"GET /entity-collections/{ID}",
        answer={"_id": ID, "description": "d"},
        gives={"description": "d"},
    ),
    Case("entity_collections.delete", {"entity_collection_id": ID}, f"DELETE /entity-collections/{ID}", status=204),
    Case(
        "entity_collections.update",
        {"entity_collection_id": ID, "description": "First team"},
        f"PATCH /entity-collections/{ID}",
        body={"description": "First team"},
        answer={"_id": ID, "description": "First team"},
        gives={"description": "First team"},
    ),
    Case(
        "manage_entities.list_all_entities",
        {"status": "ready"},
        "GET /entities",
        query={**PAGE, "status": "ready"},
        answer=listed({"_id": ID, "entity_collection_name": "team", "asset_urls": ["u"]}),
        gives={"entity_collection_name": "team", "asset_urls": ("u",)},
    ),
    Case(
        "embed.create",
        {"model_name": "marengo3.0", "text": "a dog", "audio_start_offset_sec": 1.5},
        "POST /embed",
        body=[("model_name", "marengo3.0"), ("text", "a dog"), ("audio_start_offset_sec", "1.5")],
        answer={"model_name": "marengo3.0", "text_embedding": {"segments": [{"float": [0.5, -1]}]}},
        gives={"text_embedding.segments.0.float": (0.5, -1)},
    ),
    Case(
        "search.create",
        {"index_id": ID, "search_options": ["visual"], "query_text": "red", "operator": "or", "group_by": "video"},
        "POST /search",
        body=[
            ("index_id", ID),
            ("search_options", "visual"),
            ("query_text", "red"),
            ("group_by", "video"),
            ("operator", "or"),
        ],
        answer={"data": [{"id": OTHER_ID, "clips": [{"start": 12.0, "end": 18.5, "rank": 1}]}]},
        gives={"id": OTHER_ID, "clips.0.end": 18.5},
    ),
    Case(
        "search.retrieve",
        {"page_token": "7d0c-1", "include_user_metadata": True},
        "GET /search/7d0c-1",
        query={"include_user_metadata": "true"},
        answer={"data": [{"rank": 11, "user_metadata": {"a": 1}}], "page_info": {"next_page_token": "7d0c-2"}},
        gives={"data.0.rank": 11, "data.0.user_metadata": {"a": 1}, "next_page_token": "7d0c-2"},
    ),
    Case(
        "embed.tasks.list",
        {"status": "ready", "started_at": "2025-11-20T09:30:00Z"},
        "GET /embed/tasks",
        query={**PAGE, "started_at": "2025-11-20T09:30:00Z", "status": "ready"},
        answer=listed({"_id": ID, "video_embedding": {"metadata": {"video_clip_length": 6, "duration": 132.48}}}),
        gives={"video_embedding.metadata.duration": 132.48},
    ),
    Case(
        "embed.tasks.create",
        {"model_name": "marengo3.0", "video_url": VIDEO_URL, "video_embedding_scope": ["clip", "video"]},
        "POST /embed/tasks",
        body=[
            ("model_name", "marengo3.0"),
            ("video_url", VIDEO_URL),
            ("video_embedding_scope", "clip"),
            ("video_embedding_scope", "video"),
        ],
        answer={"_id": ID},
        gives={"id": ID},
    ),
    Case(
        "embed.tasks.status",
        {"task_id": ID},
        f"GET /embed/tasks/{ID}/status",
        answer={"_id": ID, "status": "processing"},
        gives={"status": "processing"},
    ),
    Case(
        "embed.tasks.retrieve",
        {"task_id": ID, "embedding_option": ["visual", "audio"]},
        f"GET /embed/tasks/{ID}",
        query="embedding_option=visual&embedding_option=audio",
        answer={"_id": ID, "video_embedding": {"segments": [{"float": [0.1], "start_offset_sec": 0.0}]}},
        gives={"video_embedding.segments.0.start_offset_sec": 0.0},
    ),
    Case(
        "embed.v_2.create",
        {"input_type": "text", "model_name": "marengo3.0", "text": TextInput(input_text="a dog")},
        "POST /embed-v2",
        body={"input_type": "text", "model_name": "marengo3.0", "text": {"input_text": "a dog"}},
        answer={"data": [{"embedding": [0.1, 0.2], "embedding_option": None}]},
        gives={"data.0.embedding": (0.1, 0.2), "metadata": None},
    ),
    Case(
        "embed.v_2.tasks.list",
        {"status": "processing", "ended_at": "2025-11-20T09:30:00Z"},
        "GET /embed-v2/tasks",
        query={**PAGE, "ended_at": "2025-11-20T09:30:00Z", "status": "processing"},
        answer=listed({"_id": ID, "status": "processing"}),
        gives={"status": "processing"},
    ),
    Case(
        "embed.v_2.tasks.create",
        {
            "input_type": "audio",
            "model_name": "marengo3.0",
            "audio": MediaInput(media_source=MediaSource(asset_id=ID), embedding_scope=("asset",)),
        },
        "POST /embed-v2/tasks",
        body={
            "input_type": "audio",
            "model_name": "marengo3.0",
            "audio": {"media_source": {"asset_id": ID}, "embedding_scope": ["asset"]},
        },
        status=202,
        answer={"_id": ID, "status": "processing", "data": None},
        gives={"id": ID},
    ),
    Case(
        "embed.v_2.tasks.retrieve",
        {"task_id": ID},
        f"GET /embed-v2/tasks/{ID}",
        answer={"_id": ID, "status": "failed", "data": None, "error": {"message": "m"}},
        gives={"status": "failed", "data": (), "error.message": "m"},
    ),
    Case(
        "entity_collections.entities.list",
        {"entity_collection_id": ID, "status": "ready", "name": "Kim"},
        f"GET /entity-collections/{ID}/entities",
        query={**PAGE, "name": "Kim", "status": "ready"},
        answer=listed({"_id": OTHER_ID, "metadata": {"number": 1}}),
        gives={"metadata": {"number": 1}},
    ),
    Case(
        "entity_collections.entities.create",
        {"entity_collection_id": ID, "name": "Kim", "asset_ids": [OTHER_ID], "metadata": {"number": 1}},
        f"POST /entity-collections/{ID}/entities",
        body={"name": "Kim", "asset_ids": [OTHER_ID], "metadata": {"number": 1}},
        status=201,
        answer={"_id": OTHER_ID, "status": "processing"},
        gives={"id": OTHER_ID},
    ),
    Case(
        "entity_collections.entities.create_bulk",
        {"entity_collection_id": ID, "entities": [BulkEntityInput(name="Kim", asset_ids=(OTHER_ID,))]},
        f"POST /entity-collections/{ID}/entities/bulk",
        body={"entities": [{"name": "Kim", "asset_ids": [OTHER_ID]}]},
        status=201,
        answer={"success_count": 0, "failed_count": 1, "errors": [{"entity_index": 0, "error_reason": "no asset"}]},
        gives={"errors.0.error_reason": "no asset", "entities": ()},
    ),
    Case(
        "entity_collections.entities.retrieve",
        ENTITY,
        f"GET {ENTITY_PATH}",
        answer={"_id": OTHER_ID, "asset_ids": [ID]},
        gives={"asset_ids": (ID,)},
    ),
    Case("entity_collections.entities.delete", ENTITY, f"DELETE {ENTITY_PATH}", status=204),
    Case(
        "entity_collections.entities.update",
        {**ENTITY, "metadata": {"number": 12}},
        f"PATCH {ENTITY_PATH}",
        body={"metadata": {"number": 12}},
        answer={"_id": OTHER_ID, "metadata": {"number": 12}},
        gives={"metadata": {"number": 12}},
    ),
    Case(
        "entity_collections.entities.create_assets",
        {**ENTITY, "asset_ids": [ID]},
        f"POST {ENTITY_PATH}/assets",
        body={"asset_ids": [ID]},
        answer={"_id": OTHER_ID, "status": "processing"},
        gives={"status": "processing"},
    ),
    Case(
        "entity_collections.entities.delete_assets",
        {**ENTITY, "asset_ids": [ID]},
        f"DELETE {ENTITY_PATH}/assets",
        body={"asset_ids": [ID]},
        answer={"_id": OTHER_ID, "status": "ready"},
        gives={"status": "ready"},
    ),
    Case(
        "indexes.indexed_assets.list",
        {**PLACE, "status": ["ready", "indexing"], "user_metadata": {"category": "new", "batch": 5, "ok": True}},
        f"GET /indexes/{ID}/indexed-assets",
        query="page=1&page_limit=50&status=ready&status=indexing&category=new&batch=5&ok=true",
        answer=listed(
            {"_id": OTHER_ID, "status": "ready", "system_metadata": {"duration": 132.48, "size": 13_000_000}}
        ),
        gives={"system_metadata.size": 13_000_000, "status": "ready"},
    ),
    Case(
        "indexes.indexed_assets.list",
        {**PLACE, "status": "failed", "duration": {"gte": 10, "lte": 60.5}, "height": 1080, "filename": "a b.mp4"},
        f"GET /indexes/{ID}/indexed-assets",
        query="page=1&page_limit=50&status=failed&filename=a b.mp4&duration[gte]=10&duration[lte]=60.5&height=1080",
        answer=listed({"_id": OTHER_ID, "asset_id": ID}),
        gives={"asset_id": ID},
    ),
    Case(
        "indexes.indexed_assets.create",
        {**PLACE, "asset_id": OTHER_ID, "enable_video_stream": True},
        f"POST /indexes/{ID}/indexed-assets",
        body={"asset_id": OTHER_ID, "enable_video_stream": True},
        status=202,
        answer={"_id": OTHER_ID},
        gives={"id": OTHER_ID, "asset_id": None},
    ),
    Case(
        "indexes.indexed_assets.retrieve",
        {**PLACE, "indexed_asset_id": OTHER_ID, "transcription": True, "embedding_option": ["visual"]},
        f"GET /indexes/{ID}/indexed-assets/{OTHER_ID}",
        query={"embedding_option": "visual", "transcription": "true"},
        answer={
            "_id": OTHER_ID,
            "user_metadata": {"trip": "lake"},
            "embedding": {"video_embedding": {"segments": [{"float": [0.1], "embedding_scope": "clip"}]}},
            "transcription": [{"start": 1.2, "end": 3.4, "value": "Look at that."}],
        },
        gives={
            "transcription.0.value": "Look at that.",
            "embedding.video_embedding.segments.0.embedding_scope": "clip",
            "user_metadata": {"trip": "lake"},
        },
    ),
    Case(
        "indexes.indexed_assets.delete",
        {**PLACE, "indexed_asset_id": OTHER_ID},
        f"DELETE /indexes/{ID}/indexed-assets/{OTHER_ID}",
        status=204,
    ),
    Case(
        "indexes.indexed_assets.update",
        {**PLACE, "indexed_asset_id": OTHER_ID, "user_metadata": {"trip": "lake", "draft": None}},
        f"PATCH /indexes/{ID}/indexed-assets/{OTHER_ID}",
        body={"user_metadata": {"trip": "lake", "draft": None}},
        status=204,
    ),
    Case(
        "indexes.videos.list",
        {**PLACE, "sort_by": "updated_at", "user_metadata": {"needsReview": True}},
        f"GET /indexes/{ID}/videos",
        query={**PAGE, "sort_by": "updated_at", "needsReview": "true"},
        answer=listed({"_id": OTHER_ID, "indexed_at": "2025-11-20T09:34:11Z"}),
        gives={"indexed_at": "2025-11-20T09:34:11Z"},
    ),
    Case(
        "indexes.videos.retrieve",
        {**PLACE, "video_id": OTHER_ID, "transcription": True},
        f"GET /indexes/{ID}/videos/{OTHER_ID}",
        query={"transcription": "true"},
        answer={"_id": OTHER_ID, "transcription": [{"start": 1, "end": 3.4, "value": "x"}]},
        gives={"transcription.0.start": 1},
    ),
    Case(
        "indexes.videos.delete",
        {**PLACE, "video_id": OTHER_ID},
        f"DELETE /indexes/{ID}/videos/{OTHER_ID}",
        status=204,
    ),
    Case(
        "indexes.videos.update",
        {**PLACE, "video_id": OTHER_ID, "user_metadata": {"trip": None}},
        f"PATCH /indexes/{ID}/videos/{OTHER_ID}",
        body={"user_metadata": {"trip": None}},
        status=204,
    ),
    Case("tasks.transfers.create", {"integration_id": ID}, f"POST /tasks/transfers/import/{ID}", gives={"videos": ()}),
    Case(
        "tasks.transfers.create",
        {"integration_id": ID, "index_id": OTHER_ID, "incremental_import": False},
        f"POST /tasks/transfers/import/{ID}",
        body={"index_id": OTHER_ID, "incremental_import": False},
        status=201,
        answer={"failed_files": [{"filename": "bad.mp4", "error_message": "unsupported"}]},
        gives={"failed_files.0.error_message": "unsupported"},
    ),
    Case(
        "tasks.transfers.get_status",
        {"integration_id": ID, "index_id": OTHER_ID},
        f"GET /tasks/transfers/import/{ID}/status",
        query={"index_id": OTHER_ID},
        answer={"not_imported": ["later.mp4"], "ready": [{"video_id": "v", "filename": "lake.mp4"}]},
        gives={"not_imported": ("later.mp4",), "ready.0.filename": "lake.mp4"},
    ),
    Case(
        "tasks.transfers.get_logs",
        {"integration_id": ID},
        f"GET /tasks/transfers/import/{ID}/logs",
        answer={"data": [{"index_name": "trips", "ended_at": None, "video_status": {"ready": 1}}]},
        gives={"data.0.video_status": {"ready": 1}},
    ),
    Case(
        "analyze_async.tasks.create",
        {
            "video": {"type": "url", "url": VIDEO_URL},
            "analysis_mode": "time_based_metadata",
            "min_segment_duration": 2,
            "max_tokens": "unlimited",
            "custom_id": "c",
            "idempotency_key": "op-1",
        },
        "POST /analyze/tasks",
        body={
            "video": {"type": "url", "url": VIDEO_URL},
            "max_tokens": "unlimited",
            "analysis_mode": "time_based_metadata",
            "min_segment_duration": 2,
            "custom_id": "c",
        },
        status=202,
        answer={"task_id": "t1", "status": "queued"},
        gives={"task_id": "t1", "status": "queued"},
        headers={"idempotency-key": "op-1"},
    ),
    Case(
        "analyze_async.tasks.list",
        {"status": "ready", "asset_id": ID},
        "GET /analyze/tasks",
        query={**PAGE, "status": "ready", "asset_id": ID},
        answer=listed({"task_id": "t1"}),
        gives={"task_id": "t1"},
    ),
    Case(
        "analyze_async.tasks.retrieve",
        {"task_id": "t1"},
        "GET /analyze/tasks/t1",
        answer={"task_id": "t1", "status": "ready", "result": {"data": "text", "usage": {"input_tokens": 3}}},
        gives={"result.data": "text", "result.usage.input_tokens": 3},
    ),
    Case("analyze_async.tasks.delete", {"task_id": "t1"}, "DELETE /analyze/tasks/t1", status=204),
    Case(
        "analyze_async.tasks.cancel",
        {"task_id": "t1"},
        "POST /analyze/tasks/t1/cancel",
        answer={"task_id": "t1", "status": "canceled"},
        gives={"status": "canceled"},
    ),
]


@pytest.fixture
def client() -> Iterator[TwelveLabs]:
    with TwelveLabs(KEY, BASE_URL) as client:
        yield client


def result_of(value: Any) -> Any:
    """What a caller looks at: the first item of a list, the text of a stream, else the answer itself."""
    if isinstance(value, Pages | UploadStatusPages):
        return next(iter(value))
    if isinstance(value, AnalysisStream):
        with value as stream:
            return next(event for event in stream if event.text)
    return next(iter(value)) if type(value).__name__ == "SearchPages" else value


def look_up(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step)] if step.isdigit() else getattr(value, step)
    return value


@pytest.mark.parametrize("case", CASES, ids=[f"{number}-{case.name}" for number, case in enumerate(CASES)])
def test_method(case: Case, client: TwelveLabs) -> None:
    verb, _, path = case.wire.partition(" ")
    content = case.answer if isinstance(case.answer, bytes) else b""
    if case.answer is not None and not content:
        content = msgspec.json.encode(case.answer)
    with respx.mock() as router:
        route = router.route().respond(case.status, content=content)
        result = result_of(methods()[case.name].bind(client)(**case.call))
    request = route.calls.last.request
    assert route.call_count == 1
    assert (request.method, request.url.copy_with(query=None)) == (verb, httpx.URL(BASE_URL + path))
    expected = list(case.query.items()) if isinstance(case.query, dict) else parse_qsl(case.query)
    assert request.url.params.multi_items() == expected
    assert {name: request.headers[name] for name in case.headers} == case.headers
    if case.body is None:
        assert request.content == b"" and "content-type" not in request.headers
    elif isinstance(case.body, dict):
        assert json_of(request) == case.body
    else:
        assert [(name, text.decode()) for name, _, text in form_of(request)] == case.body
    for place, value in case.gives.items():
        assert look_up(result, place) == value, place
    if not case.gives:
        assert result is None


def test_every_method_is_in_the_table() -> None:
    assert {case.name for case in CASES} == set(methods())
