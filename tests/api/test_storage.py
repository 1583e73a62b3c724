from __future__ import annotations

import logging
import threading
import traceback
import tracemalloc
from collections.abc import Iterator, Mapping
from typing import ClassVar

import httpx
import pytest
import respx

from tlsync.api import TwelveLabs
from tlsync.errors import (
    ApiError,
    BadAnswer,
    ChunkRefused,
    FileChanged,
    InsecureUrl,
    Interrupted,
    RateLimited,
    ServerFault,
    TlsyncError,
    Unreachable,
)

from .conftest import MakeClient
from .helpers import BASE_URL, KEY, SIGNED_URL, FakeClock, QuietHandler, Reply, Wire, real_server

STORED = httpx.Response(200, headers={"etag": '"9a0364b9e99bb480dd25e1f0284c8555"'})


def put(client: TwelveLabs, *blocks: bytes, url: str = SIGNED_URL, headers: Mapping[str, str] | None = None) -> str:
    return client.storage.put_chunk(url, lambda: iter(blocks), sum(map(len, blocks)), headers or {})


@respx.mock
def test_a_chunk_on_the_wire() -> None:
    route = respx.put(SIGNED_URL).respond(200, headers={"etag": '"abc"'})
    with TwelveLabs(KEY, BASE_URL) as client:
        etag = put(client, b"12", b"345", headers={"Content-Type": "video/mp4", "x-amz-meta-a": "b"})
    assert etag == "abc"
    request = route.calls.last.request
    assert request.content == b"12345" and str(request.url) == SIGNED_URL
    assert request.headers["content-length"] == "5" and "transfer-encoding" not in request.headers
    assert request.headers["content-type"] == "video/mp4" and request.headers["x-amz-meta-a"] == "b"
    assert "x-api-key" not in request.headers and KEY not in str(request.headers)


def test_without_a_wish_of_the_session_the_type_is_bytes(make_client: MakeClient) -> None:
    client, wire = make_client(STORED)
    put(client, b"x")
    assert wire.last.headers["content-type"] == "application/octet-stream"


def test_a_session_has_no_say_in_how_the_message_is_framed(make_client: MakeClient) -> None:
    client, wire = make_client(STORED)
    put(
        client, b"x", headers={"Content-Length": "99", "Transfer-Encoding": "chunked", "Host": "evil", "X-API-Key": "k"}
    )
    sent = wire.last.headers
    assert sent["content-length"] == "1" and sent["host"] == "storage.example.com"
    assert "transfer-encoding" not in sent and "x-api-key" not in sent


@pytest.mark.parametrize("headers", [{"a b": "c"}, {"": "c"}, {"a": "b\r\nx: y"}, {"a": "ü"}])
def test_headers_that_cannot_be_sent_are_a_bad_answer(make_client: MakeClient, headers: dict[str, str]) -> None:
    client, wire = make_client(STORED)
    with pytest.raises(BadAnswer):
        put(client, b"x", headers=headers)
    assert wire.requests == []


@pytest.mark.parametrize(
    ("header", "etag"), [('"abc"', "abc"), ("abc", "abc"), ('W/"abc"', "abc"), (' "d41d8-2" ', "d41d8-2")]
)
def test_the_etag_is_bare(make_client: MakeClient, header: str, etag: str) -> None:
    client, _ = make_client(httpx.Response(201, headers={"etag": header}))
    assert put(client, b"x") == etag


@pytest.mark.parametrize("header", [None, "", '""', '"a b"', '"' + "x" * 300 + '"'])
def test_no_usable_etag_is_a_bad_answer(make_client: MakeClient, header: str | None) -> None:
    client, _ = make_client(httpx.Response(200, headers={} if header is None else {"etag": header}))
    with pytest.raises(BadAnswer) as caught:
        put(client, b"x")
    assert caught.value.maybe_applied


