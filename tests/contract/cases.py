"""One case per method: how it is called, and what its answer must be. The suite drives them over several roads.

A case is a generator. It prepares what the call needs, yields the arguments, is given the answer (a list gives the
items of all its pages, a stream its events), checks it, and may yield further calls.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest

from tests.contract.preparations import CHUNK_BYTES, LINES, MODELS, Place
from tlsync.errors import NotFound, Rejected

Case = Generator[dict[str, Any], Any, None]
CASES: dict[str, Callable[[Place], Case]] = {}
INTEGRATION = "65f0b00000000000000011b8"


def case(name: str) -> Callable[[Callable[[Place], Case]], Callable[[Place], Case]]:
    def add(steps: Callable[[Place], Case]) -> Callable[[Place], Case]:
        assert name not in CASES
        CASES[name] = steps
        return steps

    return add


# --- texts ----------------------------------------------------------------------------------------------------------


@case("summarize")
def _(place: Place) -> Case:
    summary = yield {"video_id": place.video_id, "type": "summary", "prompt": "short", "temperature": 0.2}
    assert (summary.summarize_type, "sandbox" in summary.summary) == ("summary", True)
    chapters = yield {"video_id": place.video_id, "type": "chapter"}
    assert chapters.chapters[0].start_sec == 0.0
    assert chapters.chapters[-1].end_sec == pytest.approx(6.0, abs=0.1)
    highlights = yield {"video_id": place.video_id, "type": "highlight"}
    assert LINES[0] in highlights.highlights[0].highlight


@case("gist")
def _(place: Place) -> Case:
    gist = yield {"video_id": place.video_id, "types": ["title", "topic", "hashtag"]}
    assert gist.title == "Harbour Night (sandbox)"
    assert gist.topics and gist.hashtags[0] == "#sandbox"
    only_title = yield {"video_id": place.video_id, "types": ["title"]}
    assert (only_title.topics, only_title.hashtags) == ((), ())


@case("generate")
def _(place: Place) -> Case:
    answer = yield {"video_id": place.video_id, "prompt": "Where?", "temperature": 0}
    assert "sandbox" in answer.data


@case("analyze")
def _(place: Place) -> Case:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    answer = yield {
        "video_id": place.video_id,
        "prompt": "Where?",
        "max_tokens": 100,
        "response_format": {"type": "json_schema", "json_schema": schema},
    }
    assert (answer.data, answer.finish_reason) == ('{"title":"Harbour Night (sandbox)"}', "stop")


@case("analyze_stream")
def _(place: Place) -> Case:
    events = yield {"video_id": place.video_id, "prompt": "Where?"}
    assert [events[0].event_type, events[-1].event_type] == ["stream_start", "stream_end"]
    whole = place.client.analyze(video_id=place.video_id, prompt="Where?").data
    assert "".join(event.text or "" for event in events) == whole


# --- background analyses: newer servers only -------------------------------------------------------------------------


@case("analyze_async.tasks.create")
def _(place: Place) -> Case:
    arguments = {"video": place.video_source(), "prompt": "Where?", "idempotency_key": place.name("order")}
    task = yield {**arguments, "max_tokens": 50, "custom_id": "reel-7"}
    assert task.task_id and task.status
    again = yield {**arguments, "max_tokens": 50, "custom_id": "reel-7"}
    assert again.task_id == task.task_id
    assert place.client.analyze_async.tasks.retrieve(task.task_id).custom_id == "reel-7"


@case("analyze_async.tasks.list")
def _(place: Place) -> Case:
    made = {place.new_analysis() for _ in range(2)}
    found = yield {"status": "ready", "asset_id": place.asset_id, "page_limit": 1}
    assert made <= {task.task_id for task in found}


@case("analyze_async.tasks.retrieve")
def _(place: Place) -> Case:
    task = yield {"task_id": place.new_analysis()}
    assert (task.status, "sandbox" in task.result.data) == ("ready", True)


@case("analyze_async.tasks.delete")
def _(place: Place) -> Case:
    task_id = place.new_analysis()
    assert (yield {"task_id": task_id}) is None
    with pytest.raises(NotFound):
        place.client.analyze_async.tasks.retrieve(task_id)


@case("analyze_async.tasks.cancel")
def _(place: Place) -> Case:
    place.server.faults.stall("analysis")
    task = place.client.analyze_async.tasks.create(video=place.video_source(), prompt="Where?")
    canceled = yield {"task_id": task.task_id}
    assert canceled.status == "canceled"


# --- indexes --------------------------------------------------------------------------------------------------------


@case("indexes.list")
def _(place: Place) -> Case:
    made = {place.new_index() for _ in range(3)}
    found = yield {"page_limit": 2, "model_options": ["visual", "audio"], "model_family": "pegasus"}
    assert made <= {index.id for index in found}
    assert (yield {"index_name": "nothing has this name"}) == []


@case("indexes.create")
def _(place: Place) -> Case:
    name = place.name()
    made = yield {"index_name": name, "models": MODELS, "addons": ["thumbnail"]}
    assert place.client.indexes.retrieve(made.id).index_name == name
    with pytest.raises(Rejected) as caught:
        place.client.indexes.create(index_name=name, models=MODELS)
    assert caught.value.remote_code == "index_name_already_exists"


@case("indexes.retrieve")
def _(place: Place) -> Case:
    assert place.video_id
    index = yield {"index_id": place.index_id}
    assert (index.id, index.addons, index.models) == (place.index_id, ("thumbnail",), MODELS)
    assert index.video_count >= 1


@case("indexes.update")
def _(place: Place) -> Case:
    index_id, name = place.new_index(), place.name()
    assert (yield {"index_id": index_id, "index_name": name}) is None
    assert place.client.indexes.retrieve(index_id).index_name == name


@case("indexes.delete")
def _(place: Place) -> Case:
    index_id = place.new_index()
    assert (yield {"index_id": index_id}) is None
    with pytest.raises(NotFound):
        place.client.indexes.retrieve(index_id)


# --- assets and uploads ---------------------------------------------------------------------------------------------


@case("assets.list")
def _(place: Place) -> Case:
    ids = {place.asset_id, place.new_asset()}
    found = yield {"asset_ids": sorted(ids), "asset_types": ["video"], "page_limit": 1}
    assert {asset.id for asset in found} == ids


@case("assets.create")
def _(place: Place) -> Case:
    asset = yield {"method": "direct", "file": place.clip, "filename": "other.mp4"}
    assert (asset.method, asset.filename, asset.file_type) == ("direct", "other.mp4", "video/mp4")
    fetched = yield {"method": "url", "url": place.link()}
    assert (fetched.method, fetched.filename) == ("url", "harbour_night.mp4")


@case("assets.retrieve")
def _(place: Place) -> Case:
    asset = yield {"asset_id": place.asset_id}
    assert (asset.id, asset.status, asset.filename) == (place.asset_id, "ready", "harbour_night.mp4")


@case("assets.delete")
def _(place: Place) -> Case:
    asset_id = place.new_asset()
    assert (yield {"asset_id": asset_id}) is None
    with pytest.raises(NotFound):
        place.client.assets.retrieve(asset_id)


@case("multipart_upload.create")
def _(place: Place) -> Case:
    session = yield {"filename": "lake.mp4", "total_size": 3 * CHUNK_BYTES}
    assert (session.chunk_size, session.total_chunks) == (CHUNK_BYTES, 3)
    assert [url.chunk_index for url in session.upload_urls] == [1, 2]
    assert session.upload_headers == {"Content-Type": "application/octet-stream"}


@case("multipart_upload.list_incomplete_uploads")
def _(place: Place) -> Case:
    made = {place.new_session().upload_id for _ in range(2)}
    found = yield {"page_limit": 1}
    assert made <= {upload.upload_id for upload in found}


@case("multipart_upload.get_status")
def _(place: Place) -> Case:
    chunks = yield {"upload_id": place.new_session().upload_id, "page_limit": 2}
    assert [(chunk.index, chunk.status) for chunk in chunks] == [(1, "pending"), (2, "pending"), (3, "pending")]


@case("multipart_upload.get_additional_presigned_urls")
def _(place: Place) -> Case:
    more = yield {"upload_id": place.new_session().upload_id, "start": 2, "count": 2}
    assert [url.chunk_index for url in more.upload_urls] == [2, 3]
    assert (more.start_index, more.count) == (2, 2)


@case("multipart_upload.report_chunk_batch")
def _(place: Place) -> Case:
    session = place.new_session()
    arguments = {"upload_id": session.upload_id, "completed_chunks": [place.put_chunk(session)]}
    report = yield arguments
    assert (report.processed_chunks, report.duplicate_chunks, report.total_completed, report.url) == (1, 0, 1, None)
    again = yield arguments
    assert (again.processed_chunks, again.duplicate_chunks, again.total_completed) == (0, 1, 1)


# --- indexed assets and videos --------------------------------------------------------------------------------------


@case("indexes.indexed_assets.list")
def _(place: Place) -> Case:
    place.client.indexes.indexed_assets.update(place.index_id, place.video_id, user_metadata={"listed": "yes"})
    for wanted in ({"user_metadata": {"listed": "yes"}}, {"status": ["ready", "failed"]}, {"width": 640}):
        found = yield {"index_id": place.index_id, "page_limit": 1, **wanted}
        assert place.video_id in {item.id for item in found}, wanted
    assert (yield {"index_id": place.index_id, "user_metadata": {"listed": "no"}}) == []


@case("indexes.indexed_assets.create")
def _(place: Place) -> Case:
    index_id = place.new_index()
    made = yield {"index_id": index_id, "asset_id": place.asset_id, "enable_video_stream": False}
    assert place.client.indexes.indexed_assets.retrieve(index_id, made.id).id == made.id


@case("indexes.indexed_assets.retrieve")
def _(place: Place) -> Case:
    item = yield {
        "index_id": place.index_id,
        "indexed_asset_id": place.video_id,
        "transcription": True,
        "embedding_option": ["visual", "transcription"],
    }
    assert item.system_metadata.filename == "harbour_night.mp4"
    assert [line.value for line in item.transcription] == LINES
    assert (item.hls.status, item.embedding.model_name) == ("COMPLETE", "marengo3.0")
    kinds = {segment.embedding_option for segment in item.embedding.video_embedding.segments}
    assert kinds == {"visual", "transcription"}


@case("indexes.indexed_assets.update")
def _(place: Place) -> Case:
    metadata = {"shot": "wide", "night": True, "gone": None}
    answer = yield {"index_id": place.index_id, "indexed_asset_id": place.video_id, "user_metadata": metadata}
    assert answer is None
    stored = place.client.indexes.indexed_assets.retrieve(place.index_id, place.video_id).user_metadata
    assert (stored["shot"], stored["night"], "gone" in stored) == ("wide", True, False)


@case("indexes.indexed_assets.delete")
def _(place: Place) -> Case:
    index_id = place.new_index()
    answer = yield {"index_id": index_id, "indexed_asset_id": place.new_video(index_id)}
    assert answer is None
    assert list(place.client.indexes.indexed_assets.list(index_id)) == []


@case("indexes.videos.list")
def _(place: Place) -> Case:
    assert place.video_id
    found = yield {"index_id": place.index_id, "page_limit": 1, "filename": "harbour_night.mp4"}
    assert place.video_id in {video.id for video in found}


@case("indexes.videos.retrieve")
def _(place: Place) -> Case:
    video = yield {"index_id": place.index_id, "video_id": place.video_id, "transcription": True}
    assert (video.id, video.system_metadata.height) == (place.video_id, 360)
    assert [line.value for line in video.transcription] == LINES


@case("indexes.videos.update")
def _(place: Place) -> Case:
    answer = yield {"index_id": place.index_id, "video_id": place.video_id, "user_metadata": {"reel": 7}}
    assert answer is None
    assert place.client.indexes.videos.retrieve(place.index_id, place.video_id).user_metadata["reel"] == 7


@case("indexes.videos.delete")
def _(place: Place) -> Case:
    index_id = place.new_index()
    assert (yield {"index_id": index_id, "video_id": place.new_video(index_id)}) is None
    assert list(place.client.indexes.videos.list(index_id)) == []


# --- search ---------------------------------------------------------------------------------------------------------


@case("search.create")
def _(place: Place) -> Case:
    assert place.video_id
    spoken = {"index_id": place.index_id, "search_options": ["visual", "transcription"], "operator": "or"}
    hits = yield {**spoken, "query_text": "red car", "filter": {"duration": {"gte": 5}}, "include_user_metadata": True}
    assert (hits[0].video_id, hits[0].rank, hits[0].transcription) == (place.video_id, 1, LINES[0])
    assert (hits[0].start, hits[0].end) == (0.5, 2.0)
    paged = yield {**spoken, "query_text": "car ferry", "page_limit": 1}
    assert [hit.rank for hit in paged] == list(range(1, len(paged) + 1)) and len(paged) > 1
    groups = yield {**spoken, "query_text": "the", "group_by": "video"}
    assert [group.id for group in groups] == [place.video_id]
    image = {"query_media_type": "image", "query_media_file": place.picture}
    by_image = yield {"index_id": place.index_id, "search_options": ["visual"], **image}
    assert all(hit.video_id == place.video_id for hit in by_image)


@case("search.retrieve")
def _(place: Place) -> Case:
    assert place.video_id
    pages = place.client.search.create(
        index_id=place.index_id, search_options=["transcription"], query_text="car ferry", page_limit=1
    )
    second = yield {"page_token": pages.next_page_token}
    assert [hit.rank for hit in second.data] == [2]


# --- tasks and imports ----------------------------------------------------------------------------------------------


@case("tasks.list")
def _(place: Place) -> Case:
    task = place.new_task()
    found = yield {"index_id": task.index_id, "status": ["ready", "failed"], "page_limit": 1, "width": 640}
    assert [one.id for one in found] == [task.id]


@case("tasks.create")
def _(place: Place) -> Case:
    index_id = place.new_index()
    made = yield {"index_id": index_id, "video_file": place.clip, "user_metadata": {"reel": 1}}
    assert made.id and made.video_id
    linked = yield {"index_id": index_id, "video_url": place.link(), "enable_video_stream": False}
    assert linked.id != made.id


@case("tasks.retrieve")
def _(place: Place) -> Case:
    made = place.new_task()
    task = yield {"task_id": made.id}
    assert (task.id, task.status, task.facts.filename) == (made.id, "ready", "harbour_night.mp4")
    assert task.hls.status == "COMPLETE"


@case("tasks.delete")
def _(place: Place) -> Case:
    task = place.new_task()
    with pytest.raises(Rejected):
        place.client.tasks.delete(task.id)
    place.client.indexes.videos.delete(task.index_id, task.video_id)
    assert (yield {"task_id": task.id}) is None
    assert list(place.client.tasks.list(index_id=task.index_id)) == []


@case("tasks.transfers.create")
def _(place: Place) -> Case:
    assert (yield {"integration_id": INTEGRATION}).failed_files == ()
    started = yield {"integration_id": INTEGRATION, "index_id": place.index_id, "incremental_import": True}
    assert started.videos == ()


@case("tasks.transfers.get_status")
def _(place: Place) -> Case:
    status = yield {"integration_id": INTEGRATION, "index_id": place.index_id}
    assert (status.ready, status.failed) == ((), ())


@case("tasks.transfers.get_logs")
def _(place: Place) -> Case:
    place.client.tasks.transfers.create(INTEGRATION, index_id=place.index_id)
    logs = yield {"integration_id": INTEGRATION}
    assert logs.data[0].index_id == place.index_id


# --- entities -------------------------------------------------------------------------------------------------------


@case("entity_collections.list")
def _(place: Place) -> Case:
    made = [place.new_collection() for _ in range(2)]
    found = yield {"sort_by": "created_at", "sort_option": "desc", "page_limit": 1}
    assert [collection.id for collection in found][:2] == made[::-1]


@case("entity_collections.create")
def _(place: Place) -> Case:
    name = place.name("team")
    made = yield {"name": name, "description": "Players"}
    assert (made.name, made.description) == (name, "Players")
    assert made.id and made.created_at


@case("entity_collections.retrieve")
def _(place: Place) -> Case:
    collection_id = place.new_collection()
    assert (yield {"entity_collection_id": collection_id}).id == collection_id


@case("entity_collections.update")
def _(place: Place) -> Case:
    changed = yield {"entity_collection_id": place.new_collection(), "name": "first team"}
    assert (changed.name, changed.description) == ("first team", "Players")


@case("entity_collections.delete")
def _(place: Place) -> Case:
    collection_id = place.new_collection()
    assert (yield {"entity_collection_id": collection_id}) is None
    with pytest.raises(NotFound):
        place.client.entity_collections.retrieve(collection_id)


@case("manage_entities.list_all_entities")
def _(place: Place) -> Case:
    collection_id, entity = place.new_entity()
    found = yield {"status": "ready", "page_limit": 2, "sort_by": "name", "sort_option": "asc"}
    (same,) = [one for one in found if one.id == entity.id]
    assert (same.entity_collection_id, bool(same.entity_collection_name)) == (collection_id, True)
    assert same.asset_urls


@case("entity_collections.entities.list")
def _(place: Place) -> Case:
    collection_id, entity = place.new_entity()
    found = yield {"entity_collection_id": collection_id, "name": "Kim", "status": "ready", "page_limit": 1}
    assert [one.id for one in found] == [entity.id]


@case("entity_collections.entities.create")
def _(place: Place) -> Case:
    arguments = {"entity_collection_id": place.new_collection(), "asset_ids": [place.new_image()]}
    made = yield {**arguments, "name": "Kim", "metadata": {"number": 1}}
    assert (made.name, made.metadata, list(made.asset_ids)) == ("Kim", {"number": 1}, arguments["asset_ids"])


@case("entity_collections.entities.create_bulk")
def _(place: Place) -> Case:
    entities = [{"name": "Kim", "asset_ids": [place.new_image()]}, {"name": "Lee", "asset_ids": ["0" * 24]}]
    made = yield {"entity_collection_id": place.new_collection(), "entities": entities}
    assert (made.success_count, made.failed_count) == (1, 1)
    assert made.entities[0].name == "Kim"
    assert (made.errors[0].entity_index, made.errors[0].entity_name) == (1, "Lee")


@case("entity_collections.entities.retrieve")
def _(place: Place) -> Case:
    collection_id, entity = place.new_entity()
    assert (yield {"entity_collection_id": collection_id, "entity_id": entity.id}) == entity


@case("entity_collections.entities.update")
def _(place: Place) -> Case:
    collection_id, entity = place.new_entity()
    changed = yield {"entity_collection_id": collection_id, "entity_id": entity.id, "metadata": {"number": 12}}
    assert (changed.name, changed.metadata) == ("Kim", {"number": 12})


@case("entity_collections.entities.delete")
def _(place: Place) -> Case:
    collection_id, entity = place.new_entity()
    assert (yield {"entity_collection_id": collection_id, "entity_id": entity.id}) is None
    assert list(place.client.entity_collections.entities.list(collection_id)) == []


@case("entity_collections.entities.create_assets")
def _(place: Place) -> Case:
    collection_id, entity = place.new_entity()
    image_id = place.new_image()
    changed = yield {"entity_collection_id": collection_id, "entity_id": entity.id, "asset_ids": [image_id]}
    assert changed.asset_ids == (*entity.asset_ids, image_id)


@case("entity_collections.entities.delete_assets")
def _(place: Place) -> Case:
    collection_id, entity = place.new_entity()
    image_id = place.new_image()
    place.client.entity_collections.entities.create_assets(collection_id, entity.id, asset_ids=[image_id])
    where = {"entity_collection_id": collection_id, "entity_id": entity.id}
    changed = yield {**where, "asset_ids": list(entity.asset_ids)}
    assert changed.asset_ids == (image_id,)


# --- embeddings -----------------------------------------------------------------------------------------------------


@case("embed.create")
def _(place: Place) -> Case:
    made = yield {"model_name": "marengo3.0", "text": "a dog on a beach", "image_file": place.picture}
    assert len(made.text_embedding.segments[0].float) == len(made.image_embedding.segments[0].float) == 512
    assert made.audio_embedding is None


@case("embed.tasks.list")
def _(place: Place) -> Case:
    made = {place.new_embedding_task() for _ in range(2)}
    found = yield {"status": "ready", "page_limit": 1}
    assert made <= {task.id for task in found}


@case("embed.tasks.create")
def _(place: Place) -> Case:
    offsets = {"video_start_offset_sec": 0, "video_end_offset_sec": 4}
    made = yield {"model_name": "marengo3.0", "video_file": place.clip, "video_clip_length": 2, **offsets}
    assert made.id
    linked = yield {"model_name": "marengo3.0", "video_url": place.link(), "video_embedding_scope": ["clip", "video"]}
    assert linked.id != made.id


@case("embed.tasks.status")
def _(place: Place) -> Case:
    task = yield {"task_id": place.new_embedding_task()}
    assert (task.status, task.video_embedding.metadata.video_clip_length) == ("ready", 2)
    assert task.video_embedding.segments == ()


@case("embed.tasks.retrieve")
def _(place: Place) -> Case:
    task = yield {"task_id": place.new_embedding_task(), "embedding_option": ["visual", "transcription"]}
    kinds = {(one.embedding_option, one.embedding_scope) for one in task.video_embedding.segments}
    assert kinds == {(option, scope) for option in ("visual", "transcription") for scope in ("clip", "video")}
    assert {len(one.float) for one in task.video_embedding.segments} == {512}


@case("embed.v_2.create")
def _(place: Place) -> Case:
    text = yield {"input_type": "text", "model_name": "marengo3.0", "text": {"input_text": "a dog"}}
    assert (len(text.data[0].embedding), text.metadata) == (512, None)
    video = yield {"input_type": "video", "model_name": "marengo3.0", "video": place.video_input()}
    assert (video.data[0].embedding_option, video.data[0].embedding_scope) == ("visual", "asset")
    assert video.metadata.input_type == "video"


@case("embed.v_2.tasks.list")
def _(place: Place) -> Case:
    made = {place.new_embedding_task_v2() for _ in range(2)}
    found = yield {"status": "ready", "page_limit": 1}
    assert made <= {task.id for task in found}


@case("embed.v_2.tasks.create")
def _(place: Place) -> Case:
    made = yield {"input_type": "video", "model_name": "marengo3.0", "video": place.video_input()}
    place.until(lambda: place.client.embed.v_2.tasks.retrieve(made.id).status == "ready")


@case("embed.v_2.tasks.retrieve")
def _(place: Place) -> Case:
    task = yield {"task_id": place.new_embedding_task_v2()}
    assert len(task.data[0].embedding) == 512
    assert task.metadata.duration == pytest.approx(6.0, abs=0.1)
