"""The transport for chunks, on real sockets: what is sent, what comes early, what breaks."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import trustme

from tlsync.api.connections import timeout
from tlsync.api.put_transport import PutTransport

GOOD = b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 2\r\n\r\nok'
REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nbecause"[:-1]
TLS = trustme.CA()

Serve = Callable[[socket.socket], None]


@contextmanager
def storage(serve: Serve, *, is_tls: bool = True, connections: int = 1) -> Iterator[str]:
    """A server whose every connection is served by `serve` in a thread; its URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    TLS.issue_cert("127.0.0.1").configure_cert(context)

    def one(plain: socket.socket) -> None:
        plain.settimeout(10)
        try:
            with context.wrap_socket(plain, server_side=True) if is_tls else plain as peer:
                serve(peer)
        except OSError:
            pass  # the other side had enough

    def accept() -> None:
        for _ in range(connections):
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=one, args=(plain,))
            thread.start()
            threads.append(thread)

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"{'https' if is_tls else 'http'}://127.0.0.1:{listener.getsockname()[1]}/c?signature=x"
        finally:
            accepting.join()
            for thread in threads:
                thread.join()


@pytest.fixture
def way() -> Iterator[PutTransport]:
    context = ssl.create_default_context()
    TLS.configure_trust(context)
    transport = PutTransport(context)
    yield transport
    transport.close()


def put(
    way: PutTransport, url: str, blocks: Iterator[bytes], size_bytes: int, *, read_s: float = 10.0
) -> httpx.Response:
    headers = {"content-length": str(size_bytes), "x-own": "1"}
    extensions = {"timeout": timeout(read_s).as_dict()}
    response = way.handle_request(httpx.Request("PUT", url, content=blocks, headers=headers, extensions=extensions))
    response.read()
    response.close()
    return response


