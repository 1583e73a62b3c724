"""Embeddings, first generation: `/embed` for text, image and sound at once, `/embed/tasks` for video."""

from __future__ import annotations

from typing import Any

from tlsync.sandbox.calls import Call
from tlsync.sandbox.core import Core
from tlsync.sandbox.embedding_tasks import EmbeddingTask, EmbeddingTasks, Request
from tlsync.sandbox.embeddings import CLIP_S, DIMENSIONS, Embedding, check_options, image_text, vector
from tlsync.sandbox.facts import Kind
from tlsync.sandbox.fields import TextFields
from tlsync.sandbox.forms import Form
from tlsync.sandbox.refusals import Refusal, invalid, not_provided
from tlsync.sandbox.settings import MIB
from tlsync.sandbox.sources import Source, Sources
from tlsync.sandbox.wire import Response, json_response

MODELS = ("marengo3.0", "Marengo-retrieval-2.7")
LATER_MODELS = ("marengo3.0",)
TEXT_WORDS = {"marengo3.0": 500, "Marengo-retrieval-2.7": 77}
FILE_LIMIT_BYTES = 2048 * MIB


class EmbedV1:
    def __init__(self, core: Core, sources: Sources, tasks: EmbeddingTasks) -> None:
        self._core = core
        self._sources = sources
        self._tasks = tasks

    def create(self, call: Call) -> Response:
        form = call.form(FILE_LIMIT_BYTES)
        fields = form.fields
        model = self._read_model(fields)
        answer: dict[str, Any] = {"model_name": model}
        text = self._read_text(fields, model)
        if text is not None:
            answer["text_embedding"] = {"segments": [{"float": vector(text, DIMENSIONS[model])}]}
        start_s = fields.number("audio_start_offset_sec", low=0) or 0.0
        image = self._part(form, "image", lambda source: _image(source, model))
        audio = self._part(form, "audio", lambda source: _audio(source, model, start_s))
        fields.done()
        answer |= {"image_embedding": image} if image is not None else {}
        answer |= {"audio_embedding": audio} if audio is not None else {}
        if len(answer) == 1:
            raise not_provided("text, image or audio")
        return json_response(200, answer)

    def list_page(self, call: Call) -> Response:
        return json_response(200, self._tasks.list_page(call, 1))

    def create_task(self, call: Call) -> Response:
        form = call.form(FILE_LIMIT_BYTES)
        fields = form.fields
        model = self._read_model(fields)
        source = self._source(form, "video")
        if source is None:
            raise not_provided("video_file or video_url")
        start_s = fields.number("video_start_offset_sec", low=0)
        end_s = fields.number("video_end_offset_sec", low=0)
        clip_s = fields.number("video_clip_length", low=2, high=10) or CLIP_S
        scopes = fields.items("video_embedding_scope", choices=("clip", "video")) or ["clip"]
        fields.done()
        length_s = source.facts.duration_s
        if (start_s is None) != (end_s is None):
            raise invalid("Give both offsets or neither.")
        start_s, end_s = start_s or 0.0, length_s if end_s is None else end_s
        if not start_s + clip_s <= end_s <= length_s + 0.001 and (start_s or end_s != length_s):
            raise invalid(f"The offsets must be at least {clip_s:g} s apart and within {length_s:.3f} s.")
        name = source.filename or "video"
        options = tuple(_options(model))
        embedding = Embedding(model, name, source.facts, options, tuple(scopes), start_s, min(end_s, length_s), clip_s)
        metadata = {
            **_input(source),
            "video_clip_length": clip_s,
            "video_embedding_scope": scopes,
            "duration": length_s,
        }
        return json_response(200, {"_id": self._tasks.add(1, Request("video", embedding, metadata))})

    def status(self, call: Call) -> Response:
        call.query().done()
        return json_response(200, self._short(self._tasks.get(call, 1)))

    def retrieve(self, call: Call) -> Response:
        task = self._tasks.get(call, 1)
        query = call.query()
        options = query.items("embedding_option")
        query.done()
        embedding = task.request.embedding
        check_options(embedding.model, options or [])
        view = {**self._short(task), **self._tasks.times(task)}
        if view["status"] != "ready":
            return json_response(200, {**view, "video_embedding": None})
        segments = [one for one in embedding.segments() if options is None or one["embedding_option"] in options]
        block = {"metadata": task.request.metadata, "segments": segments}
        return json_response(200, {**view, "video_embedding": block})

    def _short(self, task: EmbeddingTask) -> dict[str, Any]:
        return {
            "_id": task.id,
            "status": self._tasks.status(task),
            "model_name": task.request.embedding.model,
            "video_embedding": {"metadata": task.request.metadata},
        }

    def _read_model(self, fields: TextFields) -> str:
        return fields.text("model_name", choices=LATER_MODELS if self._core.settings.is_later else MODELS)

    def _read_text(self, fields: TextFields, model: str) -> str | None:
        """The text, cut to what the model takes, or refused when 2.7 may not cut it."""
        text = fields.optional_text("text", shortest=1)
        truncate = "end"
        if not self._core.settings.is_later:
            truncate = fields.optional_text("text_truncate", choices=("start", "end", "none")) or "end"
        words, most = (text or "").split(), TEXT_WORDS[model]
        if text is None or len(words) <= most:
            return text
        if model == "marengo3.0" or truncate == "end":
            return " ".join(words[:most])
        if truncate == "start":
            return " ".join(words[-most:])
        raise invalid(f"The text is longer than {most} tokens.")

    def _part(self, form: Form, kind: Kind, embed: Any) -> dict[str, Any] | None:
        """One block of the answer; what is wrong with it is said in it, and the status stays 200."""
        try:
            source = self._source(form, kind)
        except Refusal as refusal:
            return {"error_message": refusal.message}
        return None if source is None else {"metadata": _input(source), **embed(source)}

    def _source(self, form: Form, kind: Kind) -> Source | None:
        """The URL wins over the file."""
        url, part = form.fields.optional_text(f"{kind}_url"), form.files.get(f"{kind}_file")
        if url is not None:
            return self._sources.read_url(url, (kind,))
        return None if part is None else self._sources.read_part(part, (kind,))


def _image(source: Source, model: str) -> dict[str, Any]:
    return {"segments": [{"float": vector(image_text(source.sha256, source.facts), DIMENSIONS[model])}]}


def _audio(source: Source, model: str, start_s: float) -> dict[str, Any]:
    name, facts = source.filename or "audio", source.facts
    if start_s >= facts.duration_s:
        return {"error_message": f"audio_start_offset_sec is beyond the end, {facts.duration_s:.3f} s."}
    embedding = Embedding(model, name, facts, ("audio",), ("clip",), start_s, facts.duration_s)
    wanted = ("float", "start_offset_sec", "end_offset_sec")
    return {"segments": [{key: segment[key] for key in wanted} for segment in embedding.segments()]}


def _options(model: str) -> tuple[str, ...]:
    return ("visual", "audio", "transcription") if model == "marengo3.0" else ("visual-text", "audio")


def _input(source: Source) -> dict[str, str]:
    return {"input_url": source.url} if source.url else {"input_filename": source.filename or ""}
