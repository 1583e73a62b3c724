"""The official SDK drives the sandbox on a socket: one row per method of the reference.

Each row calls one method with the SDK and looks at what the SDK made of the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from twelvelabs import ResponseFormat, TwelveLabs
from twelvelabs.core.api_error import ApiError
from twelvelabs.entity_collections.entities.types import EntitiesCreateBulkRequestEntitiesItem
from twelvelabs.types import CompletedChunk, MediaSource, TextInputRequest, VideoInputRequest

from tlsync.media.probe import Prober
from tlsync.media.samples import make_clip
from tlsync.models import Cue
from tlsync.sandbox.methods import routes_of
from tlsync.sandbox.server import SandboxServer
from tlsync.sandbox.settings import Timings

CHUNK_BYTES = 20_000
QUICK = Timings(
    asset_processing_s=0.01,
    validating_s=0.01,
    pending_s=0.01,
    queued_s=0.01,
    indexing_s=0.01,
    entity_s=0.01,
    embedding_s=0.01,
    analysis_s=0.01,
)
MODELS: list[Any] = [
    {"model_name": "marengo3.0", "model_options": ["visual", "audio"]},
    {"model_name": "pegasus1.2", "model_options": ["visual", "audio"]},
]
LINES = ["a red car at night", "the ferry leaves the harbour"]


@dataclass
class Story:
    """What the rows share: a server, the SDK, a clip and a frame of it; more is made when first asked for."""

    server: SandboxServer
    client: TwelveLabs
    clip: Path
    picture: bytes
    names: int = 0

    def name(self, stem: str = "index") -> str:
        """A name that nothing has yet."""
        self.names += 1
        return f"{stem} {self.names}"

    def new_index(self) -> str:
        made = self.client.indexes.create(index_name=self.name(), models=MODELS, addons=["thumbnail"])
        assert made.id
        return made.id

    def new_asset(self) -> str:
        asset_id = self.client.multipart_upload.upload_file(self.clip).asset_id
        self.until(lambda: self.client.assets.retrieve(asset_id).status == "ready")
        return asset_id

    def new_video(self, index_id: str, asset_id: str) -> str:
        made = self.client.indexes.indexed_assets.create(index_id, asset_id=asset_id, enable_video_stream=True)
        assert made.id
        video_id = made.id
        self.until(lambda: self.client.indexes.indexed_assets.retrieve(index_id, video_id).status == "ready")
        return video_id

    @cached_property
    def asset_id(self) -> str:
        return self.new_asset()

    @cached_property
    def index_id(self) -> str:
        return self.new_index()

    @cached_property
    def video_id(self) -> str:
        return self.new_video(self.index_id, self.asset_id)

    def session(self) -> Any:
        return self.client.multipart_upload.create(filename="lake.mp4", total_size=3 * CHUNK_BYTES)

    def until(self, is_done: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + 20
        while not is_done():
            assert time.monotonic() < deadline_s, "it never came to its end"
            time.sleep(0.01)


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    clip = tmp_path_factory.mktemp("media") / "harbour_night.mp4"
    make_clip(clip, duration_s=6, cues=[Cue(0.5, 2.0, LINES[0]), Cue(3.0, 4.5, LINES[1])])
    with Prober() as prober:
        picture = prober.read_frame_jpeg(clip, 1.0)
    with SandboxServer(chunk_size_bytes=CHUNK_BYTES, first_urls=2, timings=QUICK) as server:
        client = TwelveLabs(api_key=server.api_key, base_url=server.base_url)
        yield Story(server, client, clip, picture)
        client._client_wrapper.httpx_client.httpx_client.close()


Row = Callable[[Story], None]
ROWS: dict[str, Row] = {}


def row(name: str) -> Callable[[Row], Row]:
    def add(check: Row) -> Row:
        ROWS[name] = check
        return check

    return add


# -- text -------------------------------------------------------------------------------------------------


@row("summarize")
def _summarize(story: Story) -> None:
    summary = story.client.summarize(video_id=story.video_id, type="summary", prompt="short", temperature=0.2)
    assert summary.summarize_type == "summary"
    assert "sandbox" in (summary.summary or "")
    chapters = story.client.summarize(video_id=story.video_id, type="chapter")
    assert chapters.summarize_type == "chapter"
    assert chapters.chapters and chapters.chapters[0].start_sec == 0.0
    assert chapters.chapters[-1].end_sec == pytest.approx(6.0, abs=0.1)
    highlights = story.client.summarize(video_id=story.video_id, type="highlight")
    assert highlights.summarize_type == "highlight"
    assert highlights.highlights and LINES[0] in (highlights.highlights[0].highlight or "")


@row("gist")
def _gist(story: Story) -> None:
    gist = story.client.gist(video_id=story.video_id, types=["title", "topic", "hashtag"])
    assert gist.title == "Harbour Night (sandbox)"
    assert gist.topics and gist.hashtags and gist.hashtags[0] == "#sandbox"


@row("generate")
def _generate(story: Story) -> None:
    answer = story.client.generate(video_id=story.video_id, prompt="Where?", stream=False)
    assert "sandbox" in (answer.data or "")


@row("analyze_stream")
def _analyze_stream(story: Story) -> None:
    events = list(story.client.analyze_stream(video_id=story.video_id, prompt="Where?"))
    assert [events[0].event_type, events[-1].event_type] == ["stream_start", "stream_end"]
    text = "".join(event.text or "" for event in events if event.event_type == "text_generation")
    assert text == story.client.analyze(video_id=story.video_id, prompt="Where?").data


@row("analyze")
def _analyze(story: Story) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    answer = story.client.analyze(
        video_id=story.video_id,
        prompt="Where?",
        max_tokens=100,
        response_format=ResponseFormat(type="json_schema", json_schema=schema),
    )
    assert answer.data == '{"title":"Harbour Night (sandbox)"}'
    assert answer.finish_reason == "stop"


# -- indexes ----------------------------------------------------------------------------------------------


@row("indexes.list")
def _indexes_list(story: Story) -> None:
    made = {story.new_index() for _ in range(3)}
    found = list(story.client.indexes.list(page_limit=2, model_options="visual,audio", model_family="pegasus"))
    assert made <= {index.id for index in found}


@row("indexes.create")
def _indexes_create(story: Story) -> None:
    name = story.name()
    assert story.client.indexes.create(index_name=name, models=MODELS).id
    with pytest.raises(ApiError) as caught:
        story.client.indexes.create(index_name=name, models=MODELS)
    assert caught.value.body["code"] == "index_name_already_exists"


@row("indexes.retrieve")
def _indexes_retrieve(story: Story) -> None:
    assert story.video_id
    index = story.client.indexes.retrieve(story.index_id)
    assert (index.video_count or 0) >= 1
    assert [model.model_name for model in index.models or []] == ["marengo3.0", "pegasus1.2"]
    assert index.addons == ["thumbnail"]


@row("indexes.update")
def _indexes_update(story: Story) -> None:
    index_id, name = story.new_index(), story.name()
    story.client.indexes.update(index_id, index_name=name)
    assert story.client.indexes.retrieve(index_id).index_name == name


@row("indexes.delete")
def _indexes_delete(story: Story) -> None:
    index_id = story.new_index()
    story.client.indexes.delete(index_id)
    with pytest.raises(ApiError) as caught:
        story.client.indexes.retrieve(index_id)
    assert caught.value.status_code == 404


# -- assets -----------------------------------------------------------------------------------------------


@row("assets.list")
def _assets_list(story: Story) -> None:
    found = list(story.client.assets.list(asset_ids=[story.asset_id], asset_types=["video"], page_limit=1))
    assert [asset.id for asset in found] == [story.asset_id]


@row("assets.create")
def _assets_create(story: Story) -> None:
    with story.clip.open("rb") as file:
        asset = story.client.assets.create(method="direct", file=file, filename="other.mp4")
    assert (asset.method, asset.filename, asset.file_type) == ("direct", "other.mp4", "video/mp4")
    again = story.client.assets.create(method="url", url=story.client.assets.retrieve(story.asset_id).url)
    assert (again.method, again.filename) == ("url", "harbour_night.mp4")


@row("assets.retrieve")
def _assets_retrieve(story: Story) -> None:
    asset = story.client.assets.retrieve(story.asset_id)
    assert (asset.status, asset.filename) == ("ready", "harbour_night.mp4")
    assert asset.url and asset.url_expires_at


@row("assets.delete")
def _assets_delete(story: Story) -> None:
    asset_id = story.new_asset()
    story.client.assets.delete(asset_id)
    with pytest.raises(ApiError) as caught:
        story.client.assets.retrieve(asset_id)
    assert caught.value.status_code == 404


# -- multipart upload ---------------------------------------------------------------------------------------


@row("multipart_upload.create")
def _multipart_create(story: Story) -> None:
    session = story.session()
    assert (session.chunk_size, session.total_chunks) == (CHUNK_BYTES, 3)
    assert [url.chunk_index for url in session.upload_urls] == [1, 2]
    assert session.upload_headers == {"Content-Type": "application/octet-stream"}


@row("multipart_upload.list_incomplete_uploads")
def _multipart_list(story: Story) -> None:
    session = story.session()
    found = list(story.client.multipart_upload.list_incomplete_uploads(page_limit=50))
    assert session.upload_id in {upload.upload_id for upload in found}


@row("multipart_upload.get_status")
def _multipart_status(story: Story) -> None:
    session = story.session()
    chunks = list(story.client.multipart_upload.get_status(session.upload_id, page_limit=2))
    assert [(chunk.index, chunk.status) for chunk in chunks] == [(1, "pending"), (2, "pending"), (3, "pending")]


@row("multipart_upload.get_additional_presigned_urls")
def _multipart_urls(story: Story) -> None:
    session = story.session()
    more = story.client.multipart_upload.get_additional_presigned_urls(session.upload_id, start=2, count=2)
    assert [url.chunk_index for url in more.upload_urls or []] == [2, 3]
    assert (more.start_index, more.count) == (2, 2)


@row("multipart_upload.report_chunk_batch")
def _multipart_report(story: Story) -> None:
    session = story.session()
    proof = story.client.multipart_upload._upload_chunk_to_s3(_file_of(story, CHUNK_BYTES), session.upload_urls[0].url)
    chunk = CompletedChunk(chunk_index=1, proof=proof, proof_type="etag", chunk_size=CHUNK_BYTES)
    report = story.client.multipart_upload.report_chunk_batch(session.upload_id, completed_chunks=[chunk])
    assert (report.processed_chunks, report.duplicate_chunks, report.total_completed, report.url) == (1, 0, 1, None)
    with pytest.raises(ApiError) as caught:
        wrong = CompletedChunk(chunk_index=1, proof="0" * 32, proof_type="etag", chunk_size=CHUNK_BYTES)
        story.client.multipart_upload.report_chunk_batch(session.upload_id, completed_chunks=[wrong])
    assert caught.value.status_code == 400


def _file_of(story: Story, size_bytes: int) -> Path:
    path = story.clip.with_name("part")
    path.write_bytes(bytes(size_bytes))
    return path


# -- indexed assets and videos ------------------------------------------------------------------------------


@row("indexes.indexed_assets.list")
def _indexed_list(story: Story) -> None:
    indexed = story.client.indexes.indexed_assets
    indexed.update(story.index_id, story.video_id, user_metadata={"listed": "yes", "take": 2})
    for wanted in ({"user_metadata": {"listed": "yes", "take": 2}}, {"status": ["ready", "failed"]}, {"width": 640}):
        found = list(indexed.list(story.index_id, page_limit=1, **wanted))
        assert story.video_id in {item.id for item in found}, wanted
    assert list(indexed.list(story.index_id, user_metadata={"listed": "no"})) == []


@row("indexes.indexed_assets.create")
def _indexed_create(story: Story) -> None:
    made = story.client.indexes.indexed_assets.create(story.new_index(), asset_id=story.asset_id)
    assert made.id and made.id != story.asset_id


@row("indexes.indexed_assets.retrieve")
def _indexed_retrieve(story: Story) -> None:
    item = story.client.indexes.indexed_assets.retrieve(
        story.index_id, story.video_id, transcription=True, embedding_option=["visual", "transcription"]
    )
    assert item.system_metadata and item.system_metadata.filename == "harbour_night.mp4"
    assert [line.value for line in item.transcription or []] == LINES
    assert item.hls and item.hls.status == "COMPLETE"
    assert item.embedding and item.embedding.model_name == "marengo3.0"
    assert {segment.embedding_option for segment in item.embedding.video_embedding.segments} == {
        "visual",
        "transcription",
    }


@row("indexes.indexed_assets.delete")
def _indexed_delete(story: Story) -> None:
    index_id = story.new_index()
    video_id = story.new_video(index_id, story.asset_id)
    story.client.indexes.indexed_assets.delete(index_id, video_id)
    assert list(story.client.indexes.indexed_assets.list(index_id)) == []


@row("indexes.indexed_assets.update")
def _indexed_update(story: Story) -> None:
    indexed = story.client.indexes.indexed_assets
    indexed.update(story.index_id, story.video_id, user_metadata={"shot": "wide", "night": True})
    stored = indexed.retrieve(story.index_id, story.video_id).user_metadata or {}
    assert (stored["shot"], stored["night"]) == ("wide", True)


@row("indexes.videos.list")
def _videos_list(story: Story) -> None:
    found = list(story.client.indexes.videos.list(story.index_id, page_limit=1, filename="harbour_night.mp4"))
    assert story.video_id in {video.id for video in found}


@row("indexes.videos.retrieve")
def _videos_retrieve(story: Story) -> None:
    video = story.client.indexes.videos.retrieve(story.index_id, story.video_id, transcription=True)
    assert video.system_metadata and video.system_metadata.height == 360
    assert [line.value for line in video.transcription or []] == LINES


@row("indexes.videos.delete")
def _videos_delete(story: Story) -> None:
    index_id = story.new_index()
    video_id = story.new_video(index_id, story.asset_id)
    story.client.indexes.videos.delete(index_id, video_id)
    assert list(story.client.indexes.videos.list(index_id)) == []


@row("indexes.videos.update")
def _videos_update(story: Story) -> None:
    story.client.indexes.videos.update(story.index_id, story.video_id, user_metadata={"reel": 7})
    assert (story.client.indexes.videos.retrieve(story.index_id, story.video_id).user_metadata or {})["reel"] == 7


# -- search -----------------------------------------------------------------------------------------------


@row("search.create")
def _search_create(story: Story) -> None:
    assert story.video_id
    found = story.client.search.create(
        index_id=story.index_id,
        search_options=["visual", "transcription"],
        query_text="red car",
        filter='{"duration": {"gte": 5}}',
        include_user_metadata=True,
        operator="or",
    )
    assert found.data and found.search_pool and found.search_pool.total_count
    hit = found.data[0]
    assert (hit.video_id, hit.rank, hit.transcription) == (story.video_id, 1, LINES[0])
    assert (hit.start, hit.end) == (0.5, 2.0)
    assert hit.thumbnail_url
    grouped = list(
        story.client.search.query(
            index_id=story.index_id, search_options=["transcription"], query_text="the", group_by="video"
        )
    )
    assert [group.id for group in grouped] == [story.video_id]


@row("search.retrieve")
def _search_retrieve(story: Story) -> None:
    assert story.video_id
    first = story.client.search.create(
        index_id=story.index_id, search_options=["transcription"], query_text="car ferry", page_limit=1
    )
    assert first.page_info and first.page_info.next_page_token
    second = story.client.search.retrieve(first.page_info.next_page_token)
    assert [hit.rank for hit in second.data or []] == [2]
    assert second.page_info and second.page_info.next_page_token is None and second.page_info.prev_page_token


# -- tasks and transfers --------------------------------------------------------------------------------------


def _new_task(story: Story) -> Any:
    with story.clip.open("rb") as file:
        made = story.client.tasks.create(index_id=story.new_index(), video_file=file, user_metadata='{"reel": 1}')
    story.until(lambda: story.client.tasks.retrieve(made.id).status == "ready")
    return story.client.tasks.retrieve(made.id)


@row("tasks.list")
def _tasks_list(story: Story) -> None:
    task = _new_task(story)
    found = list(story.client.tasks.list(index_id=task.index_id, status=["ready", "failed"], page_limit=1, width=640))
    assert [one.id for one in found] == [task.id]


@row("tasks.create")
def _tasks_create(story: Story) -> None:
    made = story.client.tasks.create(
        index_id=story.new_index(),
        video_url=story.client.assets.retrieve(story.asset_id).url,
        enable_video_stream=False,
    )
    assert made.id and made.video_id and made.id != made.video_id
    done = story.client.tasks.wait_for_done(made.id, sleep_interval=0.01)
    assert done.status == "ready" and done.hls is None


@row("tasks.retrieve")
def _tasks_retrieve(story: Story) -> None:
    task = _new_task(story)
    assert task.system_metadata.filename == "harbour_night.mp4"
    assert task.hls.status == "COMPLETE"
    video = story.client.indexes.videos.retrieve(task.index_id, task.video_id)
    assert video.user_metadata == {"reel": 1}


@row("tasks.delete")
def _tasks_delete(story: Story) -> None:
    task = _new_task(story)
    with pytest.raises(ApiError) as caught:
        story.client.tasks.delete(task.id)
    assert caught.value.body["code"] == "task_cannot_be_deleted"
    story.client.indexes.videos.delete(task.index_id, task.video_id)
    story.client.tasks.delete(task.id)
    assert list(story.client.tasks.list(index_id=task.index_id)) == []


INTEGRATION = "65f0b00000000000000011b8"


@row("tasks.transfers.create")
def _transfers_create(story: Story) -> None:
    story.client.tasks.transfers.create(INTEGRATION)


@row("tasks.transfers.get_status")
def _transfers_status(story: Story) -> None:
    story.client.tasks.transfers.get_status(INTEGRATION)


@row("tasks.transfers.get_logs")
def _transfers_logs(story: Story) -> None:
    story.client.tasks.transfers.get_logs(INTEGRATION)


# -- entities -----------------------------------------------------------------------------------------------


def _entity_parts(story: Story) -> tuple[str, str]:
    """A collection and an image asset."""
    collection = story.client.entity_collections.create(name=story.name("team"), description="Players")
    return collection.id or "", _new_image(story)


def _new_image(story: Story) -> str:
    image = story.client.assets.create(method="direct", file=("kim.jpg", story.picture), filename="kim.jpg")
    asset_id = image.id or ""
    story.until(lambda: story.client.assets.retrieve(asset_id).status == "ready")
    return asset_id


def _new_entity(story: Story) -> tuple[str, Any]:
    collection_id, image_id = _entity_parts(story)
    entities = story.client.entity_collections.entities
    made = entities.create(collection_id, name="Kim", asset_ids=[image_id], metadata={"number": 1})
    story.until(lambda: entities.retrieve(collection_id, made.id or "").status == "ready")
    return collection_id, entities.retrieve(collection_id, made.id or "")


@row("entity_collections.list")
def _collections_list(story: Story) -> None:
    made = [story.client.entity_collections.create(name=story.name("team")).id for _ in range(2)]
    found = list(story.client.entity_collections.list(sort_by="created_at", sort_option="desc", page_limit=1))
    assert [collection.id for collection in found][:2] == made[::-1]


@row("entity_collections.create")
def _collections_create(story: Story) -> None:
    collection = story.client.entity_collections.create(name="team", description="Players")
    assert (collection.name, collection.description) == ("team", "Players")
    assert collection.id and collection.created_at


@row("entity_collections.retrieve")
def _collections_retrieve(story: Story) -> None:
    collection_id, _ = _entity_parts(story)
    assert story.client.entity_collections.retrieve(collection_id).id == collection_id


@row("entity_collections.update")
def _collections_update(story: Story) -> None:
    collection_id, _ = _entity_parts(story)
    changed = story.client.entity_collections.update(collection_id, name="first team")
    assert (changed.name, changed.description) == ("first team", "Players")


@row("entity_collections.delete")
def _collections_delete(story: Story) -> None:
    collection_id, _ = _new_entity(story)
    story.client.entity_collections.delete(collection_id)
    with pytest.raises(ApiError):
        story.client.entity_collections.retrieve(collection_id)


@row("manage_entities.list_all_entities")
def _list_all_entities(story: Story) -> None:
    collection_id, entity = _new_entity(story)
    listed = story.client.manage_entities.list_all_entities(status="ready", page_limit=50).data or []
    (found,) = [one for one in listed if one.id == entity.id]
    assert found.entity_collection_id == collection_id
    assert found.entity_collection_name and found.asset_urls


@row("entity_collections.entities.list")
def _entities_list(story: Story) -> None:
    collection_id, entity = _new_entity(story)
    found = list(story.client.entity_collections.entities.list(collection_id, name="Kim", status="ready", page_limit=1))
    assert [one.id for one in found] == [entity.id]


@row("entity_collections.entities.create")
def _entities_create(story: Story) -> None:
    _, entity = _new_entity(story)
    assert (entity.name, entity.metadata) == ("Kim", {"number": 1})


@row("entity_collections.entities.create_bulk")
def _entities_create_bulk(story: Story) -> None:
    collection_id, image_id = _entity_parts(story)
    made = story.client.entity_collections.entities.create_bulk(
        collection_id,
        entities=[
            EntitiesCreateBulkRequestEntitiesItem(name="Kim", asset_ids=[image_id]),
            EntitiesCreateBulkRequestEntitiesItem(name="Lee", asset_ids=["0" * 24]),
        ],
    )
    assert (made.success_count, made.failed_count) == (1, 1)
    assert made.entities and made.entities[0].name == "Kim"
    assert made.errors and (made.errors[0].entity_index, made.errors[0].entity_name) == (1, "Lee")


@row("entity_collections.entities.retrieve")
def _entities_retrieve(story: Story) -> None:
    collection_id, entity = _new_entity(story)
    assert story.client.entity_collections.entities.retrieve(collection_id, entity.id).id == entity.id


@row("entity_collections.entities.update")
def _entities_update(story: Story) -> None:
    collection_id, entity = _new_entity(story)
    changed = story.client.entity_collections.entities.update(collection_id, entity.id, metadata={"number": 12})
    assert (changed.name, changed.metadata) == ("Kim", {"number": 12})


@row("entity_collections.entities.delete")
def _entities_delete(story: Story) -> None:
    collection_id, entity = _new_entity(story)
    story.client.entity_collections.entities.delete(collection_id, entity.id)
    assert list(story.client.entity_collections.entities.list(collection_id)) == []


@row("entity_collections.entities.create_assets")
def _entities_create_assets(story: Story) -> None:
    collection_id, entity = _new_entity(story)
    image_id = _new_image(story)
    changed = story.client.entity_collections.entities.create_assets(collection_id, entity.id, asset_ids=[image_id])
    assert changed.asset_ids == [*entity.asset_ids, image_id]


@row("entity_collections.entities.delete_assets")
def _entities_delete_assets(story: Story) -> None:
    collection_id, entity = _new_entity(story)
    entities, image_id = story.client.entity_collections.entities, _new_image(story)
    entities.create_assets(collection_id, entity.id, asset_ids=[image_id])
    changed = entities.delete_assets(collection_id, entity.id, asset_ids=entity.asset_ids)
    assert changed.asset_ids == [image_id]
    with pytest.raises(ApiError):
        entities.delete_assets(collection_id, entity.id, asset_ids=[image_id])


# -- embeddings ---------------------------------------------------------------------------------------------


@row("embed.create")
def _embed_create(story: Story) -> None:
    made = story.client.embed.create(
        model_name="marengo3.0", text="a dog on a beach", image_file=("kim.jpg", story.picture)
    )
    assert made.text_embedding and made.image_embedding and made.audio_embedding is None
    assert made.text_embedding.segments and len(made.text_embedding.segments[0].float_ or []) == 512
    old = story.client.embed.create(model_name="Marengo-retrieval-2.7", text="a dog on a beach")
    assert old.text_embedding and old.text_embedding.segments
    assert len(old.text_embedding.segments[0].float_ or []) == 1024


def _new_embed_task(story: Story) -> str:
    with story.clip.open("rb") as file:
        made = story.client.embed.tasks.create(
            model_name="marengo3.0", video_file=file, video_clip_length=2, video_embedding_scope=["clip", "video"]
        )
    task_id = made.id or ""
    story.until(lambda: story.client.embed.tasks.status(task_id).status == "ready")
    return task_id


@row("embed.tasks.list")
def _embed_tasks_list(story: Story) -> None:
    task_id = _new_embed_task(story)
    assert task_id in {task.id for task in story.client.embed.tasks.list(status="ready", page_limit=1)}


@row("embed.tasks.create")
def _embed_tasks_create(story: Story) -> None:
    url = story.client.assets.retrieve(story.asset_id).url
    made = story.client.embed.tasks.create(model_name="marengo3.0", video_url=url)
    assert story.client.embed.tasks.wait_for_done(made.id or "", sleep_interval=0.01).status == "ready"


@row("embed.tasks.status")
def _embed_tasks_status(story: Story) -> None:
    status = story.client.embed.tasks.status(_new_embed_task(story))
    assert status.status == "ready"
    assert status.video_embedding and status.video_embedding.metadata
    assert status.video_embedding.metadata.video_clip_length == 2


@row("embed.tasks.retrieve")
def _embed_tasks_retrieve(story: Story) -> None:
    task = story.client.embed.tasks.retrieve(_new_embed_task(story), embedding_option=["visual", "transcription"])
    assert task.video_embedding and task.video_embedding.segments
    kinds = {(one.embedding_option, one.embedding_scope) for one in task.video_embedding.segments}
    assert kinds == {(option, scope) for option in ("visual", "transcription") for scope in ("clip", "video")}
    assert {len(one.float_ or []) for one in task.video_embedding.segments} == {512}


def _video_input(story: Story) -> VideoInputRequest:
    return VideoInputRequest(
        media_source=MediaSource(asset_id=story.asset_id), embedding_option=["visual"], embedding_scope=["asset"]
    )


@row("embed.v_2.create")
def _embed_v2_create(story: Story) -> None:
    v_2 = story.client.embed.v_2
    text = v_2.create(input_type="text", model_name="marengo3.0", text=TextInputRequest(input_text="a dog"))
    assert len(text.data[0].embedding) == 512 and text.metadata is None
    video = v_2.create(input_type="video", model_name="marengo3.0", video=_video_input(story))
    assert (video.data[0].embedding_option, video.data[0].embedding_scope) == ("visual", "asset")
    assert video.metadata and video.metadata.input_type == "video"
    with pytest.raises(ApiError) as caught:
        v_2.create(input_type="image", model_name="marengo3.0", text=TextInputRequest(input_text="a dog"))
    assert caught.value.status_code == 400


def _new_embed_v2_task(story: Story) -> str:
    made = story.client.embed.v_2.tasks.create(input_type="video", model_name="marengo3.0", video=_video_input(story))
    assert made.status == "processing"
    story.until(lambda: story.client.embed.v_2.tasks.retrieve(made.id).status == "ready")
    return made.id


@row("embed.v_2.tasks.list")
def _embed_v2_tasks_list(story: Story) -> None:
    task_id = _new_embed_v2_task(story)
    assert task_id in {task.id for task in story.client.embed.v_2.tasks.list(status="ready", page_limit=1)}


@row("embed.v_2.tasks.create")
def _embed_v2_tasks_create(story: Story) -> None:
    assert _new_embed_v2_task(story)


@row("embed.v_2.tasks.retrieve")
def _embed_v2_tasks_retrieve(story: Story) -> None:
    task = story.client.embed.v_2.tasks.retrieve(_new_embed_v2_task(story))
    assert task.data and len(task.data[0].embedding) == 512
    assert task.metadata and task.metadata.duration == pytest.approx(6.0, abs=0.1)


# -- the table ----------------------------------------------------------------------------------------------


def test_every_method_of_the_reference_has_a_row(story: Story) -> None:
    """The names that the sandbox answers to are the 60 of the reference, and each has its row here."""
    names = {route.name for route in routes_of(story.server.world) if route.has_key}
    # Both ways to analyze are one call on the wire.
    assert names | {"analyze_stream"} == set(ROWS)
    assert len(ROWS) == 60


@pytest.mark.parametrize("name", sorted(ROWS))
def test_sdk_method(name: str, story: Story) -> None:
    """The SDK can make the call, and parses the answer into what it should mean."""
    ROWS[name](story)


def test_sdk_upload_helper_waits_and_reports_progress(story: Story) -> None:
    seen: list[float] = []
    result = story.client.multipart_upload.upload_file(
        story.clip, batch_size=2, progress_callback=lambda progress: seen.append(progress.percentage)
    )
    assert result.asset_url.startswith("http://127.0.0.1:")
    assert seen[-1] == 100
    session = story.server.ledger.sessions()[-1]
    assert (session["asset_id"], session["is_completed"]) == (result.asset_id, True)
    done = story.client.multipart_upload.wait_for_upload_completion(session["upload_id"], sleep_interval=0.01)
    assert done.status == "completed"


def test_sdk_sees_a_wrong_key_as_such(story: Story) -> None:
    client = TwelveLabs(api_key="wrong", base_url=story.server.base_url)
    with pytest.raises(ApiError) as caught:
        client.assets.retrieve(story.asset_id)
    client._client_wrapper.httpx_client.httpx_client.close()
    assert (caught.value.status_code, caught.value.body["code"]) == (401, "api_key_invalid")
