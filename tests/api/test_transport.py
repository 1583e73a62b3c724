from __future__ import annotations

import gzip
import io
import logging
import socket
import threading
import traceback
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import respx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tlsync.api import RetryPolicy, TwelveLabs, transport
from tlsync.api.types import IndexModel
from tlsync.errors import (
    ApiError,
    BadAnswer,
    FileChanged,
    FileUnreadable,
    Gone,
    Interrupted,
    NotFound,
    RateLimited,
    Rejected,
    ServerFault,
    TlsyncError,
    Unreachable,
)

from .conftest import MakeClient
from .helpers import (
    BASE_URL,
    ID,
    KEY,
    OTHER_ID,
    FakeClock,
    QuietHandler,
    form_of,
    json_of,
    json_reply,
    real_server,
)

ASSET = json_reply({"_id": ID, "status": "ready"})
FAULT = json_reply({"code": "generic_error"}, status=500)


# --- what is sent


@respx.mock
def test_a_request_on_the_wire(clock: FakeClock) -> None:
    route = respx.get(f"{BASE_URL}/assets/{ID}").respond(200, json={"_id": ID, "status": "ready"})
    with TwelveLabs(KEY, BASE_URL, clock=clock) as client:
        assert client.assets.retrieve(ID).status == "ready"
    request = route.calls.last.request
    assert request.headers["x-api-key"] == KEY
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"].startswith("tlsync/")
    assert "content-type" not in request.headers and request.content == b""


@respx.mock
def test_500_then_200(clock: FakeClock) -> None:
    route = respx.get(f"{BASE_URL}/assets/{ID}").mock(
        side_effect=[httpx.Response(500), httpx.ConnectError("x"), httpx.Response(200, json={"_id": ID})]
    )
    with TwelveLabs(KEY, BASE_URL, clock=clock) as client:
        assert client.assets.retrieve(ID).id == ID
    assert route.call_count == 3 and len(clock.waits) == 2


def test_unset_fields_are_left_out(make_client: MakeClient) -> None:
    client, wire = make_client(json_reply({"_id": ID}, status=201))
    client.indexes.create(index_name="trips", models=[IndexModel("marengo3.0", ("visual", "audio"))])
    assert json_of(wire.last) == {
        "index_name": "trips",
        "models": [{"model_name": "marengo3.0", "model_options": ["visual", "audio"]}],
    }


def test_forms_are_multipart_also_without_a_file(make_client: MakeClient) -> None:
    client, wire = make_client(json_reply({}))
    client.search.create(
        index_id=ID,
        search_options=["visual", "transcription"],
        query_text="rød bil",
        page_limit=5,
        filter={"duration": {"gte": 60}},
        include_user_metadata=False,
    )
    assert form_of(wire.last) == [
        ("index_id", None, ID.encode()),
        ("search_options", None, b"visual"),
        ("search_options", None, b"transcription"),
        ("query_text", None, "rød bil".encode()),
        ("page_limit", None, b"5"),
        ("filter", None, b'{"duration":{"gte":60}}'),
        ("include_user_metadata", None, b"false"),
    ]


def test_a_file_goes_along_with_its_name(make_client: MakeClient, tmp_path: Path) -> None:
    path = tmp_path / "lake.jpg"
    path.write_bytes(b"picture")
    client, wire = make_client(json_reply({"_id": ID}, status=201))
    client.assets.create(method="direct", file=path, filename="other.jpg")
    assert form_of(wire.last) == [
        ("method", None, b"direct"),
        ("filename", None, b"other.jpg"),
        ("file", "lake.jpg", b"picture"),
    ]
    assert int(wire.last.headers["content-length"]) == len(wire.last.content)


def test_a_second_attempt_sends_the_whole_file_again(make_client: MakeClient) -> None:
    client, wire = make_client(json_reply({}, 429, {"retry-after": "1"}), json_reply({"_id": ID}))
    file = io.BytesIO(b"picture")
    client.assets.create(method="direct", file=file)
    assert [form_of(request)[-1][2] for request in wire.requests] == [b"picture", b"picture"]


