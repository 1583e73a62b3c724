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
from tlsync.api.failures import Failed, Outcome
from tlsync.api.gate import Gate
from tlsync.api.origins import BaseUrl
from tlsync.api.retry import RetryPolicy
from tlsync.api.server_time import asked_wait_s, retry_after_s
from tlsync.clock import Clock
from tlsync.errors import ApiError, BadAnswer, ChunkRefused, Interrupted, RateLimited, ServerFault, Unreachable

log = logging.getLogger(__name__)

CALL = "PUT chunk"
GROUP = "storage"
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
        retries: RetryPolicy,
    ) -> None:
        self._base_url = base_url
        self._clock = clock
        self._stop = stop
        self._retries = retries
        self._gates: dict[str, Gate] = {}
        self._gates_lock = threading.Lock()
        self._http = HttpClient(http_transport, None, timeout_s)

    def close(self) -> None:
        self._http.close()

    def gates(self) -> list[Gate]:
        """One for each host that chunks went to."""
        with self._gates_lock:
            return list(self._gates.values())

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
            RateLimited: Storage asks to slow down.
            PlatformDown: This host failed again and again. Nothing was sent; the URL is still good.
            BadAnswer: No ETag, a redirect, or headers that can't be sent.
            Interrupted: Asked to stop; looked at before every block.
            ValueError: `body_factory` gave another number of bytes.
        """
        target = self._base_url.check_upload_url(url)
        body = _Body(body_factory, size_bytes, self._clock, self._stop)
        request = self._http.build_request("PUT", target, content=body, headers=_headers(headers, size_bytes))
        gate = self._gate_of(target)
        passage = gate.enter(GROUP)
        try:
            proof = self._attempt(request, body)
        except Failed as failed:
            gate.leave(passage, failed)
            error = failed.error
        except BaseException:
            gate.give_up(passage)
            raise
        else:
            gate.leave(passage, None)
            return proof
        # Raised out here: the failure it came with would stay attached as context.
        if isinstance(error, Unreachable) and not error.group:
            error.concerns = "file"  # the next chunk may go through; what concerns them all is the gate's to say
        raise error

    def _attempt(self, request: httpx.Request, body: _Body) -> str:
        """The ETag of one exchange that went well."""
        response, said = self._exchange(request)
        if not response.is_success:
            raise _refused(response, said, self._clock)
        if not body.is_whole:
            hung_up = Unreachable(f"{CALL}: storage answered before it had the whole chunk", maybe_applied=True)
            raise Failed(hung_up, Outcome.UNKNOWN)
        proof = response.headers.get("etag", "").strip().removeprefix("W/").strip('"')
        if not _ETAG.fullmatch(proof):
            unproven = BadAnswer(
                f"{CALL}: storage gave no usable ETag", status=response.status_code, maybe_applied=True
            )
            raise Failed(unproven, Outcome.UNKNOWN)
        return str(proof)

    def _exchange(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        """The answer, and the first part of its body."""
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
        except Unreachable as error:
            failed = Failed(error, Outcome.UNKNOWN)  # from our own body: the line is too slow
        except RuntimeError:
            self._http.check_open()
            raise
        else:
            took_s = self._clock.monotonic_s() - started_s
            log.debug("called route=%r status=%d took_s=%.3f", CALL, response.status_code, took_s)
            return response, said
        self._http.check_open()
        log.debug("called route=%r failed=%r", CALL, failed.error.message)
        failed.error.maybe_applied = failed.outcome is Outcome.UNKNOWN
        raise failed

    def _gate_of(self, target: httpx.URL) -> Gate:
        host = f"{target.host}:{target.port}"
        with self._gates_lock:
            if host not in self._gates:
                self._gates[host] = self._retries.gate("storage", self._clock, self._stop, whole=GROUP)
            return self._gates[host]


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
        patience_s = _GRACE_S + self._size_bytes / _SLOWEST_BYTES_PER_S
        for block in self._factory():
            if self._stop.is_set():
                raise Interrupted("stopped in the middle of a chunk")
            if patience_s < 0:
                raise Unreachable(f"{CALL}: the line is too slow", hint="tlsync tries again", maybe_applied=True)
            self._sent_bytes += len(block)
            if self._sent_bytes > self._size_bytes:
                raise ValueError(f"a chunk of {self._size_bytes} bytes was given more")
            left_s = self._clock.monotonic_s()
            yield block  # until the next one is wanted it is the line that takes time; a limit may hold blocks back
            patience_s -= self._clock.monotonic_s() - left_s
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


def _refused(response: httpx.Response, body: bytes, clock: Clock) -> Failed:
    """What storage says no with. Of its XML only the code is used: the rest may quote the signature."""
    status = response.status_code
    found = _XML_CODE.search(body)
    code = found[1].decode() if found else None
    said = f"{CALL} answered {status}" + (f" ({code})" if code else "")
    error: ApiError
    if status == 429:
        wait_s = asked_wait_s(response.headers, clock.now())
        hint = "tlsync waits and goes on by itself"
        return Failed(RateLimited(said, retry_after_s=wait_s, remote_code=code, hint=hint), Outcome.LIMITED)
    if status >= 500 or status in (408, 425):
        error = ServerFault(said, status=status, remote_code=code, maybe_applied=True, hint="tlsync tries again")
        error.retry_after_s = retry_after_s(response.headers, clock.now()) if status >= 500 else None
        return Failed(error, Outcome.UNKNOWN)
    if status < 400:
        error = BadAnswer(f"{said}: redirects are not followed", status=status)
    else:
        hint = "its URL was used or has expired, or the session is over; tlsync takes a fresh URL"
        error = ChunkRefused(said, status=status, remote_code=code, hint=hint)
    return Failed(error, Outcome.FINAL)
