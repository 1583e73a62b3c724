"""The PUT of a chunk to its presigned URL: its own HTTP client without the key, one attempt, memory of one block.

The URL serves once and is itself the authority to write, so it appears in no message and no log. Whether to try again,
and with which URL, is decided by the caller.

Source: API v1.3, "Multipart upload: the whole procedure".
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping

import httpx

from tlsync.api import failures
from tlsync.api.connections import HttpClient
from tlsync.api.failures import Outcome
from tlsync.api.origins import BaseUrl
from tlsync.clock import Clock
from tlsync.errors import BadAnswer, ChunkRefused, Interrupted, ServerFault, TlsyncError, Unreachable

log = logging.getLogger(__name__)

CALL = "PUT chunk"
_SLOWEST_BYTES_PER_S = 8_000
"""64 kbit/s. A line that is slower does not finish a chunk while its URL lives."""
_GRACE_S = 60.0
_REFUSAL_CAP_BYTES = 64 * 1024
_XML_CODE = re.compile(rb"<Code>(\w{1,64})</Code>")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}")
_ETAG = re.compile(r"[\x21\x23-\x7e]{1,256}")
_OURS = {"content-length", "transfer-encoding", "host", "connection", "expect", "te", "trailer", "upgrade", "x-api-key"}
"""Headers that say how the message is framed or who sends it; a session has no say in them."""


class Storage:
    """`client.storage`."""

    def __init__(
        self,
        base_url: BaseUrl,
        http_transport: httpx.BaseTransport,
        *,
        clock: Clock,
        stop: threading.Event,
        timeout_s: float,
    ) -> None:
        self._base_url = base_url
        self._clock = clock
        self._stop = stop
        self._http = HttpClient(http_transport, None, timeout_s)

    def close(self) -> None:
        self._http.close()

    def put_chunk(
        self, url: str, body_factory: Callable[[], Iterator[bytes]], size_bytes: int, headers: Mapping[str, str]
    ) -> str:
        """Send one chunk, once, and return its ETag without quotes.

        Args:
            url: From the session. Looked at before a byte leaves.
            body_factory: Makes the blocks of the chunk, best 256 KiB to 1 MiB each, together `size_bytes`. What it
                raises is raised here, and storage then drops the chunk as incomplete.
            size_bytes: Length of the chunk.
            headers: What the session asks to send along.

        Raises:
            InsecureUrl: The URL is no place to send a file to.
            ChunkRefused: The URL was used or has expired, or the session is over: a fresh URL may help.
            Unreachable: The way is broken. `maybe_applied` unless not even a connection was made.
            ServerFault: Storage has trouble.
            BadAnswer: No ETag, a redirect, or headers that can't be sent.
            Interrupted: Asked to stop; looked at before every block.
            ValueError: `body_factory` gave another number of bytes.
        """
        target = self._base_url.check_upload_url(url)
        body = _Body(body_factory, size_bytes, self._clock, self._stop)
        request = self._http.build_request("PUT", target, content=body, headers=_headers(headers, size_bytes))
        status, etag, said = self._exchange(request)
        if not 200 <= status < 300:
            raise _refused(status, said)
        if not body.is_whole:
            raise Unreachable(f"{CALL}: storage answered before it had the whole chunk", maybe_applied=True)
        proof = etag.strip().removeprefix("W/").strip('"')
        if not _ETAG.fullmatch(proof):
            raise BadAnswer(f"{CALL}: storage gave no usable ETag", status=status, maybe_applied=True)
        return proof

    def _exchange(self, request: httpx.Request) -> tuple[int, str, bytes]:
        """Status, ETag, and the first part of the body."""
        started_s = self._clock.monotonic_s()
        try:
            response = self._http.send(request, stream=True)
            try:
                # Read to its end even where nothing is wanted of it: the connection then serves the next chunk.
                said = _beginning(response)
            finally:
                response.close()
        except httpx.HTTPError as error:
            failed = failures.from_exception(error, CALL)
        except RuntimeError:
            self._http.check_open()
            raise
        else:
            took_s = self._clock.monotonic_s() - started_s
            log.debug("called route=%r status=%d took_s=%.3f", CALL, response.status_code, took_s)
            return response.status_code, response.headers.get("etag", ""), said
        self._http.check_open()
        log.debug("called route=%r failed=%r", CALL, failed.error.message)
        failed.error.maybe_applied = failed.outcome is Outcome.UNKNOWN
        raise failed.error


class _Body:
    """The blocks of a chunk on their way out. Iterated once."""

    def __init__(
        self, factory: Callable[[], Iterator[bytes]], size_bytes: int, clock: Clock, stop: threading.Event
    ) -> None:
        self._factory = factory
        self._size_bytes = size_bytes
        self._clock = clock
        self._stop = stop
        self._sent_bytes = 0

    @property
    def is_whole(self) -> bool:
        return self._sent_bytes == self._size_bytes

    def __iter__(self) -> Iterator[bytes]:
        deadline_s = self._clock.monotonic_s() + _GRACE_S + self._size_bytes / _SLOWEST_BYTES_PER_S
        for block in self._factory():
            if self._stop.is_set():
                raise Interrupted("stopped in the middle of a chunk")
            if self._clock.monotonic_s() > deadline_s:
                raise Unreachable(f"{CALL}: the line is too slow", hint="tlsync tries again", maybe_applied=True)
            self._sent_bytes += len(block)
            if self._sent_bytes > self._size_bytes:
                raise ValueError(f"a chunk of {self._size_bytes} bytes was given more")
            yield block
        if not self.is_whole:
            raise ValueError(f"a chunk of {self._size_bytes} bytes was given {self._sent_bytes}")


def _headers(asked: Mapping[str, str], size_bytes: int) -> dict[str, str]:
    """The session's headers, unchanged, since they may be signed; and the length, since storage takes no chunked
    coding."""
    headers: dict[str, str] = {}
    for name, value in asked.items():
        if name.lower() in _OURS:
            continue
        if not _HEADER_NAME.fullmatch(name) or not (value.isascii() and value.isprintable()):
            raise BadAnswer(f"{CALL}: the session asks for a header that cannot be sent")
        headers[name.lower()] = value
    headers.setdefault("content-type", "application/octet-stream")
    return {**headers, "content-length": str(size_bytes)}


def _beginning(response: httpx.Response) -> bytes:
    body = b""
    for block in response.iter_bytes():
        body += block
        if len(body) > _REFUSAL_CAP_BYTES:
            break
    return body


def _refused(status: int, body: bytes) -> TlsyncError:
    """What storage says no with. Of its XML only the code is used: the rest may quote the signature."""
    found = _XML_CODE.search(body)
    code = found[1].decode() if found else None
    said = f"{CALL} answered {status}" + (f" ({code})" if code else "")
    if status >= 500 or status in (408, 425, 429):
        return ServerFault(said, status=status, remote_code=code, maybe_applied=True, hint="tlsync tries again")
    if status < 400:
        return BadAnswer(f"{said}: redirects are not followed", status=status)
    hint = "its URL was used or has expired, or the session is over; tlsync takes a fresh URL"
    return ChunkRefused(said, status=status, remote_code=code, hint=hint)