def test_text_that_cannot_be_sent_is_refused(make_client: MakeClient) -> None:
    client, wire = make_client()
    for call in (
        lambda: client.search.create(index_id=ID, search_options=["visual"], query_text="\ud800"),
        lambda: client.assets.list(filename="\ud800").first,
        lambda: client.indexes.update(ID, index_name="\ud800"),
        lambda: client.analyze_async.tasks.create(idempotency_key="a\r\nx-evil: 1"),
    ):
        with pytest.raises(Rejected):
            call()
    assert wire.requests == []


def test_cookies_are_not_kept(make_client: MakeClient) -> None:
    client, wire = make_client(json_reply({"_id": ID}, headers={"set-cookie": "track=1; Path=/"}))
    client.assets.retrieve(ID)
    client.assets.retrieve(ID)
    assert "cookie" not in wire.last.headers


def test_the_environment_does_not_decide_where_bytes_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.reply(200, b'{"_id": "x"}')

    with real_server(Handler) as origin, TwelveLabs(KEY, f"{origin}/v1.3") as client:
        assert client.assets.retrieve(ID).id == "x"


# --- retries, as the wire sees them


def test_a_create_call_of_unknown_fate_is_not_repeated(make_client: MakeClient) -> None:
    for reply in (FAULT, json_reply({}, 503), httpx.ReadTimeout("t"), httpx.Response(201, content=b"{cut")):
        client, wire = make_client(reply)
        with pytest.raises(ApiError) as caught:
            client.multipart_upload.create(filename="a.mp4", total_size=5)
        assert caught.value.maybe_applied and len(wire.requests) == 1


def test_a_create_call_that_never_left_is_repeated(make_client: MakeClient) -> None:
    client, wire = make_client(httpx.ConnectError("c"), httpx.ConnectTimeout("t"), json_reply({"_id": ID}))
    assert client.indexes.create(index_name="n", models=[]).id == ID
    assert len(wire.requests) == 3


def test_a_report_of_chunks_is_repeated(make_client: MakeClient) -> None:
    client, wire = make_client(httpx.ReadError("r"), FAULT, json_reply({"total_completed": 1}))
    answer = client.multipart_upload.report_chunk_batch(
        ID, completed_chunks=[{"chunk_index": 1, "proof": "p", "chunk_size": 5}]
    )
    assert answer.total_completed == 1 and len(wire.requests) == 3


def test_an_analysis_is_repeated_after_503_but_not_after_500(make_client: MakeClient) -> None:
    client, wire = make_client(json_reply({}, 503), json_reply({"data": "text"}))
    assert client.analyze(video_id=ID, prompt="p").data == "text"
    client, wire = make_client(FAULT)
    with pytest.raises(ServerFault) as caught:
        client.analyze(video_id=ID, prompt="p")
    assert caught.value.maybe_applied and len(wire.requests) == 1


def test_deleting_what_an_attempt_of_unknown_fate_deleted_is_a_success(make_client: MakeClient) -> None:
    client, wire = make_client(httpx.ReadTimeout("t"), json_reply({}, 404))
    client.assets.delete(ID)
    assert len(wire.requests) == 2


def test_deleting_what_is_not_there_is_an_error(make_client: MakeClient) -> None:
    client, _ = make_client(json_reply({}, 404))
    with pytest.raises(NotFound):
        client.assets.delete(ID)


def test_retry_after_is_honoured(make_client: MakeClient, clock: FakeClock) -> None:
    client, _ = make_client(json_reply({}, 429, {"retry-after": "20"}), ASSET)
    client.assets.retrieve(ID)
    assert clock.waits == pytest.approx([22.0])


def test_the_reset_of_the_limit_is_honoured_on_the_servers_clock(make_client: MakeClient, clock: FakeClock) -> None:
    headers = {
        "date": "Sat, 22 Nov 2025 18:00:00 GMT",
        "x-ratelimit-reset": str(int(clock.now().timestamp()) + 6 * 3600 + 9),
    }
    client, _ = make_client(httpx.Response(429, headers=headers), ASSET)
    client.assets.retrieve(ID)
    assert clock.waits == pytest.approx([9.9])


