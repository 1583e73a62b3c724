"""The newest official SDK calls each of its methods once: `python sdk_latest.py BASE_URL API_KEY CLIP IMAGE`.

Runs in an environment that holds that SDK and nothing of ours. Prints one JSON object, in which each method of the
SDK, and each row below, has "ok", what went wrong, or "no row". The clip lasts 6 s, is 640x360, and LINES are spoken.
"""

from __future__ import annotations

import inspect
import json
import sys
import time
import traceback
import urllib.request
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from twelvelabs import TwelveLabs
from twelvelabs.core.api_error import ApiError
from twelvelabs.entity_collections.entities.types import EntitiesCreateBulkRequestEntitiesItem
from twelvelabs.types import (
    AsyncVideoInputRequest,
    CompletedChunk,
    MediaSource,
    SyncResponseFormat,
    TextInputRequest,
    VideoContext_AssetId,
    VideoInputRequest,
)
from twelvelabs.wrapper.embed_client_wrapper import CreateEmbeddingsTaskVideoParams

LINES = ["a red car at night", "the ferry leaves the harbour"]
MODELS: list[Any] = [{"model_name": "marengo3.0", "model_options": ["visual", "audio"]}]
WAIT_LIMIT_S = 20


class Story:
    """What the rows share. More is made when it is first asked for."""

    def __init__(self, base_url: str, api_key: str, clip: Path, image: Path) -> None:
        self.base_url = base_url
        self.client = TwelveLabs(api_key=api_key, base_url=base_url)
        self.clip = clip
        self.image = image
        self._names = 0

    def name(self, stem: str = "index") -> str:
        """A name that nothing has yet."""
        self._names += 1
        return f"{stem} {self._names}"

    def until_ready(self, retrieve: Callable[[], Any]) -> Any:
        """What `retrieve` gives as soon as its status is `ready`."""
        deadline_s = time.monotonic() + WAIT_LIMIT_S
        while (found := retrieve()).status != "ready":
            assert time.monotonic() < deadline_s, f"it stays {found.status}"
            time.sleep(0.01)
        return found

    def stall(self, kind: str) -> None:
        """The sandbox's next new thing of this kind never gets to its end."""
        rule = json.dumps({"on": kind, "action": "stall"}).encode()
        urllib.request.urlopen(urljoin(self.base_url, "/sandbox/faults"), rule).close()

    # -- assets and videos

    @cached_property
    def uploaded(self) -> Any:
        return self.client.multipart_upload.upload_file(self.clip)

    @cached_property
    def asset_id(self) -> str:
        return self.ready_asset(self.uploaded.asset_id)

    @property
    def link(self) -> str:
        """A URL where the sandbox can fetch the clip."""
        assert self.asset_id
        return self.uploaded.asset_url

    @cached_property
    def index_id(self) -> str:
        return self.new_index()

    @cached_property
    def video_id(self) -> str:
        return self.new_video(self.index_id)

    def ready_asset(self, asset_id: str) -> str:
        return self.until_ready(lambda: self.client.assets.retrieve(asset_id)).id

    def new_asset(self) -> str:
        return self.ready_asset(self.client.assets.create(method="direct", file=(self.clip.name, self.content)).id)

    def new_image(self) -> str:
        made = self.client.assets.create(method="direct", file=("kim.jpg", self.picture))
        return self.ready_asset(made.id)

    @cached_property
    def content(self) -> bytes:
        return self.clip.read_bytes()

    @cached_property
    def picture(self) -> bytes:
        return self.image.read_bytes()

    def new_index(self) -> str:
        return self.client.indexes.create(index_name=self.name(), models=MODELS, addons=["thumbnail"]).id

    def new_video(self, index_id: str) -> str:
        indexed = self.client.indexes.indexed_assets
        made = indexed.create(index_id, asset_id=self.asset_id, enable_video_stream=True)
        return self.until_ready(lambda: indexed.retrieve(index_id, made.id)).id

    def new_session(self) -> Any:
        return self.client.multipart_upload.create(
            filename=self.clip.name, type="video", total_size=len(self.content), user_metadata={"reel": 1}
        )

    def new_task(self) -> Any:
        tasks = self.client.tasks
        made = tasks.create(
            index_id=self.new_index(), video_file=(self.clip.name, self.content), user_metadata='{"reel": 1}'
        )
        return self.until_ready(lambda: tasks.retrieve(made.id))

    # -- entities

    def new_collection(self) -> str:
        return self.client.entity_collections.create(name=self.name("team"), description="Players").id

    def new_entity(self) -> tuple[str, Any]:
        collection_id, entities = self.new_collection(), self.client.entity_collections.entities
        made = entities.create(collection_id, name="Kim", asset_ids=[self.new_image()], metadata={"number": 1})
        return collection_id, self.until_ready(lambda: entities.retrieve(collection_id, made.id))

    # -- text and embeddings

    def video(self) -> VideoContext_AssetId:
        return VideoContext_AssetId(asset_id=self.asset_id)

    def new_analysis(self) -> Any:
        tasks = self.client.analyze_async.tasks
        made = tasks.create(video=self.video(), prompt="Where?", custom_id="reel-7")
        return self.until_ready(lambda: tasks.retrieve(made.task_id))

    def new_embedding(self) -> str:
        tasks = self.client.embed.tasks
        made = tasks.create(
            model_name="marengo3.0",
            video_file=(self.clip.name, self.content),
            video_clip_length=2,
            video_embedding_scope=["clip", "video"],
        )
        self.until_ready(lambda: tasks.status(made.id))
        return made.id

    def new_embedding_v2(self) -> Any:
        tasks = self.client.embed.v_2.tasks
        video = AsyncVideoInputRequest(
            media_source=MediaSource(asset_id=self.asset_id), embedding_option=["visual"], embedding_scope=["asset"]
        )
        made = tasks.create(input_type="video", model_name="marengo3.0", video=video)
        assert made.status in ("processing", "ready"), made.status
        return self.until_ready(lambda: tasks.retrieve(made.id))


