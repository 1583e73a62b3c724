"""The way to storage for large bodies: blocks go from the file to the socket as they are, with little done per block.

A transport of httpx like any other, over the connection pool of httpcore, with connections of its own. They differ
from those of the library in what costs time, and in one thing more: an answer that comes before the whole body was
sent is seen after the next block, so that a refusal is read and the rest is not sent in vain.
"""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import h11
import httpcore
import httpx

_KEPT_IDLE_S = 5.0
"""Storage closes connections that are idle for longer; one that it is about to close is worth nothing."""
_READ_BYTES = 64 * 1024
_LONGEST_HEAD_BYTES = 100 * 1024


class PutTransport(httpx.BaseTransport):
    """Over HTTP/1.1, straight, without a proxy. May be used from many threads.

    Errors are those of httpx. The timeouts of a request count for each block, not for the whole. A request says how
    long its body is.
    """

    def __init__(self, ssl_context: ssl.SSLContext) -> None:
        self._pool = _Pool(ssl_context)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        assert isinstance(request.stream, httpx.SyncByteStream)
        sent = httpcore.Request(
            request.method,
            target,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        try:
            answer = self._pool.handle_request(sent)
        except httpcore.UnsupportedProtocol as error:
            raise httpx.UnsupportedProtocol(str(error), request=request) from error
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        self._pool.close()


class _Pool(httpcore.ConnectionPool):
    """The library's, with other connections in it."""

    def __init__(self, ssl_context: ssl.SSLContext) -> None:
        super().__init__(ssl_context, max_connections=None)
        self._tls = ssl_context

    def create_connection(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        return _Connection(origin, self._tls)


class _Body(httpx.SyncByteStream):
    """The body of an answer, as httpx wants it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        yield from self._inner

    def close(self) -> None:
        self._inner.close()


class _Passed:
    """Bytes that were sent already."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes

    def __len__(self) -> int:
        return self._size_bytes


class _HungUp(Exception):
    """The other side takes no more. It may have said why."""


class _Connection(httpcore.ConnectionInterface):
    """One connection, for one request after the other. Used by one thread at a time; the pool sees to that."""

    def __init__(self, origin: httpcore.Origin, tls: ssl.SSLContext) -> None:
        self._origin = origin
        self._tls = tls
        self._socket: socket.socket | None = None
        self._selector = selectors.DefaultSelector()
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD_BYTES)
        self._timeouts: dict[str, float | None] = {}
        self._lock = threading.Lock()
        self._is_new = True
        self._is_idle = False
        self._idle_since_s = 0.0
        self._is_closed = False

    # What the pool asks

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        return origin == self._origin

    def is_available(self) -> bool:
        return self._is_idle

    def has_expired(self) -> bool:
        with self._lock:
            if not self._is_idle:
                return False
            # What can be read between two requests is the end of the connection.
            return time.monotonic() > self._idle_since_s + _KEPT_IDLE_S or self._has_something_to_read()

    def is_idle(self) -> bool:
        return self._is_idle

    def is_closed(self) -> bool:
        return self._is_closed

    def info(self) -> str:
        return f"{self._origin}: {'closed' if self._is_closed else 'idle' if self._is_idle else 'in use'}"

    def close(self) -> None:
        with self._lock:
            self._is_idle, self._is_closed = False, True
            self._selector.close()
            if self._socket is not None:
                self._socket.close()

    # One exchange

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """
        Raises:
            httpcore.ConnectionNotAvailable: Another request was quicker, or it was closed; the pool takes another.
            httpx.TransportError: It went wrong.
        """
        with self._lock:
            if self._is_closed or not (self._is_new or self._is_idle):
                raise httpcore.ConnectionNotAvailable
            self._is_new = self._is_idle = False
        self._timeouts = request.extensions.get("timeout", {})
        try:
            if self._socket is None:
                self._connect(request)
            head = self._send(request)
        except BaseException:
            self.close()
            raise
        return httpcore.Response(head.status_code, headers=head.headers.raw_items(), content=_Answer(self))

    def _connect(self, request: httpcore.Request) -> None:
        url = request.url
        port = url.port or (443 if url.scheme == b"https" else 80)
        host = url.host.decode("ascii")
        timeout_s = self._timeouts.get("connect")
        with _mapped(httpx.ConnectTimeout, httpx.ConnectError):
            plain = socket.create_connection((host, port), timeout_s)
        self._socket = plain
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if url.scheme == b"https":
            with _mapped(httpx.ConnectTimeout, httpx.ConnectError):
                self._socket = self._tls.wrap_socket(plain, server_hostname=host)
        self._selector.register(self._socket, selectors.EVENT_READ)
        told = request.extensions.get("trace")
        if told is not None:
            told("connection.connect_tcp.complete", {"return_value": _Told(self._socket)})

    def _send(self, request: httpcore.Request) -> h11.Response:
        """Send a request and read the head of its answer, as soon as there is one."""
        assert isinstance(request.stream, Iterable)
        if not any(name.lower() == b"content-length" for name, _ in request.headers):
            raise httpx.LocalProtocolError("the length of the body is not announced")
        try:
            head = h11.Request(method=request.method, target=request.url.target, headers=request.headers)
            with _mapped(httpx.WriteTimeout, _HungUp):
                self._patience("write")
            self._put(self._http.send(head) or b"")
            sent_bytes = 0
            for block in request.stream:
                if self._has_something_to_read():
                    early = self._early_answer()
                    if early is not None:
                        return early
                self._put(block)
                sent_bytes += len(block)
            if sent_bytes:
                # What framing needs to know of a body of announced length is how long it was; so it need not see it.
                self._http.send_with_data_passthrough(h11.Data(data=_Passed(sent_bytes)))  # type: ignore[arg-type]
            self._http.send(h11.EndOfMessage())
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        except _HungUp as hung_up:
            # It may have said why before it hung up.
            try:
                return self._head()
            except httpx.TransportError:
                raise httpx.WriteError(str(hung_up.__cause__)) from hung_up.__cause__
        return self._head()

    def _put(self, data: bytes) -> None:
        assert self._socket is not None
        rest = memoryview(data)
        with _mapped(httpx.WriteTimeout, _HungUp):
            while rest:
                rest = rest[self._socket.send(rest) :]

    def _patience(self, kind: str) -> None:
        """So long each read or write may take from now on."""
        assert self._socket is not None
        self._socket.settimeout(self._timeouts.get(kind))

    def _early_answer(self) -> h11.Response | None:
        """What came while the body is being sent: an answer, or nothing that matters, like a session ticket of TLS.

        Raises:
            httpx.RemoteProtocolError: The other side hung up.
        """
        assert self._socket is not None
        with _mapped(httpx.WriteTimeout, _HungUp):
            self._socket.settimeout(0)
            try:
                data = self._socket.recv(_READ_BYTES)
            except (BlockingIOError, ssl.SSLWantReadError):
                return None
            finally:
                self._patience("write")
        self._take(data)
        while True:
            event = self._next_event()
            if isinstance(event, h11.Response):
                return event
            if event is h11.NEED_DATA:
                return None

    def _head(self) -> h11.Response:
        while True:
            event = self._read_event()
            if isinstance(event, h11.Response):
                return event

    # Reading

    def _has_something_to_read(self) -> bool:
        try:
            return bool(self._selector.select(0))
        except (OSError, ValueError):  # closed from another thread: whoever uses it next is told so
            return True

    def body(self) -> Iterator[bytes]:
        """The rest of an answer whose head was read."""
        while True:
            event = self._read_event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif event is h11.PAUSED or isinstance(event, h11.EndOfMessage):
                return

    def end(self) -> None:
        """The answer was read, or nobody wants the rest of it."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            with self._lock:
                self._idle_since_s = time.monotonic()
                self._is_idle = not self._is_closed
        else:
            self.close()

    def _read_event(self) -> Any:
        assert self._socket is not None
        while (event := self._next_event()) is h11.NEED_DATA:
            with _mapped(httpx.ReadTimeout, httpx.ReadError):
                self._patience("read")
                data = self._socket.recv(_READ_BYTES)
            self._take(data)
        return event

    def _take(self, data: bytes) -> None:
        if not data and self._http.their_state is h11.SEND_RESPONSE:
            raise httpx.RemoteProtocolError("the other side hung up without an answer")
        self._http.receive_data(data)

    def _next_event(self) -> Any:
        try:
            return self._http.next_event()
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error


class _Answer:
    """The body of an answer on its connection, which is free for the next request once this is closed."""

    def __init__(self, connection: _Connection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[bytes]:
        return self._connection.body()

    def close(self) -> None:
        self._connection.end()


class _Told:
    """What a trace is told of a connection: its socket."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    def get_extra_info(self, name: str) -> Any:
        return self._socket if name == "socket" else None


@contextmanager
def _mapped(timeout: type[Exception], other: type[Exception]) -> Iterator[None]:
    """Say what the system says as the errors of httpx."""
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except (OSError, ValueError) as error:  # the latter if it was closed from another thread
        raise other(str(error)) from error