def test_a_limit_of_one_endpoint_leaves_the_others_alone(make_client: MakeClient) -> None:
    client, wire = make_client(json_reply({}, 429, {"retry-after": "900"}), ASSET)
    with pytest.raises(RateLimited) as caught:
        client.search.create(index_id=ID, search_options=["visual"])
    assert caught.value.retry_after_s == 900
    assert client.assets.retrieve(ID).status == "ready"
    with pytest.raises(RateLimited):
        client.search.create(index_id=ID, search_options=["visual"])
    assert len(wire.requests) == 2


def test_indexing_calls_share_a_limit(make_client: MakeClient) -> None:
    client, wire = make_client(json_reply({}, 429, {"retry-after": "900"}))
    with pytest.raises(RateLimited):
        client.indexes.indexed_assets.create(ID, asset_id=OTHER_ID)
    with pytest.raises(RateLimited):
        client.tasks.create(index_id=ID, video_url="https://media.example.com/a.mp4")
    assert len(wire.requests) == 1


def test_stop_ends_the_wait_for_another_attempt(
    make_client: MakeClient, clock: FakeClock, stop: threading.Event
) -> None:
    clock.on_wait = stop.set
    client, wire = make_client(FAULT)
    with pytest.raises(Interrupted):
        client.assets.retrieve(ID)
    assert len(wire.requests) == 1


def test_a_closed_client_is_an_interruption(make_client: MakeClient) -> None:
    client, _ = make_client()
    client.close()
    with pytest.raises(Interrupted):
        client.assets.retrieve(ID)


# --- what comes back


@pytest.mark.parametrize("status", [200, 201, 202, 204])
@pytest.mark.parametrize("body", [b"", b"  ", b"null", b"<html>surprise</html>", b"{}"])
def test_calls_without_an_answer_take_any_2xx(make_client: MakeClient, status: int, body: bytes) -> None:
    client, _ = make_client(httpx.Response(status, content=body))
    client.indexes.indexed_assets.update(ID, OTHER_ID, user_metadata={"draft": None})
    client.indexes.update(ID, index_name="n")
    client.assets.delete(ID)


def test_an_empty_body_is_an_answer_where_nothing_is_needed(make_client: MakeClient) -> None:
    client, _ = make_client(httpx.Response(200))
    assert client.tasks.transfers.get_logs(ID).data == ()


def test_an_empty_body_is_no_answer_to_a_create_call(make_client: MakeClient) -> None:
    client, _ = make_client(httpx.Response(201))
    with pytest.raises(BadAnswer) as caught:
        client.indexes.create(index_name="n", models=[])
    assert caught.value.maybe_applied


@pytest.mark.parametrize(
    "body",
    [
        b"<html>captive portal</html>",
        b'{"_id": "x"',
        b'{"_id": NaN}',
        b'{"_id": "\xff"}',
        b'{"_id": "\\ud800"}',
        '{"_id": "x"}'.encode("utf-16"),
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_what_is_not_json_is_asked_for_again(make_client: MakeClient, body: bytes) -> None:
    client, wire = make_client(httpx.Response(200, content=body), ASSET)
    assert client.assets.retrieve(ID).status == "ready"
    assert len(wire.requests) == 2


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"text"',
        b"5",
        b'{"_id": 5}',
        b'{"_id": "x", "status": ["ready"]}',
        b'{"_id": "x", "duration": "long"}',
        b'{"_id": "x", "duration": 1e999}',
        b'{"_id": "x", "user_metadata": ' + b'{"a":' * 700 + b"1" + b"}" * 701,
    ],
)
def test_json_of_another_shape_is_a_bad_answer_at_once(make_client: MakeClient, body: bytes) -> None:
    client, wire = make_client(httpx.Response(200, content=body), policy=RetryPolicy(attempts=1))
    with pytest.raises(BadAnswer) as caught:
        client.assets.retrieve(ID)
    assert len(wire.requests) == 1 and not caught.value.maybe_applied


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["_id", "data", "page_info", "status", "x"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary() | JSON.map(lambda value: repr(value).encode()) | JSON.map(msgspec.json.encode))
def test_no_answer_can_break_us(make_client: MakeClient, body: bytes) -> None:
    client, _ = make_client(httpx.Response(200, content=body))
    for call in (
        lambda: client.assets.retrieve(ID),
        lambda: list(client.indexes.indexed_assets.list(ID)),
        lambda: client.search.create(index_id=ID, search_options=["visual"]),
        lambda: client.multipart_upload.create(filename="a", total_size=1),
        lambda: client.analyze(video_id=ID, prompt="p"),
    ):
        try:
            call()
        except TlsyncError:
            pass