def received(peer: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one request."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = peer.recv(65536)
        if not part:
            raise OSError("gone")
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")).split()[1])
    while len(body) < length:
        part = peer.recv(65536)
        if not part:
            raise OSError("gone")
        body += part
    return head, body


@pytest.mark.parametrize("is_tls", [True, False])
def test_a_body_arrives_as_it_is_and_the_connection_serves_again(way: PutTransport, is_tls: bool) -> None:
    got: list[tuple[bytes, bytes]] = []

    def serve(peer: socket.socket) -> None:
        for _ in range(2):
            got.append(received(peer))
            peer.sendall(GOOD)

    blocks = [bytes([number]) * 100_000 for number in range(20)]
    with storage(serve, is_tls=is_tls) as url:
        for _ in range(2):
            response = put(way, url, iter(blocks), 2_000_000)
            assert (response.status_code, response.headers["etag"], response.content) == (200, '"e"', b"ok")
    head = got[0][0]
    assert head.startswith(b"PUT /c?signature=x HTTP/1.1\r\n") and b"\r\nx-own: 1" in head
    assert b"expect" not in head.lower() and b"transfer-encoding" not in head.lower()
    assert [body for _, body in got] == [b"".join(blocks)] * 2


def test_a_refusal_before_the_end_is_read_and_the_rest_is_not_sent(way: PutTransport) -> None:
    answered = threading.Event()

    def serve(peer: socket.socket) -> None:
        peer.recv(1000)
        peer.sendall(REFUSED)
        answered.set()
        while peer.recv(65536):
            pass

    def blocks() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 1000
            answered.wait(10)
            given.append(1)

    given: list[int] = []
    with storage(serve) as url:
        response = put(way, url, blocks(), 1_000_000)
        way.close()
    assert (response.status_code, response.content) == (403, b"becaus")
    assert len(given) < 1000


def test_a_connection_that_was_refused_in_the_middle_is_not_used_again(way: PutTransport) -> None:
    heads: list[bytes] = []

    def serve(peer: socket.socket) -> None:
        if not heads:
            heads.append(peer.recv(1000))
            peer.sendall(REFUSED)
            while peer.recv(65536):
                pass
        else:
            heads.append(received(peer)[0])
            peer.sendall(GOOD)

    with storage(serve, connections=2) as url:
        first = put(way, url, (b"x" * 100_000 for _ in range(1000)), 100_000_000)
        assert (first.status_code, put(way, url, iter([b"y"]), 1).status_code) == (403, 200)
    assert len(heads) == 2


def test_a_continue_is_no_answer(way: PutTransport) -> None:
    def serve(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        received(peer)
        peer.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" + GOOD)

    with storage(serve) as url:
        assert put(way, url, iter([b"x" * 1000] * 3), 3000).status_code == 200


def test_a_connection_that_the_other_side_closed_is_replaced(way: PutTransport) -> None:
    closed = threading.Event()

    def serve(peer: socket.socket) -> None:
        received(peer)
        peer.sendall(GOOD)
        peer.shutdown(socket.SHUT_RDWR)
        closed.set()

    with storage(serve, connections=2, is_tls=False) as url:
        assert put(way, url, iter([b"x"]), 1).status_code == 200
        assert closed.wait(10)
        assert put(way, url, iter([b"x"]), 1).status_code == 200


def test_an_answer_without_keep_alive_ends_the_connection(way: PutTransport) -> None:
    def serve(peer: socket.socket) -> None:
        received(peer)
        peer.sendall(GOOD.replace(b"ETag", b"Connection: close\r\nETag"))
        assert peer.recv(1) == b""

    with storage(serve, connections=2) as url:
        for _ in range(2):
            assert put(way, url, iter([b"x"]), 1).status_code == 200


def test_hanging_up_is_told(way: PutTransport) -> None:
    def serve(peer: socket.socket) -> None:
        received(peer)

    with storage(serve) as url, pytest.raises(httpx.RemoteProtocolError):
        put(way, url, iter([b"x"]), 1)


def test_hanging_up_in_the_middle_is_told(way: PutTransport) -> None:
    def serve(peer: socket.socket) -> None:
        peer.recv(10)

    with storage(serve) as url, pytest.raises(httpx.TransportError):
        put(way, url, (b"x" * 100_000 for _ in range(1000)), 100_000_000)


def test_what_is_no_http_is_told(way: PutTransport) -> None:
    def serve(peer: socket.socket) -> None:
        received(peer)
        peer.sendall(b"SSH-2.0-x\r\n\r\n")

    with storage(serve) as url, pytest.raises(httpx.RemoteProtocolError):
        put(way, url, iter([b"x"]), 1)


def test_no_answer_in_time_is_told(way: PutTransport) -> None:
    end = threading.Event()

    def serve(peer: socket.socket) -> None:
        received(peer)
        end.wait(10)

    with storage(serve) as url:
        try:
            with pytest.raises(httpx.ReadTimeout):
                put(way, url, iter([b"x"]), 1, read_s=0.05)
        finally:
            end.set()


def test_a_side_that_takes_nothing_any_more_is_told(way: PutTransport) -> None:
    end = threading.Event()

    def serve(peer: socket.socket) -> None:
        end.wait(10)

    with storage(serve) as url:
        try:
            with pytest.raises(httpx.WriteTimeout):
                put(way, url, (b"x" * 1_000_000 for _ in range(100)), 100_000_000, read_s=0.2)
        finally:
            end.set()


def test_nobody_there_is_told(way: PutTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(httpx.ConnectError) as caught:
        put(way, f"https://127.0.0.1:{port}/", iter([b"x"]), 1)
    assert isinstance(caught.value.__context__, ConnectionRefusedError)


def test_a_certificate_of_nobody_known_is_told_and_nothing_is_sent() -> None:
    def serve(peer: socket.socket) -> None:
        raise AssertionError("the handshake went through")

    transport = PutTransport(ssl.create_default_context())
    with storage(serve) as url, pytest.raises(httpx.ConnectError) as caught:
        put(transport, url, iter([b"x"]), 1)
    transport.close()
    assert isinstance(caught.value.__context__, ssl.SSLCertVerificationError)


@pytest.mark.parametrize("size_bytes", [2, 0])
def test_fewer_bytes_than_announced_are_no_request(way: PutTransport, size_bytes: int) -> None:
    def serve(peer: socket.socket) -> None:
        received(peer)

    with storage(serve) as url, pytest.raises(httpx.LocalProtocolError):
        put(way, url, iter([b"x" * size_bytes]), 5)


def test_a_body_of_unknown_length_is_not_sent(way: PutTransport) -> None:
    def serve(peer: socket.socket) -> None:
        assert peer.recv(1) == b""

    with storage(serve) as url, pytest.raises(httpx.LocalProtocolError):
        way.handle_request(httpx.Request("PUT", url, content=iter([b"x"])))


def test_what_the_body_raises_ends_the_connection(way: PutTransport) -> None:
    ended = threading.Event()

    def serve(peer: socket.socket) -> None:
        try:
            received(peer)
        finally:
            ended.set()

    def blocks() -> Iterator[bytes]:
        yield b"x"
        raise KeyError("the file is gone")

    with storage(serve) as url:
        with pytest.raises(KeyError):
            put(way, url, blocks(), 5)
        assert ended.wait(10)


def test_a_header_that_cannot_be_sent_is_told(way: PutTransport) -> None:
    def serve(peer: socket.socket) -> None:
        assert peer.recv(1) == b""

    headers = {"content-length": "1", "x": "a\r\nb: c"}
    with storage(serve) as url, pytest.raises(httpx.LocalProtocolError):
        way.handle_request(httpx.Request("PUT", url, content=iter([b"x"]), headers=headers))