@pytest.mark.parametrize(
    ("reply", "kind", "maybe"),
    [
        (httpx.Response(400), ChunkRefused, False),
        (httpx.Response(403, content=b"<Error><Code>AccessDenied</Code><X>CANARY</X></Error>"), ChunkRefused, False),
        (httpx.Response(404), ChunkRefused, False),
        (httpx.Response(412), ChunkRefused, False),
        (httpx.Response(500), ServerFault, True),
        (httpx.Response(503), ServerFault, True),
        (httpx.Response(429), RateLimited, False),
        (httpx.Response(307, headers={"location": "https://other.example.com/"}), BadAnswer, False),
        (httpx.ReadError("r"), Unreachable, True),
        (httpx.ReadTimeout("r"), Unreachable, True),
        (httpx.WriteError("r"), Unreachable, True),
        (httpx.RemoteProtocolError("r"), Unreachable, True),
        (httpx.ConnectError("c"), Unreachable, False),
        (httpx.ConnectTimeout("c"), Unreachable, False),
    ],
)
def test_what_goes_wrong_is_told_after_one_attempt(
    make_client: MakeClient, reply: Reply, kind: type[ApiError], maybe: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client, wire = make_client(reply)
    with pytest.raises(kind) as caught:
        put(client, b"x")
    assert len(wire.requests) == 1 and caught.value.maybe_applied is maybe
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text + repr(vars(caught.value))
    assert "CANARY" not in shown and "storage.example.com" not in shown
    assert caught.value.__context__ is None


def test_the_code_of_storage_is_kept(make_client: MakeClient) -> None:
    client, _ = make_client(httpx.Response(403, content=b"<Error><Code>AccessDenied</Code></Error>"))
    with pytest.raises(ChunkRefused) as caught:
        put(client, b"x")
    assert (caught.value.status, caught.value.remote_code) == (403, "AccessDenied")


def test_no_byte_goes_to_an_insecure_place(make_client: MakeClient) -> None:
    client, wire = make_client(STORED)

    def never() -> Iterator[bytes]:
        raise AssertionError("the file was opened")

    for url in ("http://storage.example.com/a", "https://169.254.169.254/a", "file:///tmp/a"):
        with pytest.raises(InsecureUrl):
            client.storage.put_chunk(url, never, 1, {})
    assert wire.requests == []


def test_what_reading_the_file_raises_is_passed_on(make_client: MakeClient) -> None:
    def changed() -> Iterator[bytes]:
        yield b"1"
        raise FileChanged("/a.mp4", "changed")

    client, _ = make_client(STORED)
    with pytest.raises(FileChanged):
        client.storage.put_chunk(SIGNED_URL, changed, 5, {})


@pytest.mark.parametrize("blocks", [[b"1"], [b"123", b"456"], []])
def test_another_length_than_announced_is_never_sent_as_a_chunk(make_client: MakeClient, blocks: list[bytes]) -> None:
    client, _ = make_client(STORED)
    with pytest.raises(ValueError, match="chunk of 5 bytes"):
        client.storage.put_chunk(SIGNED_URL, lambda: iter(blocks), 5, {})


def test_stop_is_looked_at_between_blocks(make_client: MakeClient, stop: threading.Event) -> None:
    given = 0

    def blocks() -> Iterator[bytes]:
        nonlocal given
        for _ in range(10):
            given += 1
            yield b"x"
            stop.set()

    client, _ = make_client(STORED)
    with pytest.raises(Interrupted):
        client.storage.put_chunk(SIGNED_URL, blocks, 10, {})
    assert given == 2


def test_a_line_that_is_too_slow_is_given_up(make_client: MakeClient, clock: FakeClock) -> None:
    class Slow(Wire):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            for _ in request.stream:  # type: ignore[union-attr]
                clock.elapsed_s += 30
            return STORED

    client, _ = make_client(storage_transport=Slow())
    with pytest.raises(Unreachable, match="the line is too slow") as caught:
        client.storage.put_chunk(SIGNED_URL, lambda: iter([b"x" * 1000] * 10), 10_000, {})
    assert caught.value.maybe_applied


def test_blocks_that_are_held_back_on_purpose_make_no_slow_line(make_client: MakeClient, clock: FakeClock) -> None:
    def blocks() -> Iterator[bytes]:
        for _ in range(10):
            clock.elapsed_s += 3000
            yield b"x" * 1000

    client, _ = make_client(STORED)
    assert client.storage.put_chunk(SIGNED_URL, blocks, 10_000, {})


def test_a_success_before_the_whole_chunk_was_taken_is_none(make_client: MakeClient) -> None:
    class Hasty(Wire):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            return STORED

    client, _ = make_client(storage_transport=Hasty())
    with pytest.raises(Unreachable):
        put(client, b"x")


def test_a_closed_client_is_an_interruption(make_client: MakeClient) -> None:
    client, _ = make_client(STORED)
    client.close()
    with pytest.raises(Interrupted):
        put(client, b"x")


# --- on a real socket


class Store(QuietHandler):
    """Counts connections and what arrived on them; each test makes its own subclass."""

    bodies: ClassVar[list[int]]
    connections: ClassVar[set[object]]

    def __init_subclass__(cls) -> None:
        cls.bodies, cls.connections = [], set()

    def do_PUT(self) -> None:
        assert "Transfer-Encoding" not in self.headers and "x-api-key" not in self.headers
        left = int(self.headers["Content-Length"])
        received = 0
        buffer = memoryview(bytearray(65536))
        while left and (count := self.rfile.readinto(buffer[:left])):
            left -= count
            received += count
        self.bodies.append(received)
        self.connections.add(self.client_address)
        if left == 0:
            self.reply(200, b"stored", ETag='"e"')


def test_chunks_stream_over_one_connection_without_filling_memory() -> None:
    class Handler(Store):
        pass

    size_bytes = 32 * 2**20
    block = b"x" * 2**18
    with real_server(Handler) as origin, TwelveLabs(KEY, f"{origin}/v1.3") as client:
        tracemalloc.start()
        try:
            for _ in range(3):
                body = (block for _ in range(size_bytes // len(block)))
                assert client.storage.put_chunk(f"{origin}/c", lambda body=body: body, size_bytes, {}) == "e"
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert Handler.bodies == [size_bytes] * 3
    assert len(Handler.connections) == 1 and peak_bytes < 4 * 2**20


def test_a_stopped_chunk_arrives_incomplete(stop: threading.Event) -> None:
    class Handler(Store):
        pass

    def blocks() -> Iterator[bytes]:
        yield b"x" * 1000
        stop.set()
        yield b"x" * 1000

    with (
        real_server(Handler) as origin,
        TwelveLabs(KEY, f"{origin}/v1.3", stop=stop) as client,
        pytest.raises(Interrupted),
    ):
        client.storage.put_chunk(f"{origin}/c", blocks, 2000, {})
    assert Handler.bodies in ([1000], [])


def test_a_refusal_in_the_middle_of_a_chunk_is_understood() -> None:
    class Handler(QuietHandler):
        def do_PUT(self) -> None:
            self.reply(403, b"<Error><Code>AccessDenied</Code></Error>")
            self.close_connection = True

    block = b"x" * 2**18
    with (
        real_server(Handler) as origin,
        TwelveLabs(KEY, f"{origin}/v1.3") as client,
        pytest.raises(TlsyncError) as caught,
    ):
        client.storage.put_chunk(f"{origin}/c", lambda: (block for _ in range(64)), 64 * len(block), {})
    # Whether the refusal can still be read after the connection was reset is up to the system.
    assert isinstance(caught.value, ChunkRefused | Unreachable)