Row = Callable[[Story], None]
ROWS: dict[str, Row] = {}


def row(name: str) -> Callable[[Row], Row]:
    def add(check: Row) -> Row:
        ROWS[name] = check
        return check

    return add


def same(got: object, wanted: object) -> None:
    """Says both when they differ, which a bare assert doesn't do outside pytest."""
    assert got == wanted, f"{got!r} is not {wanted!r}"


def refused(call: Callable[[], object], status: int) -> None:
    """The SDK makes the error of this status of it."""
    try:
        call()
    except ApiError as error:
        same(error.status_code, status)
    else:
        raise AssertionError(f"it was not refused with {status}")


# -- text -------------------------------------------------------------------------------------------------


@row("analyze")
def _(story: Story) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    answer = story.client.analyze(
        model_name="pegasus1.5",
        video=story.video(),
        prompt="Where?",
        response_format=SyncResponseFormat(type="json_schema", json_schema=schema),
    )
    same(json.loads(answer.data), {"title": "Harbour Night (sandbox)"})
    same(answer.finish_reason, "stop")
    assert answer.id and answer.usage.output_tokens


@row("analyze_stream")
def _(story: Story) -> None:
    events = list(story.client.analyze_stream(video=story.video(), prompt="Where?"))
    same([events[0].event_type, events[-1].event_type], ["stream_start", "stream_end"])
    same(events[-1].finish_reason, "stop")
    text = "".join(event.text for event in events if event.event_type == "text_generation")
    same(text, story.client.analyze(video=story.video(), prompt="Where?").data)


@row("analyze_async.tasks.create")
def _(story: Story) -> None:
    made = story.client.analyze_async.tasks.create(
        model_name="pegasus1.5", video=story.video(), prompt="Where?", max_tokens="unlimited", custom_id="reel-7"
    )
    assert made.status in ("queued", "pending", "processing", "ready"), made.status
    same(story.client.analyze_async.tasks.retrieve(made.task_id).custom_id, "reel-7")


