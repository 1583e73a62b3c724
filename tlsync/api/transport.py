"""The one way a request goes: a ladder from "call this endpoint" down to one exchange on the wire.

    answer · order                         what the namespaces call: an answer of a type, or none
      exchange · lines                     a whole body, or line by line; retry.py runs its attempts
        _build · _send · _judge · _read    one attempt

Errors that leave it are those of `tlsync.errors`. They are raised outside the `except` that caught the library's
error: attached as context it would carry the URL and the headers, the key among them, into every traceback.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import h11
import httpx
import msgspec

from tlsync.api import failures
from tlsync.api.connections import HttpClient, timeout
from tlsync.api.encoding import FormPart, Upload, form_fields, form_files, json_body, query_pairs
from tlsync.api.failures import Failed, Outcome
from tlsync.api.gate import Gate
from tlsync.api.origins import BaseUrl, KeyAuth
from tlsync.api.retry import Repeater, RetryPolicy
from tlsync.api.routes import Route
from tlsync.api.server_time import ServerTime, asked_wait_s, quota_of, retry_after_s
from tlsync.api.types import from_wire
from tlsync.clock import Clock
from tlsync.errors import BadAnswer, FileChanged, FileUnreadable, Interrupted, NotFound, Rejected, Unauthorized
from tlsync.secret import Secret

log = logging.getLogger(__name__)

T = TypeVar("T")

ANSWER_CAP_BYTES = 64 * 1024 * 1024
"""Longer answers are cut off. The vectors of a video of four hours need 40 MB."""
LINE_CAP_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Ask:
    """The variable part of a request. `form` makes it `multipart/form-data`, `json` a JSON body; None: no body."""

    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    form: Mapping[str, Any] | None = None
    files: Mapping[str, Upload | None] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole 2xx answer. `body` is parsed JSON, None where there was none."""

    status: int
    body: Any


def parse_json(body: bytes) -> Any:
    """JSON, or None for no body.

    Raises:
        ValueError: Not JSON in UTF-8, or nested without end.
    """
    if not body.strip():
        return None
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _first_path(ask: Ask) -> str:
    return next((str(file) for file in ask.files.values() if isinstance(file, Path)), "")


