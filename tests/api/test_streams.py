from __future__ import annotations

import threading
from collections.abc import Iterator

import httpx
import pytest

from tlsync.api import TwelveLabs, transport
from tlsync.api.streams import parse_generation
from tlsync.errors import BadAnswer, Interrupted, RateLimited, Rejected, ServerFault, Unreachable

from .conftest import MakeClient
from .helpers import ID, KEY, QuietHandler, json_of, json_reply, real_server

START = b'{"event_type":"stream_start","metadata":{"generation_id":"g1"}}\n'
TEXT = b'{"event_type":"text_generation","text":"Light rain, th"}\n{"event_type":"text_generation","text":"en sun."}\n'
USAGE = b'{"generation_id":"g1","usage":{"output_tokens":7}}'
END = b'{"event_type":"stream_end","finish_reason":"stop","metadata":%s}\n' % USAGE
WHOLE = START + TEXT + END


class Pieces(httpx.SyncByteStream):
    """A body in the given pieces; notes whether it was closed."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = pieces
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    def close(self) -> None:
        self.is_closed = True


def streaming(make_client: MakeClient, *pieces: bytes | Exception) -> tuple[TwelveLabs, Pieces]:
    stream = Pieces(*pieces)
    client, _ = make_client(transport=httpx.MockTransport(lambda request: httpx.Response(200, stream=stream)))
    return client, stream


def read(client: TwelveLabs) -> str:
    with client.analyze_stream(video_id=ID, prompt="p") as stream:
        return "".join(stream.texts())


def test_the_pieces_make_the_text(make_client: MakeClient) -> None:
    client, stream = streaming(make_client, WHOLE)
    assert read(client) == "Light rain, then sun."
    assert stream.is_closed


def test_lines_may_be_cut_anywhere(make_client: MakeClient) -> None:
    client, _ = streaming(make_client, *[bytes([byte]) for byte in WHOLE.replace(b"\n", b"\r\n\n")])
    assert read(client) == "Light rain, then sun."


def test_the_last_line_needs_no_end(make_client: MakeClient) -> None:
    client, _ = streaming(make_client, WHOLE.rstrip())
    assert read(client) == "Light rain, then sun."


def test_events_are_typed(make_client: MakeClient) -> None:
    client, _ = streaming(make_client, WHOLE)
    with client.analyze_stream(video_id=ID, prompt="p") as stream:
        events = list(stream)
    assert events[0].event_type == "stream_start"
    last = events[-1]
    assert last.finish_reason == "stop" and last.metadata is not None and last.metadata.usage is not None
    assert last.metadata.usage.output_tokens == 7


def test_events_of_later_servers_pass(make_client: MakeClient) -> None:
    client, _ = streaming(make_client, START, b'{"event_type":"thought","text":"hm","x":1}\n', END)
    assert read(client) == "hm"


@pytest.mark.parametrize(
    "pieces",
    [
        [START, TEXT],
        [START, TEXT, b'{"event_type":"stream_e'],
        [START, httpx.RemoteProtocolError("peer closed")],
        [],
        [START, b"no json\n", END],
        [START, b'{"event_type": 5}\n', END],
        [START, b"null\n", END],
        [START, b'{"text":"\xff"}\n', END],
    ],
)
def test_a_stream_that_is_not_whole_is_a_bad_answer(make_client: MakeClient, pieces: list[bytes]) -> None:
    client, stream = streaming(make_client, *pieces)
    with pytest.raises(BadAnswer) as caught:
        read(client)
    assert stream.is_closed and caught.value.maybe_applied


@pytest.mark.parametrize("error", [httpx.ReadError("r"), httpx.ReadTimeout("t")])
def test_a_broken_connection_is_told_as_that(make_client: MakeClient, error: Exception) -> None:
    client, stream = streaming(make_client, START, error)
    with pytest.raises(Unreachable) as caught:
        read(client)
    assert stream.is_closed and caught.value.maybe_applied and caught.value.__context__ is None


def test_leaving_early_closes_the_connection(make_client: MakeClient) -> None:
    client, stream = streaming(make_client, START, TEXT, END)
    with client.analyze_stream(video_id=ID, prompt="p") as events:
        next(iter(events))
    assert stream.is_closed


def test_stop_ends_a_stream(make_client: MakeClient, stop: threading.Event) -> None:
    client, stream = streaming(make_client, START, TEXT, END)
    with pytest.raises(Interrupted), client.analyze_stream(video_id=ID, prompt="p") as events:
        for _ in events:
            stop.set()
    assert stream.is_closed


def test_a_line_without_end_is_given_up(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LINE_CAP_BYTES", 1000)
    client, stream = streaming(make_client, *[b"x" * 100] * 100)
    with pytest.raises(BadAnswer):
        read(client)
    assert stream.is_closed


def test_a_stream_without_end_is_given_up(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "ANSWER_CAP_BYTES", 10_000)
    client, _ = streaming(make_client, *[TEXT] * 1000)
    with pytest.raises(BadAnswer):
        read(client)


def test_nothing_is_asked_before_the_block_is_entered(make_client: MakeClient) -> None:
    client, wire = make_client(httpx.Response(200, content=WHOLE))
    stream = client.analyze_stream(video_id=ID, prompt="p", temperature=0.2)
    assert wire.requests == []
    with pytest.raises(RuntimeError):
        next(iter(stream))
    with stream:
        pass
    assert json_of(wire.last) == {"video_id": ID, "prompt": "p", "temperature": 0.2, "stream": True}


def test_only_the_opening_is_repeated(make_client: MakeClient) -> None:
    client, wire = make_client(
        httpx.ConnectError("c"), json_reply({}, 503), json_reply({}, 429), httpx.Response(200, content=WHOLE)
    )
    assert read(client) == "Light rain, then sun." and len(wire.requests) == 4


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (json_reply({"code": "token_limit_exceeded"}, 400), Rejected),
        (json_reply({}, 500), ServerFault),
        (httpx.Response(429, headers={"retry-after": "600"}), RateLimited),
    ],
)
def test_a_refusal_before_the_stream_is_an_ordinary_error(
    make_client: MakeClient, reply: httpx.Response, kind: type[Exception]
) -> None:
    client, wire = make_client(reply)
    with pytest.raises(kind):
        read(client)
    assert len(wire.requests) == 1


def test_on_a_socket_events_arrive_one_by_one_and_a_cut_is_noticed() -> None:
    seen = threading.Event()

    class Handler(QuietHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(START), START))
            self.wfile.flush()
            # The second event is only written when the first was read.
            seen.wait(5)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(TEXT), TEXT))
            self.close_connection = True

    with (
        real_server(Handler) as origin,
        TwelveLabs(KEY, f"{origin}/v1.3") as client,
        client.analyze_stream(video_id=ID, prompt="p") as stream,
    ):
        events = iter(stream)
        assert next(events).event_type == "stream_start"
        seen.set()
        assert [next(events).text for _ in range(2)] == ["Light rain, th", "en sun."]
        with pytest.raises(BadAnswer):
            next(events)


def test_a_generation_may_come_as_one_object_or_as_a_stream() -> None:
    assert parse_generation(b'{"data": "x"}') == {"data": "x"}
    assert parse_generation(b"") is None
    joined = parse_generation(WHOLE)
    assert joined["data"] == "Light rain, then sun." and joined["id"] == "g1"
    assert joined["finish_reason"] == "stop" and joined["usage"] == {"output_tokens": 7}


@pytest.mark.parametrize("body", [START + TEXT, b"<html>", b"{}\n[]\n", b"{}\nx\n", b"\n\xff\n", b"1\n2\n"])
def test_a_generation_that_is_neither_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_generation(body)


def test_analyze_understands_a_server_that_streams_all_the_same(make_client: MakeClient) -> None:
    client, wire = make_client(httpx.Response(200, content=WHOLE))
    assert client.analyze(video_id=ID, prompt="p").data == "Light rain, then sun."
    assert client.generate(video_id=ID, prompt="p").data == "Light rain, then sun."
    assert json_of(wire.last)["stream"] is False
