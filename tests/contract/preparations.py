"""What the cases of a contract suite start from: a sandbox on a socket, our client, a clip, and things made of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tlsync.api import CompletedChunk, IndexModel, MultipartUploadSession, TwelveLabs
from tlsync.api.types import Entity
from tlsync.media.probe import Prober
from tlsync.media.samples import make_clip
from tlsync.models import AssetId, Cue, IndexedAssetId, IndexId
from tlsync.sandbox.server import SandboxServer
from tlsync.sandbox.settings import Platform, Timings

CHUNK_BYTES = 20_000
LINES = ["a red car at night", "the ferry leaves the harbour"]
MODELS = (
    IndexModel(model_name="marengo3.0", model_options=("visual", "audio")),
    IndexModel(model_name="pegasus1.2", model_options=("visual", "audio")),
)
_QUICK = Timings(
    asset_processing_s=0.01,
    validating_s=0.01,
    pending_s=0.01,
    queued_s=0.01,
    indexing_s=0.01,
    entity_s=0.01,
    embedding_s=0.01,
    analysis_s=0.01,
)


@dataclass(frozen=True)
class Media:
    """Real media, made once."""

    clip: Path
    picture: Path
    prober: Prober


def make_media(folder: Path, prober: Prober) -> Media:
    """A clip of six seconds with two spoken lines, and a frame of it."""
    clip, picture = folder / "harbour_night.mp4", folder / "kim.jpg"
    make_clip(clip, duration_s=6, cues=[Cue(0.5, 2.0, LINES[0]), Cue(3.0, 4.5, LINES[1])])
    picture.write_bytes(prober.read_frame_jpeg(clip, 1.0))
    return Media(clip, picture, prober)


class Place:
    """A sandbox and what was made in it. Shared things are made when first asked for; closing ends all."""

    def __init__(self, media: Media, platform: Platform) -> None:
        self.clip, self.picture = media.clip, media.picture
        self.server = SandboxServer(
            chunk_size_bytes=CHUNK_BYTES, first_urls=2, timings=_QUICK, platform=platform, media=media.prober
        ).start()
        self.client = TwelveLabs(self.server.api_key, self.server.base_url)
        self._names = 0

    def close(self) -> None:
        self.client.close()
        self.server.stop()

    def until(self, is_done: Callable[[], bool]) -> None:
        """Ask again and again until something is so."""
        deadline_s, pause = time.monotonic() + 20, threading.Event()
        while not is_done():
            assert time.monotonic() < deadline_s, "it never came to its end"
            pause.wait(0.005)

    def name(self, stem: str = "index") -> str:
        """A name that nothing has yet."""
        self._names += 1
        return f"{stem} {self._names}"

    # -- assets and uploads

    @cached_property
    def asset_id(self) -> AssetId:
        return self.new_asset()

    def new_asset(self) -> AssetId:
        """The clip, uploaded in one request."""
        asset_id = self.client.assets.create(method="direct", file=self.clip).id
        self.until(lambda: self.client.assets.retrieve(asset_id).status == "ready")
        return asset_id

    def new_image(self) -> AssetId:
        asset_id = self.client.assets.create(method="direct", file=self.picture).id
        self.until(lambda: self.client.assets.retrieve(asset_id).status == "ready")
        return asset_id

    def link(self) -> str:
        """A URL where the clip can be fetched."""
        return self.client.assets.retrieve(self.asset_id).url or ""

    def new_session(self) -> MultipartUploadSession:
        return self.client.multipart_upload.create(filename="lake.mp4", total_size=3 * CHUNK_BYTES)

    def put_chunk(self, session: MultipartUploadSession) -> CompletedChunk:
        """Send the first chunk of a session."""
        content = bytes(CHUNK_BYTES)
        url, headers = session.upload_urls[0].url, session.upload_headers
        proof = self.client.storage.put_chunk(url, lambda: iter([content]), CHUNK_BYTES, headers)
        return CompletedChunk(chunk_index=1, proof=proof, chunk_size=CHUNK_BYTES)

    # -- indexes and videos

    @cached_property
    def index_id(self) -> IndexId:
        return self.new_index()

    @cached_property
    def video_id(self) -> IndexedAssetId:
        """The clip in the shared index."""
        return self.new_video(self.index_id)

    def new_index(self) -> IndexId:
        return self.client.indexes.create(index_name=self.name(), models=MODELS, addons=["thumbnail"]).id

    def new_video(self, index_id: IndexId) -> IndexedAssetId:
        indexed = self.client.indexes.indexed_assets
        video_id = indexed.create(index_id, asset_id=self.asset_id, enable_video_stream=True).id
        self.until(lambda: indexed.retrieve(index_id, video_id).status == "ready")
        return video_id

    def new_task(self) -> Any:
        """A finished task in an index of its own."""
        tasks = self.client.tasks
        made = tasks.create(index_id=self.new_index(), video_file=self.clip, user_metadata={"reel": 1})
        self.until(lambda: tasks.retrieve(made.id).status == "ready")
        return tasks.retrieve(made.id)

    # -- entities

    def new_collection(self) -> str:
        return self.client.entity_collections.create(name=self.name("team"), description="Players").id

    def new_entity(self) -> tuple[str, Entity]:
        """An entity, after the id of its collection."""
        collection_id, entities = self.new_collection(), self.client.entity_collections.entities
        made = entities.create(collection_id, name="Kim", asset_ids=[self.new_image()], metadata={"number": 1})
        self.until(lambda: entities.retrieve(collection_id, made.id).status == "ready")
        return collection_id, entities.retrieve(collection_id, made.id)

    # -- embeddings and background analyses

    def new_embedding_task(self) -> str:
        tasks = self.client.embed.tasks
        task_id = tasks.create(
            model_name="marengo3.0", video_file=self.clip, video_clip_length=2, video_embedding_scope=["clip", "video"]
        ).id
        self.until(lambda: tasks.status(task_id).status == "ready")
        return task_id

    def video_input(self) -> dict[str, Any]:
        """The clip as an input of the second generation of embeddings."""
        source = {"asset_id": self.asset_id}
        return {"media_source": source, "embedding_option": ["visual"], "embedding_scope": ["asset"]}

    def new_embedding_task_v2(self) -> str:
        tasks = self.client.embed.v_2.tasks
        task_id = tasks.create(input_type="video", model_name="marengo3.0", video=self.video_input()).id
        self.until(lambda: tasks.retrieve(task_id).status == "ready")
        return task_id

    def video_source(self) -> dict[str, Any]:
        """The clip as newer servers want it named."""
        return {"type": "asset_id", "asset_id": self.asset_id}

    def new_analysis(self) -> str:
        tasks = self.client.analyze_async.tasks
        task_id = tasks.create(video=self.video_source(), prompt="Where?").task_id
        self.until(lambda: tasks.retrieve(task_id).status == "ready")
        return task_id
