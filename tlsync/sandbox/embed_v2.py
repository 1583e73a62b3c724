"""Embeddings, second generation: `/embed-v2` at once, `/embed-v2/tasks` in the background. Errors are nested."""

from __future__ import annotations

from typing import Any, Literal, cast

from tlsync.sandbox.calls import Call
from tlsync.sandbox.core import Core
from tlsync.sandbox.embedding_tasks import EmbeddingTasks, Request
from tlsync.sandbox.embeddings import CLIP_S, DIMENSIONS, Embedding, image_text, vector
from tlsync.sandbox.fields import Fields
from tlsync.sandbox.refusals import invalid, not_provided
from tlsync.sandbox.settings import MIB
from tlsync.sandbox.sources import Source, Sources
from tlsync.sandbox.wire import Response, json_response
from tlsync.sandbox.words import words_of

MODELS = ("marengo3.0",)
INPUTS = ("text", "image", "text_image", "audio", "video")
OPTIONS = {"audio": ("audio", "transcription"), "video": ("visual", "audio", "transcription")}
TEXT_WORDS = 500
AT_ONCE_S = 600
SHORTEST_S = 4
LONGEST_S = 4 * 3600
DYNAMIC_S = 4
BODY_LIMIT_BYTES = 50 * MIB


class EmbedV2:
    def __init__(self, core: Core, sources: Sources, tasks: EmbeddingTasks, base_path: str) -> None:
        self._core = core
        self._sources = sources
        self._tasks = tasks
        self._base_path = base_path

    def create(self, call: Call) -> Response:
        fields = call.json(BODY_LIMIT_BYTES)
        kind, block = self._read_input(fields, INPUTS)
        if kind in OPTIONS:
            request = self._read_media(kind, block)
            if request.embedding.facts.duration_s > AT_ONCE_S:
                raise invalid("Media longer than 10 minutes need a task: POST /embed-v2/tasks.")
            return json_response(200, {"data": _data(request.embedding), "metadata": request.metadata})
        text = self._read_text(block) if kind != "image" else None
        if kind == "text":
            block.done()
            return json_response(200, {"data": [_single(text or "")]})
        source = self._sources.read_media_source(block.need("media_source"), ("image",))
        block.done()
        seen = image_text(source.sha256, source.facts)
        metadata = {"input_type": kind, **_input(source)}
        return json_response(200, {"data": [_single(seen if text is None else f"{text} {seen}")], "metadata": metadata})

    def create_task(self, call: Call) -> Response:
        fields = call.json(BODY_LIMIT_BYTES)
        kind, block = self._read_input(fields, tuple(OPTIONS))
        request = self._read_media(kind, block)
        if not SHORTEST_S <= request.embedding.facts.duration_s <= LONGEST_S:
            raise invalid("The media must be 4 seconds to 4 hours long.")
        task_id = self._tasks.add(2, request)
        location = f"{call.request.origin}{self._base_path}/embed-v2/tasks/{task_id}"
        return json_response(202, {"_id": task_id, "status": "processing", "data": None}, {"location": location})

    def list_page(self, call: Call) -> Response:
        return json_response(200, self._tasks.list_page(call, 2))

    def retrieve(self, call: Call) -> Response:
        call.query().done()
        task = self._tasks.get(call, 2)
        status = self._tasks.status(task)
        data = _data(task.request.embedding) if status == "ready" else None
        view = {"_id": task.id, "status": status, **self._tasks.times(task), "data": data}
        if status == "failed" and self._core.settings.is_later:
            view["error"] = {"message": "The sandbox was told to let this fail."}
        return json_response(200, {**view, "metadata": task.request.metadata})

    def _read_input(self, fields: Fields, kinds: tuple[str, ...]) -> tuple[str, Fields]:
        """The one block that `input_type` names."""
        kind = fields.text("input_type", choices=kinds)
        fields.text("model_name", choices=MODELS)
        given = fields.mapping(kind)
        if given is None:
            raise not_provided(kind)
        fields.done()
        return kind, Fields(given)

    def _read_text(self, block: Fields) -> str:
        text = block.text("input_text")
        if len(words_of(text)) > TEXT_WORDS:
            raise invalid(f"The input_text is longer than {TEXT_WORDS} tokens.")
        return text

    def _read_media(self, kind: str, block: Fields) -> Request:
        video_or_audio = cast(Literal["video", "audio"], kind)
        source = self._sources.read_media_source(block.need("media_source"), (video_or_audio,))
        length_s = source.facts.duration_s
        start_s = block.number("start_sec", low=0) or 0.0
        given_end_s = block.number("end_sec", low=0)
        end_s = length_s if given_end_s is None else given_end_s
        clip_s, is_fixed = self._read_segmentation(block, kind)
        options = block.items("embedding_option", choices=OPTIONS[kind]) or list(OPTIONS[kind])
        scopes = block.items("embedding_scope", choices=("clip", "asset")) or ["clip", "asset"]
        block.done()
        if not start_s < end_s <= length_s + 0.001:
            raise invalid(f"end_sec must be greater than start_sec, and at most {length_s:.3f}.")
        metadata: dict[str, Any] = {"input_type": kind, **_input(source)}
        if is_fixed and kind == "video":
            metadata["clip_length"] = int(clip_s)
        metadata |= {"embedding_options": options, "embedding_scopes": scopes, "duration": length_s}
        if start_s or given_end_s is not None:
            metadata |= {"start_offset_sec": start_s, "end_offset_sec": end_s}
        embedding = Embedding(
            MODELS[0],
            source.filename or kind,
            source.facts,
            tuple(options),
            tuple(scopes),
            start_s,
            min(end_s, length_s),
            clip_s,
            whole="asset",
            keeps_short_end=True,
        )
        return Request(video_or_audio, embedding, metadata)

    def _read_segmentation(self, block: Fields, kind: str) -> tuple[float, bool]:
        """Seconds per clip, and whether they are fixed. Dynamic cuts are even here: the sandbox sees no scenes."""
        given = block.mapping("segmentation")
        if given is None:
            return CLIP_S, kind == "audio"
        shape = Fields(given)
        strategy = shape.text("strategy", choices=("fixed",) if kind == "audio" else ("dynamic", "fixed"))
        inner = Fields(shape.mapping(strategy) or {})
        shape.done()
        if strategy == "fixed":
            length_s = inner.integer("duration_sec", low=2, high=10, default=int(CLIP_S))
        else:
            length_s = inner.integer("min_duration_sec", low=2, high=5, default=DYNAMIC_S)
        inner.done()
        return float(length_s), strategy == "fixed"


def _data(embedding: Embedding) -> list[dict[str, Any]]:
    return [
        {
            "embedding": values,
            "embedding_option": option,
            "embedding_scope": scope,
            "start_sec": start_s,
            "end_sec": end_s,
        }
        for option, scope, start_s, end_s, values in embedding.vectors()
    ]


def _single(text: str) -> dict[str, Any]:
    nothing = dict.fromkeys(("embedding_option", "embedding_scope", "start_sec", "end_sec"))
    return {"embedding": vector(text, DIMENSIONS[MODELS[0]]), **nothing}


def _input(source: Source) -> dict[str, str]:
    if source.url:
        return {"input_url": source.url}
    return {"input_filename": source.filename} if source.filename else {}