@row("analyze_async.tasks.list")
def _(story: Story) -> None:
    made = story.new_analysis()
    page = story.client.analyze_async.tasks.list(status="ready", asset_id=story.asset_id, page_limit=1)
    same([task.task_id for task in page.data], [made.task_id])
    same((page.page_info.page, page.page_info.limit_per_page), (1, 1))


@row("analyze_async.tasks.retrieve")
def _(story: Story) -> None:
    task = story.new_analysis()
    assert "sandbox" in task.result.data and task.completed_at >= task.created_at
    same((task.custom_id, task.video_source.asset_id), ("reel-7", story.asset_id))


@row("analyze_async.tasks.delete")
def _(story: Story) -> None:
    tasks, task_id = story.client.analyze_async.tasks, story.new_analysis().task_id
    same(tasks.delete(task_id), None)
    refused(lambda: tasks.retrieve(task_id), 404)


@row("analyze_async.tasks.cancel")
def _(story: Story) -> None:
    tasks = story.client.analyze_async.tasks
    assert story.asset_id
    story.stall("analysis")
    made = tasks.create(video=story.video(), prompt="Where?")
    canceled = tasks.cancel(made.task_id)
    same((canceled.task_id, canceled.status), (made.task_id, "canceled"))
    same(tasks.retrieve(made.task_id).status, "canceled")


# -- indexes ----------------------------------------------------------------------------------------------


@row("indexes.list")
def _(story: Story) -> None:
    made = {story.new_index() for _ in range(3)}
    found = list(story.client.indexes.list(page_limit=2, model_options="visual,audio", model_family="marengo"))
    assert made <= {index.id for index in found}


@row("indexes.create")
def _(story: Story) -> None:
    name = story.name()
    assert story.client.indexes.create(index_name=name, models=MODELS).id
    refused(lambda: story.client.indexes.create(index_name=name, models=MODELS), 400)


@row("indexes.retrieve")
def _(story: Story) -> None:
    assert story.video_id
    index = story.client.indexes.retrieve(story.index_id)
    assert index.video_count >= 1
    same([model.model_name for model in index.models], ["marengo3.0"])
    same(index.addons, ["thumbnail"])


@row("indexes.update")
def _(story: Story) -> None:
    index_id, name = story.new_index(), story.name()
    same(story.client.indexes.update(index_id, index_name=name), None)
    same(story.client.indexes.retrieve(index_id).index_name, name)


@row("indexes.delete")
def _(story: Story) -> None:
    index_id = story.new_index()
    same(story.client.indexes.delete(index_id), None)
    refused(lambda: story.client.indexes.retrieve(index_id), 404)


# -- assets -----------------------------------------------------------------------------------------------


@row("assets.list")
def _(story: Story) -> None:
    wanted = {"asset_ids": [story.asset_id], "asset_types": ["video"], "filename": story.clip.name}
    same([asset.id for asset in story.client.assets.list(**wanted, page_limit=1)], [story.asset_id])


@row("assets.create")
def _(story: Story) -> None:
    metadata = {"reel": 7, "tags": ["night", "ferry"]}
    asset = story.client.assets.create(
        method="direct",
        file=("other.mp4", story.content),
        filename="other.mp4",
        enable_hls=True,
        enable_thumbnail=True,
        user_metadata=json.dumps(metadata),
    )
    same((asset.method, asset.filename), ("direct", "other.mp4"))
    assert asset.status in ("processing", "ready"), asset.status
    same(asset.user_metadata, metadata)
    same(story.client.assets.create(method="url", url=story.link).method, "url")


@row("assets.retrieve")
def _(story: Story) -> None:
    asset = story.client.assets.retrieve(story.asset_id)
    same((asset.method, asset.status, asset.filename), ("multipart", "ready", story.clip.name))
    same((asset.size, asset.file_type, asset.error), (len(story.content), "video/mp4", None))
    assert 5.9 < asset.duration < 6.1, asset.duration


