"""The TwelveLabs API, v1.3: the only code that speaks HTTP. See `client.TwelveLabs`."""

from tlsync.api import bare_httpx as _  # noqa: F401 (before anything else here loads httpx)
from tlsync.api.client import BASE_URL, TwelveLabs
from tlsync.api.pages import Pages, SearchPages, UploadStatusPages
from tlsync.api.retry import RetryPolicy
from tlsync.api.streams import AnalysisStream
from tlsync.api.types import (
    AnalyzeResult,
    CompletedChunk,
    IndexModel,
    MultipartUploadSession,
    PresignedUrlChunk,
    ResponseFormat,
    StreamEvent,
    VideoSource,
)

__all__ = [
    "BASE_URL",
    "AnalysisStream",
    "AnalyzeResult",
    "CompletedChunk",
    "IndexModel",
    "MultipartUploadSession",
    "Pages",
    "PresignedUrlChunk",
    "ResponseFormat",
    "RetryPolicy",
    "SearchPages",
    "StreamEvent",
    "TwelveLabs",
    "UploadStatusPages",
    "VideoSource",
]
