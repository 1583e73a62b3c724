"""Puts single chunks on storage, for all uploads: the shared workers, the attempts, the proof of each."""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tlsync.engine.chunk_meter import ChunkMeter
from tlsync.engine.chunk_urls import ChunkUrls
from tlsync.engine.context import Context
from tlsync.engine.lanes import TRANSFER
from tlsync.errors import (
    ApiError,
    BadAnswer,
    ChunkRefused,
    Interrupted,
    NotFound,
    PlatformDown,
    Rejected,
    SessionExpired,
    Transient,
)
from tlsync.media.chunks import read_chunk
from tlsync.models import Chunk, ContentId, UploadId

_ATTEMPTS = 4
_FIRST_WAIT_S = 0.25
_PATIENCE_AT_STOP_S = 2.0
"""For a chunk that is being read from a volume that hangs; it is not recorded, so it is sent again."""
_HEX = set("0123456789abcdef")


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Source:
    """Where the bytes of one upload come from, and where they go."""

    path: Path
    fd: int
    content_id: ContentId
    upload_id: UploadId
    headers: Mapping[str, str]
    urls: ChunkUrls
    on_bytes: Callable[[Chunk, int], None]
    """So many bytes of a chunk have left in the attempt under way; 0 when it is over."""
    is_hung: threading.Event = field(default_factory=threading.Event)
    """Its volume does not answer: chunks of it that wait for a worker are not begun."""


class ChunkSender:
    """A few workers, whatever the number of uploads. Memory is one block per worker."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._client = context.client
        self._clock = context.clock
        self._stop = context.stop
        upload = context.settings.upload
        self.workers = upload.workers
        self._verifies = upload.verify_chunks
        self._throttle = context.throttle
        self._pool = context.workers.pool("tlsync-chunk", upload.workers)
        self._sources: weakref.WeakSet[Source] = weakref.WeakSet()

    def submit(self, source: Source, chunk: Chunk) -> Future[str]:
        """Send a chunk when a worker is free; the future holds its ETag, bare.

        The future may raise SessionExpired, FileChanged, Interrupted, or the ApiError of the last attempt.
        """
        self._sources.add(source)
        return self._pool.submit(source.path, partial(self._send, source, chunk))

    def wait(self, futures: Collection[Future[str]], timeout_s: float | None = None) -> None:
        """Wait until at least one of the chunks is done, or the time is over."""
        self._pool.wait(futures, timeout_s)

    def abandon(self, folder: Path) -> None:
        """Let go of the workers that hang in reading files below a folder."""
        for source in list(self._sources):
            if folder in source.path.parents:
                source.is_hung.set()
        for shared in (self._pool, self._throttle):
            shared.abandon(lambda path: isinstance(path, Path) and folder in path.parents)

    def close(self) -> None:
        """Wait for the chunks under way; they stop at the next block once the stop event is set."""
        self._pool.close(_PATIENCE_AT_STOP_S)

    def check_session(self, upload_id: UploadId) -> str | None:
        """The session's state, for example after something was refused.

        Raises:
            SessionExpired: It is over.
        """
        try:
            state = self._client.multipart_upload.get_status(upload_id, page_limit=1).first.status
        except (NotFound, Rejected) as error:
            raise SessionExpired(f"the platform no longer knows the session: {error.message}") from error
        if state in ("expired", "failed"):
            raise SessionExpired(f"the session is {state}")
        return state

    def _send(self, source: Source, chunk: Chunk) -> str:
        """All attempts at a chunk, each with a fresh URL."""
        if source.is_hung.is_set():
            raise Interrupted("the volume does not answer")
        refusals = 0
        meter = ChunkMeter(self._context.caps, source.content_id, source.upload_id, chunk.size_bytes)
        for attempt in range(_ATTEMPTS):
            try:
                with self._throttle.chunk(source.path, chunk.size_bytes):
                    self._context.check_held(TRANSFER)
                    return self._put(source, chunk, meter)
            except ChunkRefused as error:
                refusals += 1
                if refusals == 2:
                    self.check_session(source.upload_id)
                last: ApiError = error
            except (NotFound, Rejected):
                self.check_session(source.upload_id)  # no more URLs are given
                raise
            except PlatformDown:
                raise  # storage was not asked, and is not for a while: the file waits
            except (Transient, BadAnswer) as error:
                last = error
            if attempt + 1 < _ATTEMPTS and self._clock.wait(self._stop, _FIRST_WAIT_S * 4**attempt):
                raise Interrupted("stopped between two attempts at a chunk")
        raise last

    def _put(self, source: Source, chunk: Chunk, meter: ChunkMeter) -> str:
        url = source.urls.take(chunk.number)
        digest = hashlib.md5(usedforsecurity=False) if self._verifies else None

        def body() -> Iterator[bytes]:
            meter.begin()
            source.urls.used(chunk.number)
            left_bytes = 0
            for block in read_chunk(source.fd, chunk, digest=digest, path=source.path):
                for piece in self._throttle.pieces(block):
                    meter.passed(len(piece))
                    yield piece
                    left_bytes += len(piece)
                    source.on_bytes(chunk, left_bytes)

        try:
            etag = self._client.storage.put_chunk(url, body, chunk.size_bytes, source.headers)
        finally:
            meter.end()
            source.urls.give_back(chunk.number)
            source.on_bytes(chunk, 0)
        if digest is not None and is_md5(etag) and etag.lower() != digest.hexdigest():
            raise BadAnswer(
                f"storage received other bytes than were sent for chunk {chunk.number}", hint="it is sent again"
            )
        return etag


def is_md5(etag: str) -> bool:
    """Storage of the S3 kind answers with an MD5 unless it encrypts; anything else proves nothing."""
    return len(etag) == 32 and set(etag.lower()) <= _HEX
