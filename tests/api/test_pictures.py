from __future__ import annotations

import logging
import traceback

import httpx
import pytest

from tlsync.errors import ApiError, BadAnswer, InsecureUrl, Interrupted, NotFound, ServerFault, Unreachable

from .conftest import MakeClient
from .helpers import KEY, FakeClock

LINK = "https://media.example.com/thumb/1.jpg?X-Amz-Signature=CANARYSIGNATURE"
JPEG = b"\xff\xd8\xff\xe0 picture"


def test_a_picture_is_asked_for_without_the_key(make_client: MakeClient) -> None:
    client, wire = make_client(httpx.Response(200, content=JPEG))
    assert client.pictures.get(LINK) == JPEG
    assert str(wire.last.url) == LINK
    assert KEY not in str(wire.last.headers)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (httpx.Response(403, text="no"), NotFound),
        (httpx.Response(404), NotFound),
        (httpx.Response(302, headers={"location": "https://elsewhere.example.com/x.jpg"}), BadAnswer),
        (httpx.Response(500), ServerFault),
        (httpx.Response(200, text="<html>"), BadAnswer),
        (httpx.Response(200, content=b""), BadAnswer),
        (httpx.Response(200, content=JPEG + bytes(5 << 20)), BadAnswer),
        (httpx.ConnectError(f"can't reach {LINK}"), Unreachable),
        (httpx.ReadTimeout(f"no bytes of {LINK}"), Unreachable),
    ],
)
def test_what_goes_wrong_has_a_name_and_tells_no_link(
    make_client: MakeClient, caplog: pytest.LogCaptureFixture, reply: httpx.Response | Exception, kind: type[ApiError]
) -> None:
    caplog.set_level(logging.DEBUG)
    client, wire = make_client(reply)
    with pytest.raises(kind) as caught:
        client.pictures.get(LINK)
    assert len(wire.requests) == 1
    said = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "CANARYSIGNATURE" not in said
    assert "media.example.com" not in said


@pytest.mark.parametrize(
    "url",
    ["http://media.example.com/1.jpg", "file:///etc/passwd", "https://192.168.0.9/1.jpg", "https://a:b@x.io/1", ""],
)
def test_a_link_to_somewhere_else_is_not_followed(make_client: MakeClient, url: str) -> None:
    client, wire = make_client(httpx.Response(200, content=JPEG))
    with pytest.raises(InsecureUrl):
        client.pictures.get(url)
    assert wire.requests == []


def test_a_line_that_is_too_slow_is_given_up(make_client: MakeClient, clock: FakeClock) -> None:
    class Slow(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]
            while True:
                clock.elapsed_s += 20
                yield JPEG

    client, _ = make_client(lambda request: httpx.Response(200, stream=Slow()))
    with pytest.raises(Unreachable, match="too slow"):
        client.pictures.get(LINK)


def test_a_closed_client_says_so(make_client: MakeClient) -> None:
    client, _ = make_client(httpx.Response(200, content=JPEG))
    client.close()
    with pytest.raises(Interrupted):
        client.pictures.get(LINK)
