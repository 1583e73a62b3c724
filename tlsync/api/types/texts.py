"""Generated texts, at once, streamed or made in the background."""

from __future__ import annotations

from typing import Any, Literal

from tlsync.api.types.assets import Reason
from tlsync.api.types.base import Number, Wire
from tlsync.models import AssetId


class TokenUsage(Wire, frozen=True, kw_only=True):
    """Tokens of a generation."""

    output_tokens: int | None = None
    input_tokens: int | None = None  # later


class ResponseFormat(Wire, frozen=True, kw_only=True):
    """Asks for an answer that follows a JSON Schema (a subset of draft 2020-12)."""

    json_schema: dict[str, Any]
    type: str = "json_schema"


class VideoSource(Wire, frozen=True, kw_only=True):
    """The video to analyze (later form): `type` names which of the three other fields is set."""

    type: Literal["asset_id", "url", "base64_string"]
    asset_id: AssetId | None = None
    url: str | None = None
    base64_string: str | None = None


class Chapter(Wire, frozen=True, kw_only=True):
    """One of the consecutive parts of a video; the first has number 0. `start` and `end` are whole seconds."""

    chapter_number: int | None = None
    start: Number | None = None
    end: Number | None = None
    start_sec: Number | None = None
    end_sec: Number | None = None
    chapter_title: str | None = None
    chapter_summary: str | None = None


class Highlight(Wire, frozen=True, kw_only=True):
    """A main moment; `highlight` is its title. `start` and `end` are whole seconds."""

    start: Number | None = None
    end: Number | None = None
    start_sec: Number | None = None
    end_sec: Number | None = None
    highlight: str | None = None
    highlight_summary: str | None = None


class SummarizeResponse(Wire, frozen=True, kw_only=True):
    """What was asked for: `summary`, `chapters` or `highlights`. `summarize_type` may be missing."""

    summarize_type: str | None = None
    id: str | None = None
    summary: str | None = None
    chapters: tuple[Chapter, ...] = ()
    highlights: tuple[Highlight, ...] = ()
    usage: TokenUsage | None = None


class Gist(Wire, frozen=True, kw_only=True):
    """Title, topics, hashtags; only what was asked for is filled."""

    id: str | None = None
    title: str | None = None
    topics: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    usage: TokenUsage | None = None


class AnalyzeResult(Wire, frozen=True, kw_only=True):
    """A generated text. With a JSON schema `data` holds JSON, cut off where `finish_reason` is length."""

    id: str | None = None
    data: str | None = None
    finish_reason: str | None = None
    usage: TokenUsage | None = None
    error: Reason | None = None  # later


class StreamMetadata(Wire, frozen=True, kw_only=True):
    """Which generation an event belongs to; the last event also counts its tokens."""

    generation_id: str | None = None
    usage: TokenUsage | None = None


class StreamEvent(Wire, frozen=True, kw_only=True):
    """One line of a stream. `event_type`: stream_start, text_generation with `text`, stream_end."""

    event_type: str
    text: str | None = None
    finish_reason: str | None = None
    metadata: StreamMetadata | None = None
    error: Reason | None = None  # later


class AnalysisResult(Wire, frozen=True, kw_only=True):
    """Text of a background analysis."""

    generation_id: str | None = None
    data: str | None = None
    finish_reason: str | None = None
    usage: TokenUsage | None = None


class AnalysisTask(Wire, frozen=True, kw_only=True):
    """A background analysis: queued, pending, processing, ready, failed or canceled."""

    task_id: str
    status: str | None = None
    custom_id: str | None = None
    batch_id: str | None = None
    created_at: str | None = None
    completed_at: str | None = None
    video_source: dict[str, Any] | None = None
    request_params: dict[str, Any] | None = None
    result: AnalysisResult | None = None
    error: Reason | None = None
    webhooks: tuple[dict[str, Any], ...] = ()
