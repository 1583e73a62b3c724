"""Namespaces `embed` (v1), `embed.tasks`, `embed.v_2` and `embed.v_2.tasks`: vectors of texts, images, audio, video.

Source: API reference v1.3 of 2025-11-17, "Create embeddings v1" and "v2".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tlsync.api.encoding import Upload
from tlsync.api.namespace import Namespace
from tlsync.api.pages import PAGE_LIMIT, Pages
from tlsync.api.routes import Lifetime, Repeat, Route, serves
from tlsync.api.transport import Ask, Transport
from tlsync.api.types import (
    Created,
    EmbeddingResponse,
    EmbeddingSuccessResponse,
    EmbeddingTask,
    ImageInput,
    Json,
    MediaEmbeddingTask,
    MediaInput,
    Page,
    TextImageInput,
    TextInput,
)

_PATIENCE_S = 300.0


def _old(
    verb: str, path: str, *, instead: str, repeat: Repeat | None = None, costs_money: bool = False, group: str = ""
) -> Route:
    return Route(
        verb,
        path,
        repeat=repeat,
        costs_money=costs_money,
        group=group,
        read_timeout_s=_PATIENCE_S if costs_money else None,
        lifetime=Lifetime.DEPRECATED,
        instead=instead,
    )


CREATE = _old("POST", "/embed", instead="embed.v_2.create", repeat=Repeat.COSTS, costs_money=True, group="embed")
LIST_TASKS = _old("GET", "/embed/tasks", instead="embed.v_2.tasks.list")
CREATE_TASK = _old("POST", "/embed/tasks", instead="embed.v_2.tasks.create", costs_money=True, group="embed")
TASK_STATUS = _old("GET", "/embed/tasks/{task_id}/status", instead="embed.v_2.tasks.retrieve")
RETRIEVE_TASK = _old("GET", "/embed/tasks/{task_id}", instead="embed.v_2.tasks.retrieve")

CREATE_V2 = Route("POST", "/embed-v2", repeat=Repeat.COSTS, costs_money=True, group="embed", read_timeout_s=_PATIENCE_S)
LIST_TASKS_V2 = Route("GET", "/embed-v2/tasks")
CREATE_TASK_V2 = Route("POST", "/embed-v2/tasks", costs_money=True, group="embed")
RETRIEVE_TASK_V2 = Route("GET", "/embed-v2/tasks/{task_id}")


class EmbedTasks(Namespace):
    """`client.embed.tasks`."""

    @serves(LIST_TASKS)
    def list(
        self,
        *,
        page: int = 1,
        page_limit: int = PAGE_LIMIT,
        started_at: str | None = None,
        ended_at: str | None = None,
        status: str | None = None,
    ) -> Pages[MediaEmbeddingTask]:
        """Video embedding tasks, newest first; of the last seven days unless told otherwise.

        Args:
            started_at: RFC 3339; only those made after it. `ended_at`: before it.
            status: processing, ready or failed.
        """
        query = {"started_at": started_at, "ended_at": ended_at, "status": status}
        return self._pages(LIST_TASKS, Page[MediaEmbeddingTask], page=page, page_limit=page_limit, query=query)

    @serves(CREATE_TASK)
    def create(
        self,
        *,
        model_name: str,
        video_file: Upload | None = None,
        video_url: str | None = None,
        video_start_offset_sec: float | None = None,
        video_end_offset_sec: float | None = None,
        video_clip_length: float | None = None,
        video_embedding_scope: Sequence[str] | None = None,
    ) -> Created:
        """Start the embedding of a video of at most 2 GB.

        Args:
            video_start_offset_sec: Seconds; together with `video_end_offset_sec` or not at all.
            video_clip_length: Seconds per clip, 2 to 10; 6 by default.
            video_embedding_scope: `clip`, or `clip` and `video`.
        """
        form = {
            "model_name": model_name,
            "video_url": video_url,
            "video_start_offset_sec": video_start_offset_sec,
            "video_end_offset_sec": video_end_offset_sec,
            "video_clip_length": video_clip_length,
            "video_embedding_scope": video_embedding_scope,
        }
        return self._transport.answer(CREATE_TASK, Created, Ask(form=form, files={"video_file": video_file}))

    @serves(TASK_STATUS)
    def status(self, task_id: str) -> MediaEmbeddingTask:
        """State of a task, without vectors."""
        return self._transport.answer(TASK_STATUS, MediaEmbeddingTask, Ask(path={"task_id": task_id}))

    @serves(RETRIEVE_TASK)
    def retrieve(self, task_id: str, *, embedding_option: Sequence[str] | None = None) -> MediaEmbeddingTask:
        """A task with its vectors, all kinds unless `embedding_option` names some."""
        ask = Ask(path={"task_id": task_id}, query={"embedding_option": embedding_option})
        return self._transport.answer(RETRIEVE_TASK, MediaEmbeddingTask, ask)


class EmbedTasksV2(Namespace):
    """`client.embed.v_2.tasks`."""

    @serves(LIST_TASKS_V2)
    def list(
        self,
        *,
        page: int = 1,
        page_limit: int = PAGE_LIMIT,
        started_at: str | None = None,
        ended_at: str | None = None,
        status: str | None = None,
    ) -> Pages[MediaEmbeddingTask]:
        """Embedding tasks, newest first; parameters as in `embed.tasks.list`."""
        query = {"started_at": started_at, "ended_at": ended_at, "status": status}
        return self._pages(LIST_TASKS_V2, Page[MediaEmbeddingTask], page=page, page_limit=page_limit, query=query)

    @serves(CREATE_TASK_V2)
    def create(
        self,
        *,
        input_type: Literal["audio", "video"],
        model_name: str,
        audio: MediaInput | Json | None = None,
        video: MediaInput | Json | None = None,
    ) -> Created:
        """Start the embedding of audio or video of up to 4 hours; give the input that `input_type` names."""
        body = {"input_type": input_type, "model_name": model_name, "audio": audio, "video": video}
        return self._transport.answer(CREATE_TASK_V2, Created, Ask(json=body))

    @serves(RETRIEVE_TASK_V2)
    def retrieve(self, task_id: str) -> EmbeddingTask:
        """A task, with its vectors when it is ready."""
        return self._transport.answer(RETRIEVE_TASK_V2, EmbeddingTask, Ask(path={"task_id": task_id}))


class EmbedV2(Namespace):
    """`client.embed.v_2`."""

    tasks: EmbedTasksV2

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.tasks = EmbedTasksV2(transport)

    @serves(CREATE_V2)
    def create(
        self,
        *,
        input_type: Literal["text", "image", "text_image", "audio", "video"],
        model_name: str,
        text: TextInput | Json | None = None,
        image: ImageInput | Json | None = None,
        text_image: TextImageInput | Json | None = None,
        audio: MediaInput | Json | None = None,
        video: MediaInput | Json | None = None,
    ) -> EmbeddingSuccessResponse:
        """Make vectors at once: of text, an image, or up to 10 minutes of audio or video.

        Give the one input that `input_type` names.
        """
        body = {
            "input_type": input_type,
            "model_name": model_name,
            "text": text,
            "image": image,
            "text_image": text_image,
            "audio": audio,
            "video": video,
        }
        return self._transport.answer(CREATE_V2, EmbeddingSuccessResponse, Ask(json=body))


class Embed(Namespace):
    """`client.embed`."""

    tasks: EmbedTasks
    v_2: EmbedV2

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.tasks = EmbedTasks(transport)
        self.v_2 = EmbedV2(transport)

    @serves(CREATE)
    def create(
        self,
        *,
        model_name: str,
        text: str | None = None,
        text_truncate: Literal["start", "end", "none"] | None = None,
        image_url: str | None = None,
        image_file: Upload | None = None,
        audio_url: str | None = None,
        audio_file: Upload | None = None,
        audio_start_offset_sec: float | None = None,
    ) -> EmbeddingResponse:
        """Make vectors of a text, an image, audio, or several of them at once.

        Args:
            text: At most 500 tokens (77 with Marengo 2.7).
            text_truncate: Marengo 2.7 only: which end of a long text to cut.
            audio_start_offset_sec: Seconds; where to begin.
        """
        form = {
            "model_name": model_name,
            "text": text,
            "text_truncate": text_truncate,
            "image_url": image_url,
            "audio_url": audio_url,
            "audio_start_offset_sec": audio_start_offset_sec,
        }
        files = {"image_file": image_file, "audio_file": audio_file}
        return self._transport.answer(CREATE, EmbeddingResponse, Ask(form=form, files=files))