@row("assets.delete")
def _(story: Story) -> None:
    assert story.video_id
    refused(lambda: story.client.assets.delete(story.asset_id), 409)
    asset_id = story.new_asset()
    same(story.client.assets.delete(asset_id, force=True), None)
    refused(lambda: story.client.assets.retrieve(asset_id), 404)


# -- multipart upload ---------------------------------------------------------------------------------------


@row("multipart_upload.create")
def _(story: Story) -> None:
    session = story.new_session()
    same([url.chunk_index for url in session.upload_urls], [1, 2])
    same(session.total_chunks, -(-len(story.content) // session.chunk_size))
    assert session.upload_id and session.asset_id and session.upload_headers and session.expires_at


@row("multipart_upload.list_incomplete_uploads")
def _(story: Story) -> None:
    made = {story.new_session().upload_id for _ in range(2)}
    assert made <= {upload.upload_id for upload in story.client.multipart_upload.list_incomplete_uploads(page_limit=1)}


@row("multipart_upload.get_status")
def _(story: Story) -> None:
    session = story.new_session()
    chunks = list(story.client.multipart_upload.get_status(session.upload_id, page_limit=2))
    same([chunk.index for chunk in chunks], list(range(1, session.total_chunks + 1)))
    same({chunk.status for chunk in chunks}, {"pending"})


@row("multipart_upload.get_additional_presigned_urls")
def _(story: Story) -> None:
    upload_id = story.new_session().upload_id
    more = story.client.multipart_upload.get_additional_presigned_urls(upload_id, start=2, count=2)
    same([url.chunk_index for url in more.upload_urls], [2, 3])
    same((more.start_index, more.count), (2, 2))


@row("multipart_upload.report_chunk_batch")
def _(story: Story) -> None:
    uploads, session = story.client.multipart_upload, story.new_session()
    part = story.clip.with_name("part")
    part.write_bytes(story.content[: session.chunk_size])
    proof = uploads._upload_chunk_to_s3(part, session.upload_urls[0].url)
    chunk = {"chunk_index": 1, "proof_type": "etag", "chunk_size": session.chunk_size}
    report = uploads.report_chunk_batch(session.upload_id, completed_chunks=[CompletedChunk(proof=proof, **chunk)])
    same((report.processed_chunks, report.duplicate_chunks, report.total_completed, report.url), (1, 0, 1, None))
    wrong = CompletedChunk(proof="0" * 32, **chunk)
    refused(lambda: uploads.report_chunk_batch(session.upload_id, completed_chunks=[wrong]), 400)


@row("multipart_upload.upload_file")
def _(story: Story) -> None:
    seen: list[float] = []
    result = story.client.multipart_upload.upload_file(
        story.clip, file_type="video", batch_size=2, progress_callback=lambda progress: seen.append(progress.percentage)
    )
    same((sorted(seen), seen[-1]), (seen, 100))
    assert result.asset_url
    same(story.ready_asset(result.asset_id), result.asset_id)


@row("multipart_upload.wait_for_upload_completion")
def _(story: Story) -> None:
    known = len(_sessions(story))
    story.client.multipart_upload.upload_file(story.clip)
    (session,) = _sessions(story)[known:]
    done = story.client.multipart_upload.wait_for_upload_completion(session["upload_id"], sleep_interval=0.01)
    same(done.status, "completed")


def _sessions(story: Story) -> list[dict[str, Any]]:
    """The upload sessions in the sandbox's ledger: the SDK doesn't tell the id of one that it made by itself."""
    with urllib.request.urlopen(urljoin(story.base_url, "/sandbox/ledger")) as answer:
        return json.load(answer)["sessions"]


# -- indexed assets and videos ------------------------------------------------------------------------------


@row("indexes.indexed_assets.list")
def _(story: Story) -> None:
    indexed = story.client.indexes.indexed_assets
    indexed.update(story.index_id, story.video_id, user_metadata={"listed": "yes"})
    for wanted in (
        {"user_metadata": {"listed": "yes"}},
        {"status": ["ready", "validating"]},
        {"filename": story.clip.name},
    ):
        found = {item.id: item for item in indexed.list(story.index_id, page_limit=1, **wanted)}
        same((story.video_id in found, found[story.video_id].asset_id), (True, story.asset_id))
    same(list(indexed.list(story.index_id, user_metadata={"listed": "no"})), [])


@row("indexes.indexed_assets.create")
def _(story: Story) -> None:
    index_id, indexed = story.new_index(), story.client.indexes.indexed_assets
    made = indexed.create(index_id, asset_id=story.asset_id, user_metadata={"reel": 7, "tags": ["night"]})
    same(made.asset_id, story.asset_id)
    same(indexed.retrieve(index_id, made.id).user_metadata, {"reel": 7, "tags": ["night"]})


@row("indexes.indexed_assets.retrieve")
def _(story: Story) -> None:
    item = story.client.indexes.indexed_assets.retrieve(
        story.index_id, story.video_id, transcription=True, embedding_option=["visual", "transcription"]
    )
    same((item.asset_id, item.system_metadata.filename), (story.asset_id, story.clip.name))
    same([line.value for line in item.transcription], LINES)
    same((item.hls.status, item.embedding.model_name), ("COMPLETE", "marengo3.0"))
    kinds = {segment.embedding_option for segment in item.embedding.video_embedding.segments}
    same(kinds, {"visual", "transcription"})


@row("indexes.indexed_assets.update")
def _(story: Story) -> None:
    indexed = story.client.indexes.indexed_assets
    metadata = {"shot": "wide", "night": True, "tags": ["a", "b"], "gone": None}
    same(indexed.update(story.index_id, story.video_id, user_metadata=metadata), None)
    stored = indexed.retrieve(story.index_id, story.video_id).user_metadata
    same((stored["shot"], stored["night"], stored["tags"], "gone" in stored), ("wide", True, ["a", "b"], False))


@row("indexes.indexed_assets.delete")
def _(story: Story) -> None:
    index_id = story.new_index()
    same(story.client.indexes.indexed_assets.delete(index_id, story.new_video(index_id)), None)
    same(list(story.client.indexes.indexed_assets.list(index_id)), [])


@row("indexes.videos.list")
def _(story: Story) -> None:
    wanted = {"filename": story.clip.name, "width": 640}
    for more in ({}, {"duration": {"gte": 5, "lte": 7}}):
        found = {
            one.id: one for one in story.client.indexes.videos.list(story.index_id, page_limit=1, **wanted, **more)
        }
        assert story.video_id in found, more
    same(list(story.client.indexes.videos.list(story.index_id, duration={"gte": 60})), [])


@row("indexes.videos.retrieve")
def _(story: Story) -> None:
    video = story.client.indexes.videos.retrieve(story.index_id, story.video_id, transcription=True)
    same((video.id, video.asset_id, video.system_metadata.height), (story.video_id, story.asset_id, 360))
    same([line.value for line in video.transcription], LINES)


@row("indexes.videos.update")
def _(story: Story) -> None:
    videos = story.client.indexes.videos
    same(videos.update(story.index_id, story.video_id, user_metadata={"take": 7}), None)
    same(videos.retrieve(story.index_id, story.video_id).user_metadata["take"], 7)


@row("indexes.videos.delete")
def _(story: Story) -> None:
    index_id = story.new_index()
    same(story.client.indexes.videos.delete(index_id, story.new_video(index_id)), None)
    same(list(story.client.indexes.videos.list(index_id)), [])


# -- search -----------------------------------------------------------------------------------------------


@row("search.create")
def _(story: Story) -> None:
    assert story.video_id
    found = story.client.search.create(
        index_id=story.index_id,
        search_options=["visual", "transcription"],
        query_text="red car",
        filter='{"duration": {"gte": 5}}',
        include_user_metadata=True,
        operator="or",
    )
    hit = found.data[0]
    same((hit.video_id, hit.rank, hit.transcription, hit.start, hit.end), (story.video_id, 1, LINES[0], 0.5, 2.0))
    assert hit.thumbnail_url and found.search_pool.total_count
    by_image = story.client.search.create(
        index_id=story.index_id,
        search_options=["visual"],
        query_media_type="image",
        query_media_file=(story.image.name, story.picture),
    )
    same({one.video_id for one in by_image.data}, {story.video_id})


@row("search.query")
def _(story: Story) -> None:
    assert story.video_id
    spoken = {"index_id": story.index_id, "search_options": ["transcription"]}
    paged = list(story.client.search.query(**spoken, query_text="car ferry", page_limit=1))
    same([hit.rank for hit in paged], [1, 2])
    grouped = list(story.client.search.query(**spoken, query_text="the", group_by="video"))
    same([group.id for group in grouped], [story.video_id])
    assert grouped[0].clips
    files = [(story.image.name, story.picture), ("again.jpg", story.picture)]
    by_images = story.client.search.query(
        index_id=story.index_id, search_options=["visual"], query_media_type="image", query_media_files=files
    )
    same({one.video_id for one in by_images}, {story.video_id})


@row("search.retrieve")
def _(story: Story) -> None:
    assert story.video_id
    first = story.client.search.create(
        index_id=story.index_id, search_options=["transcription"], query_text="car ferry", page_limit=1
    )
    second = story.client.search.retrieve(first.page_info.next_page_token)
    same([hit.rank for hit in second.data], [2])
    assert second.page_info.next_page_token is None and second.page_info.prev_page_token


# -- tasks ------------------------------------------------------------------------------------------------


@row("tasks.list")
def _(story: Story) -> None:
    task = story.new_task()
    found = story.client.tasks.list(index_id=task.index_id, status=["ready", "failed"], page_limit=1, width=640)
    same([one.id for one in found], [task.id])


@row("tasks.create")
def _(story: Story) -> None:
    made = story.client.tasks.create(index_id=story.new_index(), video_url=story.link, enable_video_stream=False)
    assert made.id and made.video_id and made.id != made.video_id


@row("tasks.create_bulk")
def _(story: Story) -> None:
    files = [(story.clip.name, story.content)]
    made = story.client.tasks.create_bulk(index_id=story.new_index(), video_files=files, video_urls=[story.link])
    same(len({task.id for task in made}), 2)


@row("tasks.retrieve")
def _(story: Story) -> None:
    task = story.new_task()
    same((task.system_metadata.filename, task.hls.status), (story.clip.name, "COMPLETE"))
    same(story.client.indexes.videos.retrieve(task.index_id, task.video_id).user_metadata, {"reel": 1})


@row("tasks.wait_for_done")
def _(story: Story) -> None:
    made = story.client.tasks.create(index_id=story.new_index(), video_url=story.link, enable_video_stream=False)
    done = story.client.tasks.wait_for_done(made.id, sleep_interval=0.01)
    same((done.id, done.status, done.hls), (made.id, "ready", None))


@row("tasks.delete")
def _(story: Story) -> None:
    task = story.new_task()
    refused(lambda: story.client.tasks.delete(task.id), 400)
    story.client.indexes.videos.delete(task.index_id, task.video_id)
    same(story.client.tasks.delete(task.id), None)
    same(list(story.client.tasks.list(index_id=task.index_id)), [])


# -- entities -----------------------------------------------------------------------------------------------


@row("entity_collections.list")
def _(story: Story) -> None:
    made = [story.new_collection() for _ in range(2)]
    found = list(story.client.entity_collections.list(sort_by="created_at", sort_option="desc", page_limit=1))
    same([collection.id for collection in found][:2], made[::-1])


@row("entity_collections.create")
def _(story: Story) -> None:
    name = story.name("team")
    collection = story.client.entity_collections.create(name=name, description="Players")
    same((collection.name, collection.description), (name, "Players"))
    assert collection.id and collection.created_at


@row("entity_collections.retrieve")
def _(story: Story) -> None:
    collection_id = story.new_collection()
    same(story.client.entity_collections.retrieve(collection_id).id, collection_id)


@row("entity_collections.update")
def _(story: Story) -> None:
    changed = story.client.entity_collections.update(story.new_collection(), name="first team")
    same((changed.name, changed.description), ("first team", "Players"))


@row("entity_collections.delete")
def _(story: Story) -> None:
    collection_id = story.new_collection()
    same(story.client.entity_collections.delete(collection_id), None)
    refused(lambda: story.client.entity_collections.retrieve(collection_id), 404)


@row("entity_collections.entities.list")
def _(story: Story) -> None:
    collection_id, entity = story.new_entity()
    found = story.client.entity_collections.entities.list(collection_id, name="Kim", status="ready", page_limit=1)
    same([one.id for one in found], [entity.id])


@row("entity_collections.entities.create")
def _(story: Story) -> None:
    collection_id, entity = story.new_entity()
    same((entity.name, entity.metadata, entity.entity_collection_id), ("Kim", {"number": 1}, collection_id))


@row("entity_collections.entities.create_bulk")
def _(story: Story) -> None:
    kim = EntitiesCreateBulkRequestEntitiesItem(name="Kim", asset_ids=[story.new_image()])
    lee = EntitiesCreateBulkRequestEntitiesItem(name="Lee", asset_ids=["0" * 24])
    made = story.client.entity_collections.entities.create_bulk(story.new_collection(), entities=[kim, lee])
    same((made.success_count, made.failed_count, made.entities[0].name), (1, 1, "Kim"))
    same((made.errors[0].entity_index, made.errors[0].entity_name), (1, "Lee"))


@row("entity_collections.entities.retrieve")
def _(story: Story) -> None:
    collection_id, entity = story.new_entity()
    same(story.client.entity_collections.entities.retrieve(collection_id, entity.id), entity)


@row("entity_collections.entities.update")
def _(story: Story) -> None:
    collection_id, entity = story.new_entity()
    changed = story.client.entity_collections.entities.update(collection_id, entity.id, metadata={"number": 12})
    same((changed.name, changed.metadata), ("Kim", {"number": 12}))


@row("entity_collections.entities.delete")
def _(story: Story) -> None:
    collection_id, entity = story.new_entity()
    same(story.client.entity_collections.entities.delete(collection_id, entity.id), None)
    same(list(story.client.entity_collections.entities.list(collection_id)), [])


@row("entity_collections.entities.create_assets")
def _(story: Story) -> None:
    collection_id, entity = story.new_entity()
    image_id = story.new_image()
    changed = story.client.entity_collections.entities.create_assets(collection_id, entity.id, asset_ids=[image_id])
    same(changed.asset_ids, [*entity.asset_ids, image_id])


@row("entity_collections.entities.delete_assets")
def _(story: Story) -> None:
    collection_id, entity = story.new_entity()
    entities, image_id = story.client.entity_collections.entities, story.new_image()
    entities.create_assets(collection_id, entity.id, asset_ids=[image_id])
    same(entities.delete_assets(collection_id, entity.id, asset_ids=entity.asset_ids).asset_ids, [image_id])


# -- embeddings ---------------------------------------------------------------------------------------------


@row("embed.create")
def _(story: Story) -> None:
    made = story.client.embed.create(
        model_name="marengo3.0", text="a dog on a beach", image_file=(story.image.name, story.picture)
    )
    parts = (made.text_embedding, made.image_embedding)
    same([len(part.segments[0].float_) for part in parts], [512, 512])
    same(made.audio_embedding, None)


@row("embed.tasks.list")
def _(story: Story) -> None:
    made = {story.new_embedding() for _ in range(2)}
    assert made <= {task.id for task in story.client.embed.tasks.list(status="ready", page_limit=1)}


@row("embed.tasks.create")
def _(story: Story) -> None:
    part = {"video_clip_length": 2, "video_start_offset_sec": 0, "video_end_offset_sec": 4}
    made = story.client.embed.tasks.create(model_name="marengo3.0", video_url=story.link, **part)
    assert made.id


@row("embed.tasks.create_bulk")
def _(story: Story) -> None:
    videos = [CreateEmbeddingsTaskVideoParams(video_url=story.link) for _ in range(2)]
    made = story.client.embed.tasks.create_bulk(model_name="marengo3.0", videos=videos)
    same(len({task.id for task in made}), 2)


@row("embed.tasks.status")
def _(story: Story) -> None:
    task = story.client.embed.tasks.status(story.new_embedding())
    same((task.status, task.video_embedding.metadata.video_clip_length), ("ready", 2))


@row("embed.tasks.retrieve")
def _(story: Story) -> None:
    task = story.client.embed.tasks.retrieve(story.new_embedding(), embedding_option=["visual", "transcription"])
    kinds = {(one.embedding_option, one.embedding_scope) for one in task.video_embedding.segments}
    same(kinds, {(option, scope) for option in ("visual", "transcription") for scope in ("clip", "video")})
    same({len(one.float_) for one in task.video_embedding.segments}, {512})


@row("embed.tasks.wait_for_done")
def _(story: Story) -> None:
    made = story.client.embed.tasks.create(model_name="marengo3.0", video_url=story.link)
    same(story.client.embed.tasks.wait_for_done(made.id, sleep_interval=0.01).status, "ready")


@row("embed.v_2.create")
def _(story: Story) -> None:
    v_2, model = story.client.embed.v_2, "marengo3.0"
    text = v_2.create(input_type="text", model_name=model, text=TextInputRequest(input_text="a dog"))
    same((len(text.data[0].embedding), text.metadata), (512, None))
    source = MediaSource(asset_id=story.asset_id)
    wanted = VideoInputRequest(media_source=source, embedding_option=["visual"], embedding_scope=["asset"])
    video = v_2.create(input_type="video", model_name=model, video=wanted)
    same((video.data[0].embedding_option, video.data[0].embedding_scope), ("visual", "asset"))
    same(video.metadata.input_type, "video")


@row("embed.v_2.tasks.list")
def _(story: Story) -> None:
    made = {story.new_embedding_v2().id for _ in range(2)}
    assert made <= {task.id for task in story.client.embed.v_2.tasks.list(status="ready", page_limit=1)}


@row("embed.v_2.tasks.create")
def _(story: Story) -> None:
    assert story.new_embedding_v2().id


@row("embed.v_2.tasks.retrieve")
def _(story: Story) -> None:
    task = story.new_embedding_v2()
    same((len(task.data[0].embedding), task.error), (512, None))
    assert 5.9 < task.metadata.duration < 6.1, task.metadata.duration


# -- the run ------------------------------------------------------------------------------------------------


def methods_of(client: object, prefix: str = "") -> Iterator[str]:
    """The SDK's own surface: public methods of the client and, with dots, of what hangs on it."""
    for name in dir(client):
        # The raw twin has every method once more, with the answer's headers.
        if name.startswith("_") or name == "with_raw_response":
            continue
        value = getattr(client, name)
        if inspect.ismethod(value):
            yield f"{prefix}{name}"
        elif hasattr(value, "with_raw_response"):
            yield from methods_of(value, f"{prefix}{name}.")


def result(name: str, story: Story) -> str:
    if name not in ROWS:
        return "no row"
    try:
        ROWS[name](story)
    except Exception:  # whatever it is, it is this row's result
        return traceback.format_exc()
    return "ok"


if __name__ == "__main__":
    story = Story(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    names = sorted({*methods_of(story.client), *ROWS})
    print(json.dumps({name: result(name, story) for name in names}))
