"""Summary, chapters, highlights and gist of one video, by the way that the platform still offers.

`predefined`: POST /summarize and POST /gist, one call per kind. `analyze`: one POST /analyze with a JSON
schema for all kinds, and for media that are too long for that a task in the background. `auto` uses the first
while it answers, and remembers for a week when it does not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from tlsync.api import TwelveLabs
from tlsync.api.types import AnalyzeResult, ResponseFormat
from tlsync.engine.background import AT_ONCE_MAX_S, TOO_LONG_CODES, BackgroundAnalyses, NotOffered, is_endpoint_gone
from tlsync.engine.caps import Caps
from tlsync.engine.prices import tokens_of
from tlsync.engine.video_parameter import REMEMBERED_FOR, Video, ask_about
from tlsync.errors import BadAnswer, NotFound, Rejected
from tlsync.models import Chapter, EnrichmentKind, Gist, Highlight, IndexedAssetId
from tlsync.store.contents import Content
from tlsync.store.store import Store

Source = Literal["auto", "predefined", "analyze"]

_WAY = "texts"
_SUMMARIZE_TYPES: dict[EnrichmentKind, Literal["summary", "chapter", "highlight"]] = {
    "summary": "summary",
    "chapters": "chapter",
    "highlights": "highlight",
}


@dataclass(frozen=True, slots=True)
class Text:
    """One enrichment as it came. `value` None: the platform could not give it, for `reason`."""

    kind: EnrichmentKind
    value: Any
    source: str
    prompt_sha256: str | None = None
    reason: str | None = None


class Texts:
    """Asks the platform for texts about a video."""

    def __init__(self, client: TwelveLabs, store: Store, caps: Caps, source: Source) -> None:
        self._client = client
        self._caps = caps
        self._contents = store.contents
        self._background = BackgroundAnalyses(client, store.contents, store.analyses)
        self._source = source

    def fetch(self, content: Content, video: Video, kinds: list[EnrichmentKind]) -> Iterator[Text]:
        """Yield each wanted text as soon as it is there, so that what was paid for can be kept at once.

        A kind of which nothing is yielded is being worked on by the platform: ask again later.

        Raises:
            ApiError: Something that concerns more than this video, or that waiting may mend.
            CapReached: A cap has no room for the next call.
        """
        wanted = list(kinds)
        if self._source != "analyze" and not (self._source == "auto" and self._is_predefined_gone()):
            while wanted:
                try:
                    with self._caps.order_text(content, f"{video.video_id} {wanted[0]}") as receipt:
                        text = self._predefined(video.video_id, wanted[0])
                        receipt.is_void = text.value is None
                        receipt.tokens = tokens_of(str(text.value))
                except NotFound as error:
                    if not is_endpoint_gone(error):
                        raise
                    if self._source == "predefined":
                        yield from (_none(kind, "summarize", error.message) for kind in wanted)
                        return
                    self._contents.learn(_WAY, "analyze")
                    break
                yield text
                wanted.pop(0)
        if wanted:
            yield from self._analyzed(content, video, wanted)

    def _is_predefined_gone(self) -> bool:
        return self._contents.learned(_WAY, valid_for=REMEMBERED_FOR) == "analyze"

    # POST /summarize, POST /gist

    def _predefined(self, video_id: IndexedAssetId, kind: EnrichmentKind) -> Text:
        try:
            if kind == "gist":
                gist = self._client.gist(video_id=video_id, types=["title", "topic", "hashtag"])
                value: Any = Gist(gist.title or "", tuple(gist.topics or ()), tuple(gist.hashtags or ()))
                return Text(kind, value, "gist")
            answer = self._client.summarize(video_id=video_id, type=_SUMMARIZE_TYPES[kind])
        except Rejected as refusal:
            return _none(kind, "gist" if kind == "gist" else "summarize", refusal.message)
        if kind == "summary":
            value = answer.summary
        elif kind == "chapters":
            value = tuple(
                Chapter(
                    number=chapter.chapter_number if chapter.chapter_number is not None else position,
                    start_s=_seconds(chapter.start_sec, chapter.start),
                    end_s=_seconds(chapter.end_sec, chapter.end),
                    title=chapter.chapter_title or "",
                    summary=chapter.chapter_summary or "",
                )
                for position, chapter in enumerate(answer.chapters or ())
            )
        else:
            value = tuple(
                Highlight(
                    start_s=_seconds(highlight.start_sec, highlight.start),
                    end_s=_seconds(highlight.end_sec, highlight.end),
                    title=highlight.highlight or "",
                    summary=highlight.highlight_summary or "",
                )
                for highlight in answer.highlights or ()
            )
        if value is None:
            return _none(kind, "summarize", "the platform answered without a text")
        return Text(kind, value, "summarize")

    # POST /analyze

    def _analyzed(self, content: Content, video: Video, kinds: list[EnrichmentKind]) -> Iterator[Text]:
        prompt = _prompt(kinds)
        digest = hashlib.sha256(prompt.encode()).hexdigest()
        try:
            with self._caps.order_text(content, f"{video.video_id} {digest}") as receipt:
                answer = self._ask(content, video, digest, prompt, _schema(kinds))
                receipt.is_open = answer is None
                receipt.tokens = _tokens_of(answer) if answer is not None else None
        except Rejected as refusal:
            yield from (_none(kind, "analyze", refusal.message, digest) for kind in kinds)
            return
        if answer is None:
            return
        if answer.finish_reason == "length":
            yield from (_none(kind, "analyze", "the answer was cut at the token limit", digest) for kind in kinds)
        else:
            yield from self._taken_apart(content, answer, kinds, digest)
        self._background.taken(content, digest)

    def _taken_apart(
        self, content: Content, answer: AnalyzeResult, kinds: list[EnrichmentKind], digest: str
    ) -> Iterator[Text]:
        try:
            found = msgspec.json.decode(answer.data or "", type=_Answer)
        except msgspec.MsgspecError as error:
            self._background.spoiled(content, digest)
            raise BadAnswer(f"analyze did not keep to the schema: {error}", hint="it is tried again later") from None
        for kind in kinds:
            value = found.value_of(kind)
            if value is None:
                yield _none(kind, "analyze", "the platform answered without it", digest)
            else:
                yield Text(kind, value, "analyze", digest)

    def _ask(
        self, content: Content, video: Video, digest: str, prompt: str, schema: dict[str, Any]
    ) -> AnalyzeResult | None:
        """At once, or in the background where that would be refused; None while the platform works on it."""
        is_long = content.media.duration_s > AT_ONCE_MAX_S
        if is_long or self._background.is_under_way(content, digest):
            try:
                return self._background.ask(content, video, digest, prompt, schema)
            except NotOffered:
                pass  # the platform's own words on the length are the better reason
        wanted = ResponseFormat(json_schema=schema)
        try:
            return ask_about(
                video,
                lambda **named: self._client.analyze(prompt=prompt, response_format=wanted, **named),
                self._contents,
            )
        except Rejected as error:
            if error.remote_code not in TOO_LONG_CODES:
                raise
            refusal = error
        try:
            return self._background.ask(content, video, digest, prompt, schema)
        except NotOffered:
            raise refusal from None


def _tokens_of(answer: AnalyzeResult) -> int:
    counted = answer.usage.output_tokens if answer.usage is not None else None
    return tokens_of(answer.data or "") if counted is None else counted


def _none(kind: EnrichmentKind, source: str, reason: str, prompt_sha256: str | None = None) -> Text:
    return Text(kind, None, source, prompt_sha256, reason)


def _seconds(exact: float | None, whole: int | float | None) -> float:
    """`start_sec` superseded `start`; either may be missing (reference, Chapter and Highlight)."""
    return float(exact if exact is not None else whole or 0)


_TASKS: dict[EnrichmentKind, str] = {
    "summary": "`summary`: a summary of the video in one paragraph.",
    "chapters": "`chapters`: consecutive chapters that cover the whole video, each with start_s and end_s in seconds,"
    " a title and a one-sentence summary.",
    "highlights": "`highlights`: the most important moments, each with start_s and end_s in seconds, a title and a"
    " one-sentence summary.",
    "gist": "`gist`: a title, a few topics, and hashtags without the # sign.",
}


def _prompt(kinds: list[EnrichmentKind]) -> str:
    return "\n".join(["Describe this video for an editor's archive. Answer in JSON with:", *(_TASKS[k] for k in kinds)])


def _schema(kinds: list[EnrichmentKind]) -> dict[str, Any]:
    """Within the subset that the platform takes (reference, notes of `analyze`)."""
    text = {"type": "string"}
    texts = {"type": "array", "items": text}
    moment = {
        "type": "object",
        "properties": {"start_s": {"type": "number"}, "end_s": {"type": "number"}, "title": text, "summary": text},
        "required": ["start_s", "end_s", "title", "summary"],
    }
    parts: dict[EnrichmentKind, dict[str, Any]] = {
        "summary": text,
        "chapters": {"type": "array", "items": moment},
        "highlights": {"type": "array", "items": moment},
        "gist": {
            "type": "object",
            "properties": {"title": text, "topics": texts, "hashtags": texts},
            "required": ["title", "topics", "hashtags"],
        },
    }
    return json.loads(  # type: ignore[no-any-return]  # a copy without shared parts
        json.dumps(
            {"type": "object", "properties": {kind: parts[kind] for kind in kinds}, "required": [str(k) for k in kinds]}
        )
    )


class _Moment(msgspec.Struct):
    start_s: float
    end_s: float
    title: str
    summary: str


class _Answer(msgspec.Struct):
    """What analyze was asked to answer."""

    summary: str | None = None
    chapters: list[_Moment] | None = None
    highlights: list[_Moment] | None = None
    gist: Gist | None = None

    def value_of(self, kind: EnrichmentKind) -> Any:
        if kind == "chapters" and self.chapters is not None:
            return tuple(
                Chapter(number, part.start_s, part.end_s, part.title, part.summary)
                for number, part in enumerate(self.chapters)
            )
        if kind == "highlights" and self.highlights is not None:
            return tuple(Highlight(part.start_s, part.end_s, part.title, part.summary) for part in self.highlights)
        return getattr(self, kind)