def test_an_answer_beyond_the_cap_is_given_up(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_CAP_BYTES", 1000)
    seen = 0

    def endless(request: httpx.Request) -> httpx.Response:
        def blocks() -> Iterator[bytes]:
            nonlocal seen
            while True:
                seen += 1
                yield b" " * 100

        return httpx.Response(200, content=blocks())

    client, wire = make_client(endless)
    with pytest.raises(BadAnswer):
        client.assets.retrieve(ID)
    assert seen < 20 and len(wire.requests) == 1


def test_a_small_body_that_unpacks_without_end_is_given_up(make_client: MakeClient) -> None:
    bomb = gzip.compress(b" " * (transport.ANSWER_CAP_BYTES + 1))
    assert len(bomb) < 100_000
    network = httpx.MockTransport(
        lambda request: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(bomb))
    )
    client, _ = make_client(transport=network)
    with pytest.raises(BadAnswer, match="longer than"):
        client.assets.retrieve(ID)


def test_damaged_compression_is_a_bad_answer(make_client: MakeClient) -> None:
    network = httpx.MockTransport(
        lambda request: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(b"no gzip"))
    )
    client, _ = make_client(transport=network)
    with pytest.raises(BadAnswer):
        client.assets.retrieve(ID)


def test_the_servers_clock_is_learnt(make_client: MakeClient, clock: FakeClock) -> None:
    client, _ = make_client(json_reply({}, headers={"date": "Sat, 22 Nov 2025 13:30:00 GMT"}))
    client.assets.retrieve(ID)
    assert (client.server_time.now() - clock.now()).total_seconds() == 5400


# --- secrets


@pytest.mark.parametrize(
    "reply",
    [
        json_reply(
            {"code": "api_key_invalid", "message": f"The key {KEY} is bad, see https://x.example.com/{KEY}"}, 401
        ),
        httpx.LocalProtocolError(f"Illegal header value b'{KEY}'"),
        httpx.ReadTimeout("timeout"),
        httpx.Response(302, headers={"location": f"https://evil.example.com/?k={KEY}"}),
        httpx.Response(200, content=b'{"_id": 5}'),
        httpx.Response(200, content=b"no json"),
    ],
)
def test_no_error_and_no_log_line_holds_the_key_or_a_url(
    make_client: MakeClient, reply: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client, _ = make_client(reply)
    with pytest.raises(TlsyncError) as caught:
        client.assets.retrieve(ID)
    error: BaseException | None = caught.value
    shown = "".join(traceback.format_exception(caught.value)) + caplog.text
    while error is not None:
        assert not isinstance(error, httpx.HTTPError)
        shown += f"{error!r} {vars(error)}"
        error = error.__cause__ or error.__context__
    assert KEY not in shown and "api.example.com" not in shown and "evil.example.com" not in shown


def test_a_real_exchange_leaves_no_url_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.reply(200, b'{"_id": "x"}')

    with caplog.at_level(logging.DEBUG), real_server(Handler) as origin, TwelveLabs(KEY, f"{origin}/v1.3") as client:
        client.assets.retrieve(ID)
    assert "called route='GET /assets/{asset_id}' status=200" in caplog.text
    assert KEY not in caplog.text and origin not in caplog.text


def test_redirects_are_not_followed_and_the_key_stays_home() -> None:
    received: list[str] = []

    class Elsewhere(QuietHandler):
        def do_GET(self) -> None:
            received.append(str(self.headers))
            self.reply(200, b"{}")

    with real_server(Elsewhere) as elsewhere:

        class Home(QuietHandler):
            def do_GET(self) -> None:
                self.reply(307, Location=f"{elsewhere}/v1.3/stolen")

        with real_server(Home) as home, TwelveLabs(KEY, f"{home}/v1.3") as client, pytest.raises(BadAnswer) as caught:
            client.assets.retrieve(ID)
    assert received == [] and caught.value.status == 307


# --- what only a socket shows


class Raw:
    """A server that plays one byte string per connection and hangs up."""

    def __init__(self, *replies: bytes) -> None:
        self.replies = list(replies)
        self.count = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        for reply in self.replies:
            connection, _ = self.listener.accept()
            with connection:
                connection.settimeout(5)
                connection.recv(65536)
                self.count += 1
                connection.sendall(reply)

    def __enter__(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/v1.3"

    def __exit__(self, *args: object) -> None:
        self.thread.join(5)
        self.listener.close()


GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n{"_id": "x"}'


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"_id',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n{"_id": "x"',
        b'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{"_id": ',
        b"SSH-2.0-OpenSSH_9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
    ],
    ids=["hung up", "short", "short chunk", "short without length", "not http", "endless header"],
)
def test_a_broken_answer_is_asked_for_again_when_that_is_harmless(broken: bytes, clock: FakeClock) -> None:
    server = Raw(broken, GOOD)
    with server as base_url, TwelveLabs(KEY, base_url, clock=clock) as client:
        assert client.assets.retrieve(ID).id == "x"
    assert server.count == 2


