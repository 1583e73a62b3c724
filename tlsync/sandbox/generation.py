"""Summaries, gists and free prompts: `/summarize`, `/gist`, `/generate`, `/analyze`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tlsync.sandbox import texts
from tlsync.sandbox.calls import Call, check_id
from tlsync.sandbox.core import Core
from tlsync.sandbox.fields import Fields
from tlsync.sandbox.indexed_assets import IndexedAssets
from tlsync.sandbox.refusals import invalid, not_provided, refused
from tlsync.sandbox.schema_fill import facets_of, fill
from tlsync.sandbox.settings import MIB
from tlsync.sandbox.sources import Sources
from tlsync.sandbox.texts import Span, Subject
from tlsync.sandbox.wire import Response, json_response

PROMPT_WORDS = 2000
MOST_TOKENS = 4096
LATER_MOST_TOKENS = 98_304
BODY_LIMIT_BYTES = 48 * MIB
WORDS_PER_EVENT = 4


class Generation:
    def __init__(self, core: Core, sources: Sources, indexed: IndexedAssets) -> None:
        self._core = core
        self._sources = sources
        self._indexed = indexed

    def summarize(self, call: Call) -> Response:
        fields = call.json()
        subject = self.subject_of_video(fields)
        kind = fields.text("type", choices=("summary", "chapter", "highlight"))
        prompt = fields.optional_text("prompt") or ""
        _check_prompt(prompt)
        fields.number("temperature", low=0, high=1)
        schema = read_schema(fields)
        max_tokens = fields.integer("max_tokens", low=1, high=MOST_TOKENS, default=MOST_TOKENS)
        fields.done()
        if schema is not None and kind != "summary":
            raise invalid("response_format is allowed only with type=summary.")
        answer: dict[str, Any] = {"summarize_type": kind, "id": self._core.new_generation_id()}
        if kind == "summary":
            text = _json(fill(schema, facets_of(subject))) if schema is not None else texts.summary(subject)
            answer["summary"] = cut(text, max_tokens)[0]
        elif kind == "chapter":
            answer["chapters"] = [_chapter(number, span) for number, span in enumerate(texts.chapters(subject))]
        else:
            answer["highlights"] = [_highlight(span) for span in texts.highlights(subject)]
        return json_response(200, {**answer, "usage": _usage(_json(answer))})

    def gist(self, call: Call) -> Response:
        fields = call.json()
        subject = self.subject_of_video(fields)
        kinds = fields.items("types", choices=("title", "topic", "hashtag"))
        fields.done()
        if kinds is None:
            raise not_provided("types")
        answer: dict[str, Any] = {"id": self._core.new_generation_id()}
        if "title" in kinds:
            answer["title"] = texts.title(subject)
        if "topic" in kinds:
            answer["topics"] = texts.topics(subject)
        if "hashtag" in kinds:
            answer["hashtags"] = texts.hashtags(subject)
        return json_response(200, {**answer, "usage": _usage(_json(answer))})

    def generate(self, call: Call) -> Response:
        fields = call.json()
        subject = self.subject_of_video(fields)
        prompt = fields.text("prompt")
        _check_prompt(prompt)
        fields.number("temperature", low=0, high=1)
        is_streamed = fields.boolean("stream", default=True)
        fields.done()
        return self._answer(*cut(texts.answer(subject, prompt), MOST_TOKENS), is_streamed=is_streamed)

    def analyze(self, call: Call) -> Response:
        fields = call.json(BODY_LIMIT_BYTES)
        subject = self.read_subject(fields)
        is_streamed = fields.boolean("stream", default=True)
        text, reason = self.read_and_answer(fields, subject)
        return self._answer(text, reason, is_streamed=is_streamed)

    # -- for the background tasks -------------------------------------------------------------------

    def read_subject(self, fields: Fields) -> Subject:
        """What to analyze: `video_id` in the reference, `video` afterwards."""
        if not self._core.settings.is_later:
            return self.subject_of_video(fields)
        source = self._sources.read_video_parameter(fields)
        return Subject(source.filename or "inline", source.facts)

    def read_and_answer(self, fields: Fields, subject: Subject) -> tuple[str, str]:
        """Reads the rest of the parameters; gives the text and why it ended."""
        prompt = fields.text("prompt")
        _check_prompt(prompt)
        fields.number("temperature", low=0, high=1)
        schema = read_schema(fields)
        is_later = self._core.settings.is_later
        if is_later:
            fields.optional_text("model_name", choices=("pegasus1.2", "pegasus1.5", "pegasus1.6"))
            fields.number("start_time", low=0)
            fields.number("end_time", low=0)
        most = LATER_MOST_TOKENS if is_later else MOST_TOKENS
        is_unlimited = is_later and fields.values().get("max_tokens") == "unlimited" and bool(fields.take("max_tokens"))
        max_tokens = most if is_unlimited else fields.integer("max_tokens", low=1, high=most, default=MOST_TOKENS)
        fields.done()
        text = texts.answer(subject, prompt) if schema is None else _json(fill(schema, facets_of(subject)))
        return cut(text, max_tokens)

    def subject_of_video(self, fields: Fields) -> Subject:
        """The video that `video_id` names, in an index with a Pegasus model.

        Raises:
            Refusal: Unknown, not ready, or an index that cannot generate.
        """
        item, index = self._indexed.get_ready(check_id("video_id", fields.need("video_id")))
        if index.model("pegasus") is None:
            raise refused("index_not_supported_for_generate", "The index has no Pegasus model.")
        return Subject(item.filename, item.facts)

    # -- inside -----------------------------------------------------------------------------------------

    def _answer(self, text: str, reason: str, *, is_streamed: bool) -> Response:
        generation_id = self._core.new_generation_id()
        if is_streamed:
            lines = (_json(event).encode() + b"\n" for event in _events(generation_id, text, reason))
            return Response(200, {"content-type": "application/x-ndjson"}, lines)
        answer = {"id": generation_id, "data": text, "finish_reason": reason, "usage": _usage(text)}
        return json_response(200, answer)


def read_schema(fields: Fields) -> dict[str, Any] | None:
    """The JSON Schema of `response_format`, None when free text is wanted."""
    wanted = fields.mapping("response_format")
    if wanted is None:
        return None
    shape = Fields(wanted)
    shape.text("type", choices=("json_schema",))
    schema = shape.mapping("json_schema")
    shape.done()
    if schema is None:
        raise not_provided("response_format.json_schema")
    return schema


def cut(text: str, max_tokens: int) -> tuple[str, str]:
    """At most so many tokens (here: words), and the reason for the end."""
    words = text.split(" ")
    if len(words) <= max_tokens:
        return text, "stop"
    return " ".join(words[:max_tokens]), "length"


def _check_prompt(prompt: str) -> None:
    if len(prompt.split()) > PROMPT_WORDS:
        raise refused("token_limit_exceeded", f"The prompt is longer than {PROMPT_WORDS} tokens.")


def _events(generation_id: str, text: str, reason: str) -> Iterator[dict[str, Any]]:
    yield {"event_type": "stream_start", "metadata": {"generation_id": generation_id}}
    words = text.split(" ")
    for at in range(0, len(words), WORDS_PER_EVENT):
        fragment = " ".join(words[at : at + WORDS_PER_EVENT])
        yield {"event_type": "text_generation", "text": fragment if at == 0 else f" {fragment}"}
    metadata = {"generation_id": generation_id, "usage": _usage(text)}
    yield {"event_type": "stream_end", "finish_reason": reason, "metadata": metadata}


def _chapter(number: int, span: Span) -> dict[str, Any]:
    times = _times(span)
    return {"chapter_number": number, **times, "chapter_title": span.title, "chapter_summary": span.text}


def _highlight(span: Span) -> dict[str, Any]:
    return {**_times(span), "highlight": span.title, "highlight_summary": span.text}


def _times(span: Span) -> dict[str, float]:
    return {"start": int(span.start_s), "end": int(span.end_s), "start_sec": span.start_s, "end_sec": span.end_s}


def _usage(text: str) -> dict[str, int]:
    return {"output_tokens": len(text.split())}


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
