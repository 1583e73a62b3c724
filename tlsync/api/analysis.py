"""Texts about one video: `summarize`, `gist`, `generate`, `analyze`, `analyze_stream`, and analysis in the background.

Source: API reference v1.3 of 2025-11-17, "Generate text from videos"; what is called later: SDK 1.2.2 to 1.3.6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tlsync.api.namespace import Namespace
from tlsync.api.pages import PAGE_LIMIT, Pages
from tlsync.api.routes import Lifetime, Repeat, Route, serves
from tlsync.api.streams import AnalysisStream, parse_generation
from tlsync.api.transport import Ask, Transport
from tlsync.api.types import (
    AnalysisTask,
    AnalyzeResult,
    Gist,
    Json,
    Page,
    ResponseFormat,
    SummarizeResponse,
    VideoSource,
)
from tlsync.models import AssetId, IndexedAssetId

_PATIENCE_S = 600.0
"""A long video is thought about for minutes before the first byte comes."""


def _generation(path: str, *, instead: str = "", group: str = "") -> Route:
    return Route(
        "POST",
        path,
        repeat=Repeat.COSTS,
        costs_money=True,
        group=group,
        read_timeout_s=_PATIENCE_S,
        lifetime=Lifetime.REMOVED if instead else Lifetime.LIVE,
        instead=instead,
    )


SUMMARIZE = _generation("/summarize", instead="POST /analyze with a response_format of type json_schema")
GIST = _generation("/gist", instead="POST /analyze with a response_format of type json_schema")
GENERATE = _generation("/generate", instead="POST /analyze")
ANALYZE = _generation("/analyze", group="analyze")

LIST_TASKS = Route("GET", "/analyze/tasks", in_reference=False)
CREATE_TASK = Route("POST", "/analyze/tasks", costs_money=True, group="analyze", in_reference=False)
RETRIEVE_TASK = Route("GET", "/analyze/tasks/{task_id}", in_reference=False)
DELETE_TASK = Route("DELETE", "/analyze/tasks/{task_id}", in_reference=False)
CANCEL_TASK = Route("POST", "/analyze/tasks/{task_id}/cancel", repeat=Repeat.HARMLESS, in_reference=False)


class Analysis(Namespace):
    """The methods that hang off the client itself."""

    @serves(SUMMARIZE)
    def summarize(
        self,
        *,
        video_id: IndexedAssetId,
        type: Literal["summary", "chapter", "highlight"],
        prompt: str | None = None,
        temperature: float | None = None,
        response_format: ResponseFormat | Json | None = None,
        max_tokens: int | None = None,
    ) -> SummarizeResponse:
        """A summary, chapters or highlights.

        Args:
            prompt: Audience, tone and the like; at most 2,000 tokens.
            temperature: 0 to 1.
            response_format: With `type="summary"` only.
            max_tokens: At most 4,096.

        Raises:
            Gone: The server no longer has this endpoint.
        """
        body = {
            "video_id": video_id,
            "type": type,
            "prompt": prompt,
            "temperature": temperature,
            "response_format": response_format,
            "max_tokens": max_tokens,
        }
        return self._transport.answer(SUMMARIZE, SummarizeResponse, Ask(json=body))

    @serves(GIST)
    def gist(self, *, video_id: IndexedAssetId, types: Sequence[Literal["title", "topic", "hashtag"]]) -> Gist:
        """Title, topics and hashtags, as far as asked for.

        Raises:
            Gone: The server no longer has this endpoint.
        """
        return self._transport.answer(GIST, Gist, Ask(json={"video_id": video_id, "types": types}))

    @serves(GENERATE)
    def generate(self, *, video_id: IndexedAssetId, prompt: str, temperature: float | None = None) -> AnalyzeResult:
        """The older name of `analyze`.

        Raises:
            Gone: The server no longer has this endpoint.
        """
        # Streaming is the default of the wire.
        body = {"video_id": video_id, "prompt": prompt, "temperature": temperature, "stream": False}
        return self._transport.answer(GENERATE, AnalyzeResult, Ask(json=body), parse=parse_generation)

    @serves(ANALYZE)
    def analyze(
        self,
        *,
        prompt: str,
        video_id: IndexedAssetId | None = None,
        video: VideoSource | Json | None = None,
        temperature: float | None = None,
        response_format: ResponseFormat | Json | None = None,
        max_tokens: int | None = None,
        model_name: str | None = None,
        start_time: float | None = None,
        end_time: float | None = None,
    ) -> AnalyzeResult:
        """Answer a prompt about a video, as one text. May take minutes.

        Args:
            prompt: At most 2,000 tokens.
            video_id: The video in its index. Newest servers know only `video`.
            video: Later form of the same, without an index.
            temperature: 0 to 1.
            response_format: Have the text follow a JSON schema; it is still text in `data`.
            max_tokens: At most 4,096 in the reference.
            model_name: Later, as the two that follow.
            start_time: Seconds; the part of the video to look at, with `end_time`.

        Raises:
            Rejected: Among others `token_limit_exceeded`, `index_not_supported_for_generate`, and `parameter_unknown`
                where the server does not take this form of naming the video.
        """
        body = {
            "video_id": video_id,
            "video": video,
            "prompt": prompt,
            "temperature": temperature,
            "response_format": response_format,
            "max_tokens": max_tokens,
            "model_name": model_name,
            "start_time": start_time,
            "end_time": end_time,
            "stream": False,
        }
        return self._transport.answer(ANALYZE, AnalyzeResult, Ask(json=body), parse=parse_generation)

    @serves(ANALYZE)
    def analyze_stream(
        self,
        *,
        prompt: str,
        video_id: IndexedAssetId | None = None,
        video: VideoSource | Json | None = None,
        temperature: float | None = None,
        response_format: ResponseFormat | Json | None = None,
        max_tokens: int | None = None,
        model_name: str | None = None,
        start_time: float | None = None,
        end_time: float | None = None,
    ) -> AnalysisStream:
        """Answer a prompt about a video, piece by piece; parameters as in `analyze`.

        Returns:
            The events, for use in a `with` block.
        """
        body = {
            "video_id": video_id,
            "video": video,
            "prompt": prompt,
            "temperature": temperature,
            "response_format": response_format,
            "max_tokens": max_tokens,
            "model_name": model_name,
            "start_time": start_time,
            "end_time": end_time,
            "stream": True,
        }
        return AnalysisStream(str(ANALYZE), self._transport.lines(ANALYZE, Ask(json=body)))


class AnalysisTasks(Namespace):
    """`client.analyze_async.tasks`: later servers only."""

    @serves(CREATE_TASK)
    def create(
        self,
        *,
        video: VideoSource | Json | None = None,
        prompt: str | None = None,
        temperature: float | None = None,
        max_tokens: int | Literal["unlimited"] | None = None,
        response_format: ResponseFormat | Json | None = None,
        model_name: str | None = None,
        analysis_mode: str | None = None,
        min_segment_duration: float | None = None,
        max_segment_duration: float | None = None,
        prompt_v2: Json | None = None,
        custom_id: str | None = None,
        start_time: float | None = None,
        end_time: float | None = None,
        image: Sequence[Json] | None = None,
        idempotency_key: str | None = None,
    ) -> AnalysisTask:
        """Start an analysis in the background.

        Args:
            analysis_mode: `general` or `time_based_metadata`, which cuts the video into described segments.
            min_segment_duration: Seconds, as all times here.
            idempotency_key: Names this order, so that a server that knows the header does not run it twice. It is
                not relied on: after an unknown outcome the error has `maybe_applied`, and repeating with the same
                key is the caller's choice.
        """
        body = {
            "video": video,
            "prompt": prompt,
            "temperature": temperature,
            "max_tokens": max_tokens,
            "response_format": response_format,
            "model_name": model_name,
            "analysis_mode": analysis_mode,
            "min_segment_duration": min_segment_duration,
            "max_segment_duration": max_segment_duration,
            "prompt_v2": prompt_v2,
            "custom_id": custom_id,
            "start_time": start_time,
            "end_time": end_time,
            "image": image,
        }
        headers = {} if idempotency_key is None else {"idempotency-key": idempotency_key}
        return self._transport.answer(CREATE_TASK, AnalysisTask, Ask(json=body, headers=headers))

    @serves(LIST_TASKS)
    def list(
        self,
        *,
        page: int = 1,
        page_limit: int = PAGE_LIMIT,
        status: str | None = None,
        video_url: str | None = None,
        asset_id: AssetId | None = None,
        analysis_mode: str | None = None,
    ) -> Pages[AnalysisTask]:
        """Background analyses."""
        query = {"status": status, "video_url": video_url, "asset_id": asset_id, "analysis_mode": analysis_mode}
        return self._pages(LIST_TASKS, Page[AnalysisTask], page=page, page_limit=page_limit, query=query)

    @serves(RETRIEVE_TASK)
    def retrieve(self, task_id: str) -> AnalysisTask:
        """One analysis; its text is in `result` when it is ready."""
        return self._transport.answer(RETRIEVE_TASK, AnalysisTask, Ask(path={"task_id": task_id}))

    @serves(DELETE_TASK)
    def delete(self, task_id: str) -> None:
        """Delete an analysis; refused with 409 while it is being processed."""
        self._transport.order(DELETE_TASK, Ask(path={"task_id": task_id}))

    @serves(CANCEL_TASK)
    def cancel(self, task_id: str) -> AnalysisTask:
        """Stop an analysis."""
        return self._transport.answer(CANCEL_TASK, AnalysisTask, Ask(path={"task_id": task_id}))


class AnalyzeAsync(Namespace):
    """`client.analyze_async`."""

    tasks: AnalysisTasks

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport)
        self.tasks = AnalysisTasks(transport)