@pytest.mark.parametrize("broken", [b"", b'HTTP/1.1 201 Created\r\nContent-Length: 12\r\n\r\n{"_id'])
def test_a_broken_answer_to_a_create_call_is_left_to_the_caller(broken: bytes, clock: FakeClock) -> None:
    server = Raw(broken)
    with server as base_url, TwelveLabs(KEY, base_url, clock=clock) as client, pytest.raises(Unreachable) as caught:
        client.indexes.create(index_name="n", models=[])
    assert caught.value.maybe_applied and server.count == 1


def test_nobody_listens(clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with TwelveLabs(KEY, f"http://127.0.0.1:{port}/v1.3", clock=clock) as client, pytest.raises(Unreachable) as caught:
        client.indexes.create(index_name="n", models=[])
    assert len(clock.waits) == 2 and not caught.value.maybe_applied and "refused" in str(caught.value)


def test_large_files_are_not_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(64 * 2**20)
    received = 0

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            nonlocal received
            left = int(self.headers["Content-Length"])
            assert "Transfer-Encoding" not in self.headers
            buffer = memoryview(bytearray(65536))
            while left and (count := self.rfile.readinto(buffer[:left])):
                left -= count
                received += count
            self.reply(201, b'{"_id": "x"}')

    with real_server(Handler) as origin, TwelveLabs(KEY, f"{origin}/v1.3") as client:
        tracemalloc.start()
        try:
            client.assets.create(method="direct", file=path)
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert received > 64 * 2**20 and peak_bytes < 8 * 2**20


def test_a_file_that_cannot_be_read_is_told_as_that_file(make_client: MakeClient, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")

    def failing(request: httpx.Request) -> httpx.Response:
        raise OSError(5, "Input/output error")

    client, _ = make_client(failing)
    with pytest.raises(FileUnreadable) as caught:
        client.assets.create(method="direct", file=path)
    assert caught.value.path == str(path)


@pytest.mark.parametrize("sent", [b"abc", b"x" * 100])
def test_a_file_that_changes_its_length_while_it_is_sent_is_an_error(sent: bytes) -> None:
    class Changing(io.BytesIO):
        blocks = iter([sent, b""])

        def read(self, size: int | None = -1) -> bytes:
            return next(self.blocks)

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))

    with real_server(Handler) as origin, TwelveLabs(KEY, f"{origin}/v1.3") as client, pytest.raises(FileChanged):
        client.assets.create(method="direct", file=Changing(b"x" * 10))


def test_many_threads_share_a_client() -> None:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.reply(200, b'{"_id": "%s"}' % self.path.rpartition("/")[2].encode())

    wrong: list[str] = []
    with real_server(Handler) as origin, TwelveLabs(KEY, f"{origin}/v1.3") as client:

        def work(name: str) -> None:
            wrong.extend(name for _ in range(20) if client.assets.retrieve(name).id != name)

        threads = [threading.Thread(target=work, args=(f"asset{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_removed_endpoints_are_gone_and_say_what_instead(make_client: MakeClient) -> None:
    client, wire = make_client(json_reply({"code": "not_found"}, 404))
    with pytest.raises(Gone, match="json_schema"):
        client.gist(video_id=ID, types=["title"])
    assert len(wire.requests) == 1
