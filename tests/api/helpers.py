"""A scripted other side, a clock that only tests move, and a reader of multipart forms."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import msgspec

KEY = "tlk_CANARY0123456789"
BASE_URL = "https://api.example.com/v1.3"
ID = "65f0b0000000000000000a01"
OTHER_ID = "65f0b0000000000000000b02"
SIGNED_URL = "https://storage.example.com/obj?part=1&X-Amz-Signature=CANARYSIGNATURE"

Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class FakeClock:
    """Stands still, but for waits, which it remembers and lets pass at once."""

    def __init__(self) -> None:
        self.instant = datetime(2025, 11, 22, 12, 0, tzinfo=UTC)
        self.elapsed_s = 0.0
        self.waits: list[float] = []
        self.on_wait: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return self.instant + timedelta(seconds=self.elapsed_s)

    def monotonic_s(self) -> float:
        return self.elapsed_s

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        self.elapsed_s += seconds
        self.on_wait()
        return stop.is_set()


class Wire(httpx.BaseTransport):
    """Answers with the replies it was given, the last one for ever, and keeps the requests with their bodies."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies) or [json_reply({})]
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, httpx.Response):
            return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)
        return reply(request)

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]


def json_reply(body: object, status: int = 200, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def json_of(request: httpx.Request) -> Any:
    assert request.headers["content-type"] == "application/json"
    return msgspec.json.decode(request.content)


def form_of(request: httpx.Request) -> list[tuple[str, str | None, bytes]]:
    """Fields of a multipart form in order: name, file name, content."""
    kind, _, boundary = request.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/form-data"
    fields = []
    for part in request.content.split(b"--" + boundary.encode())[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        words = dict(word.split("=", 1) for word in head.split(b"\r\n")[0].decode().split("; ")[1:])
        name = words["filename"].strip('"') if "filename" in words else None
        fields.append((words["name"].strip('"'), name, content))
    return fields


@contextmanager
def real_server(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """A server on a loopback socket; its origin."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class QuietHandler(BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 and writes nothing to stderr."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