class Transport:
    """One HTTP client and one request path for all namespaces and threads."""

    def __init__(
        self,
        *,
        key: Secret,
        base_url: BaseUrl,
        http_transport: httpx.BaseTransport,
        retries: RetryPolicy,
        clock: Clock,
        stop: threading.Event,
        timeout_s: float,
        on_answer: Callable[[Any], None] | None = None,
    ) -> None:
        self.server_time = ServerTime(clock)
        self._key = key
        self._base_url = base_url
        self._clock = clock
        self._stop = stop
        self._timeout_s = timeout_s
        self._on_answer = on_answer
        self._repeater = Repeater(retries, clock, stop)
        self._auth = KeyAuth(key, base_url)
        self._http = HttpClient(http_transport, self._auth, timeout_s)

    def use_key(self, key: Secret) -> None:
        self._key = key
        self._auth.use(key)
        self.gate.mended(Unauthorized)

    def close(self) -> None:
        self._http.close()

    @property
    def gate(self) -> Gate:
        return self._repeater.gate

    # --- what the namespaces call

    def answer(self, route: Route, kind: type[T], ask: Ask, *, parse: Callable[[bytes], Any] = parse_json) -> T:
        """Call an endpoint and read its answer as `kind`.

        Raises:
            ApiError: Anything below it, see `tlsync.errors`. `maybe_applied` says whether the call may have worked.
            FileError: A file to send is gone or unreadable.
            Interrupted: Asked to stop during a wait.
        """
        answer = self.exchange(route, ask, parse=parse)
        try:
            value = from_wire({} if answer.body is None else answer.body, kind)
        except (ValueError, RecursionError) as error:
            # The text of msgspec names the field and the types, never a value.
            reason = failures.clean(str(error), 200)
        else:
            if self._on_answer is not None:
                self._on_answer(answer.body)
            return value
        raise BadAnswer(
            f"{route}: the answer is not of the agreed shape: {reason}",
            status=answer.status,
            maybe_applied=not route.only_reads,
            hint="the platform may have changed; look for a newer tlsync",
        )

    def order(self, route: Route, ask: Ask) -> None:
        """Call an endpoint whose answer says nothing. Its body is not looked at.

        What was to be deleted and is gone after an attempt of unknown fate was deleted by that attempt.
        """
        try:
            self.exchange(route, ask, parse=lambda body: None)
        except NotFound as error:
            if not (route.deletes and error.maybe_applied):
                raise

    def exchange(self, route: Route, ask: Ask, *, parse: Callable[[bytes], Any] = parse_json) -> Answer:
        """Call an endpoint, again where that is right, and parse the body of its answer."""

        def attempt(files: list[FormPart]) -> Answer:
            try:
                with self._send(route, self._build(route, ask, files)) as response:
                    self._judge(route, response)
                    body = self._read(route, response)
            except OSError as error:
                # The library maps trouble of its sockets: this came from reading a file that is being sent.
                reason = error.strerror or type(error).__name__
                raise FileUnreadable(_first_path(ask), f"{route}: the file cannot be read: {reason}") from None
            except h11.LocalProtocolError:
                raise FileChanged(_first_path(ask), f"{route}: the file changed its length while it was sent") from None
            try:
                return Answer(response.status_code, parse(body))
            except ValueError:
                message = f"{route}: the answer is not JSON"
            raise Failed(BadAnswer(message, status=response.status_code), Outcome.UNKNOWN)

        with form_files(ask.files) as files:
            return self._repeater.run(route, lambda: attempt(files))

    @contextmanager
    def lines(self, route: Route, ask: Ask) -> Iterator[Iterator[bytes]]:
        """Call an endpoint that answers line by line. The connection is closed on the way out.

        Only the opening is repeated. Trouble after it, or a line beyond the cap, is raised by the iterator.
        """

        def attempt() -> httpx.Response:
            response = self._http_send(route, self._build(route, ask, []))
            try:
                self._judge(route, response)
            except BaseException:
                response.close()
                raise
            return response

        response = self._repeater.run(route, attempt)
        try:
            yield self._lines_of(route, response)
        finally:
            response.close()

    # --- one attempt

    def _build(self, route: Route, ask: Ask, files: list[FormPart]) -> httpx.Request:
        headers = {"accept": "application/json", **ask.headers}
        parts = None if ask.form is None else form_fields(ask.form) + files
        content = None if ask.json is None else json_body(ask.json)
        if content is not None:
            headers["content-type"] = "application/json"
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise Rejected(f"{route}: a header is not plain text", hint="nothing was sent")
        path = route.path(ask.path)
        pairs = query_pairs(ask.query)
        try:
            return self._http.build_request(
                route.verb,
                self._base_url.join(path),
                params=httpx.QueryParams(pairs) if pairs else None,
                content=content,
                # Given as files also where they are none: the form is then multipart, which these endpoints demand.
                files=parts,
                headers=headers,
                timeout=timeout(max(self._timeout_s, route.read_timeout_s or 0.0)),
            )
        except (UnicodeEncodeError, httpx.InvalidURL):
            pass
        raise Rejected(
            f"{route}: a parameter is not text that can be sent", hint="look for characters that are not UTF-8"
        )

    @contextmanager
    def _send(self, route: Route, request: httpx.Request) -> Iterator[httpx.Response]:
        response = self._http_send(route, request)
        try:
            yield response
        finally:
            response.close()

    def _http_send(self, route: Route, request: httpx.Request) -> httpx.Response:
        started_s = self._clock.monotonic_s()
        try:
            response = self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            failed = failures.from_exception(error, str(route))
        except RuntimeError:
            self._http.check_open()
            raise
        else:
            self.server_time.note(response.headers)
            self._repeater.gate.told(route.group, quota_of(response.headers, self.server_time.now()))
            took_s = self._clock.monotonic_s() - started_s
            log.debug("called route=%r status=%d took_s=%.3f", str(route), response.status_code, took_s)
            return response
        self._http.check_open()
        log.debug("called route=%r failed=%r", str(route), failed.error.message)
        raise failed

    def _judge(self, route: Route, response: httpx.Response) -> None:
        """Let 2xx pass; raise what any other status means."""
        if response.is_success:
            return
        try:
            body = self._read(route, response)
        except Failed:
            # The status alone says enough.
            body = b""
        told = retry_after_s if response.is_server_error else asked_wait_s
        wait_s = told(response.headers, self.server_time.now())
        hidden = body.replace(self._key.reveal().encode(), b"***")
        raise failures.from_answer(route, response.status_code, response.headers, hidden, wait_s)

    def _read(self, route: Route, response: httpx.Response) -> bytes:
        blocks: list[bytes] = []
        size_bytes = 0
        try:
            for block in response.iter_bytes():
                size_bytes += len(block)
                if size_bytes > ANSWER_CAP_BYTES:
                    break
                blocks.append(block)
            else:
                return b"".join(blocks)
        except httpx.HTTPError as error:
            failed = failures.from_exception(error, str(route))
        else:
            too_long = BadAnswer(
                f"{route}: the answer is longer than {ANSWER_CAP_BYTES // 2**20} MiB",
                status=response.status_code,
                maybe_applied=not route.only_reads,
            )
            failed = Failed(too_long, Outcome.FINAL)
        self._http.check_open()
        raise failed

    def _lines_of(self, route: Route, response: httpx.Response) -> Iterator[bytes]:
        """Lines without their ends, blank ones left out. A last line without an end counts."""
        rest = b""
        size_bytes = 0
        blocks = response.iter_bytes()
        while True:
            if self._stop.is_set():
                raise Interrupted("stopped while a text was being generated")
            try:
                block = next(blocks, None)
            except httpx.RemoteProtocolError:
                # A cut stream and one that ends early are the same to the reader: the last event is missing.
                block = None
            except httpx.HTTPError as error:
                failure = failures.from_exception(error, str(route)).error
                failure.maybe_applied = True
                break
            if block is None:
                self._http.check_open()
                if rest.strip():
                    yield rest
                return
            *whole, rest = (rest + block).split(b"\n")
            yield from (line for line in whole if line.strip())
            size_bytes += len(block)
            if len(rest) > LINE_CAP_BYTES or size_bytes > ANSWER_CAP_BYTES:
                failure = BadAnswer(f"{route}: the answer does not end", maybe_applied=True)
                break
        self._http.check_open()
        raise failure
