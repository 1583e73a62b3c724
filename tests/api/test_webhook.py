"""The one POST of events: what is sent, what comes of it, and what never shows."""

from __future__ import annotations

import logging

import httpx
import pytest

from tests.conftest import FakeClock
from tlsync.api.webhook import Answer, WebhookClient
from tlsync.errors import Interrupted, Unreachable

URL = "https://example.com/in?token=canary-0123456789"


def test_the_answer_is_its_status_and_its_wish(fake_clock: FakeClock) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(503, headers={"retry-after": "7"}, stream=httpx.ByteStream(b"x" * 1_000_000))

    client = WebhookClient(URL, clock=fake_clock, transport=httpx.MockTransport(answer))
    assert client.post(b"{}", {"webhook-id": "msg_1"}) == Answer(503, 7.0)
    assert (str(asked[0].url), asked[0].content, asked[0].headers["webhook-id"]) == (URL, b"{}", "msg_1")
    assert "x-api-key" not in asked[0].headers


def test_redirects_are_not_followed(fake_clock: FakeClock) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(307, headers={"location": "http://127.0.0.1/"}, stream=httpx.ByteStream(b""))

    client = WebhookClient(URL, clock=fake_clock, transport=httpx.MockTransport(answer))
    assert client.post(b"{}", {}).status == 307
    assert asked == [URL]


def test_neither_errors_nor_logs_show_the_url(fake_clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout(f"no answer from {request.url}", request=request)

    caplog.set_level(logging.DEBUG)
    client = WebhookClient(URL, clock=fake_clock, transport=httpx.MockTransport(fail))
    with pytest.raises(Unreachable) as caught:
        client.post(b"{}", {})
    assert "POST https://example.com" in caught.value.message
    assert "canary" not in str(caught.value) + caplog.text
    assert caught.value.__context__ is None


def test_a_packed_answer_is_an_answer(fake_clock: FakeClock) -> None:
    """What it is packed with is of no interest, and may be damaged."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers={"content-encoding": "br"}, stream=httpx.ByteStream(b"junk"))

    client = WebhookClient(URL, clock=fake_clock, transport=httpx.MockTransport(answer))
    assert client.post(b"{}", {}).status == 200


def test_a_closed_client_says_so(fake_clock: FakeClock) -> None:
    client = WebhookClient(URL, clock=fake_clock, transport=httpx.MockTransport(lambda request: httpx.Response(200)))
    client.close()
    with pytest.raises(Interrupted):
        client.post(b"{}", {})
