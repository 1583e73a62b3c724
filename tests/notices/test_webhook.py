"""Events are posted signed, and again while there is hope."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tlsync.api.webhook import Answer
from tlsync.config import WebhookSettings
from tlsync.errors import ApiError, ConfigError, Interrupted, Unreachable
from tlsync.notices.events import Event
from tlsync.notices.signing import read_secrets, signed_headers
from tlsync.notices.webhook import Webhook

KEY = bytes(range(32))
SECRET = "whsec_" + base64.b64encode(KEY).decode()
README = (Path(__file__).parent.parent.parent / "README.md").read_text("utf-8")


class Server:
    """Answers as told; then with 200."""

    name = "POST https://example.com"

    def __init__(self, *answers: int | Answer | ApiError) -> None:
        self.answers = list(answers)
        self.posts: list[tuple[bytes, dict[str, str]]] = []
        self.is_closed = False

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        self.posts.append((body, dict(headers)))
        answer = self.answers.pop(0) if self.answers else 200
        if isinstance(answer, ApiError):
            raise answer
        return Answer(answer, None) if isinstance(answer, int) else answer

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text(SECRET + "\n")
    return file


@pytest.fixture
def halt() -> threading.Event:
    return threading.Event()


@pytest.fixture
def event(fake_clock: FakeClock) -> Event:
    return Event("evt_1", "enriched", fake_clock.now(), path=Path("/footage/a.mp4"))


def make(server: Server, secret_file: Path, clock: FakeClock, halt: threading.Event) -> Webhook:
    settings = WebhookSettings("https://example.com/in", secret_file=secret_file)
    return Webhook(settings, server, clock, halt, jitter=lambda: 1.0)


def deliver(webhook: Webhook, *events: Event) -> list[str]:
    notes: list[str] = []
    webhook.deliver(events, notes.append)
    return notes


def test_events_are_posted_together_and_signed(
    secret_file: Path, fake_clock: FakeClock, halt: threading.Event, event: Event
) -> None:
    server = Server()
    other = Event("evt_2", "failed", fake_clock.now(), path=Path("/footage/b.mp4"))
    assert deliver(make(server, secret_file, fake_clock, halt), event, other) == [""]
    ((body, headers),) = server.posts
    document = json.loads(body)
    assert document["type"] == "tlsync.events"
    assert document["timestamp"] == "2026-01-02T03:04:05.000Z"
    assert [told["id"] for told in document["data"]["events"]] == ["evt_1", "evt_2"]
    assert headers["content-type"] == "application/json"
    assert headers["webhook-timestamp"] == str(int(fake_clock.now().timestamp()))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    proof = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{proof}"


def test_the_signature_is_that_of_the_specification(fake_clock: FakeClock) -> None:
    """The example of the Standard Webhooks libraries' tests."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = fake_clock.now().fromtimestamp(1614265330, tz=fake_clock.now().tzinfo)
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [key])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_readme_shows_how_to_verify(
    secret_file: Path, fake_clock: FakeClock, halt: threading.Event, event: Event
) -> None:
    """Its lines take what is ours, and nothing that was changed or is old."""
    (lines,) = re.findall(r"<!-- verify-webhook -->\n```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(lines.replace("time.time()", repr(fake_clock.now().timestamp())), names)
    is_genuine = names["is_genuine"]
    assert callable(is_genuine)
    server = Server()
    deliver(make(server, secret_file, fake_clock, halt), event)
    ((body, headers),) = server.posts
    assert is_genuine(SECRET, headers, body)
    assert not is_genuine(SECRET, headers, body + b" ")
    assert not is_genuine(SECRET, {**headers, "webhook-id": "msg_other"}, body)
    assert not is_genuine("whsec_" + base64.b64encode(KEY[::-1]).decode(), headers, body)
    old = signed_headers("msg_1", fake_clock.now() - timedelta(minutes=6), body, [KEY])
    assert not is_genuine(SECRET, old, body)


def test_the_same_message_is_tried_again_with_longer_and_longer_waits(
    secret_file: Path, fake_clock: FakeClock, halt: threading.Event, event: Event
) -> None:
    server = Server(500, 503, Unreachable("POST https://example.com: no connection in time"), 429)
    notes = deliver(make(server, secret_file, fake_clock, halt), event)
    assert fake_clock.waits == [1.0, 2.0, 4.0, 8.0]
    assert notes[-1] == ""
    assert "answered 500" in notes[0]
    ids = {headers["webhook-id"] for _, headers in server.posts}
    times = {headers["webhook-timestamp"] for _, headers in server.posts}
    assert (len(ids), len(times), len(server.posts)) == (1, 5, 5)


def test_the_servers_wish_to_wait_is_respected(
    secret_file: Path, fake_clock: FakeClock, halt: threading.Event, event: Event
) -> None:
    server = Server(Answer(503, 120.0), Answer(429, 1e9))
    deliver(make(server, secret_file, fake_clock, halt), event)
    assert fake_clock.waits == [120.0, 3600.0]


@pytest.mark.parametrize("status", [301, 400, 401, 404, 413])
def test_what_would_be_refused_again_is_given_up_and_said(
    status: int, secret_file: Path, fake_clock: FakeClock, halt: threading.Event, event: Event
) -> None:
    server = Server(status)
    webhook = make(server, secret_file, fake_clock, halt)
    (note,) = deliver(webhook, event)
    assert f"answered {status}" in note
    assert "1 events are given up" in note
    assert fake_clock.waits == []
    assert deliver(webhook, event) == [""]


def test_a_server_that_wants_no_more_gets_no_more(
    secret_file: Path, fake_clock: FakeClock, halt: threading.Event, event: Event
) -> None:
    server = Server(410)
    webhook = make(server, secret_file, fake_clock, halt)
    deliver(webhook, event)
    deliver(webhook, event)
    assert len(server.posts) == 1


def test_old_events_are_no_news(secret_file: Path, fake_clock: FakeClock, halt: threading.Event, event: Event) -> None:
    server = Server()
    fake_clock.advance(3 * 86400 + 1)
    assert deliver(make(server, secret_file, fake_clock, halt), event) == []
    assert server.posts == []


def test_a_server_that_stays_away_is_given_up_after_days(
    secret_file: Path, fake_clock: FakeClock, halt: threading.Event, event: Event
) -> None:
    server = Server(*[503] * 1000)
    notes = deliver(make(server, secret_file, fake_clock, halt), event)
    assert "given up after 3 days" in notes[-1]
    assert 280 < len(server.posts) < 310


def test_stopping_ends_the_waiting(
    secret_file: Path, fake_clock: FakeClock, halt: threading.Event, event: Event
) -> None:
    halt.set()
    with pytest.raises(Interrupted):
        deliver(make(Server(503), secret_file, fake_clock, halt), event)


def test_a_secret_that_others_can_read_sends_nothing(
    secret_file: Path, fake_clock: FakeClock, halt: threading.Event, event: Event
) -> None:
    secret_file.chmod(0o644)
    server = Server()
    trouble, wait_s = make(server, secret_file, fake_clock, halt).attempt("msg_1", b"{}")
    assert "others can read" in trouble
    assert wait_s == 0.0
    assert server.posts == []


def test_two_secrets_sign_while_one_takes_the_place_of_the_other(secret_file: Path, fake_clock: FakeClock) -> None:
    secret_file.write_text(f"{SECRET}\nwhsec_{base64.b64encode(KEY[::-1]).decode()}\n")
    keys = read_secrets(secret_file)
    headers = signed_headers("msg_1", fake_clock.now(), b"{}", keys)
    assert keys == [KEY, KEY[::-1]]
    assert [part[:3] for part in headers["webhook-signature"].split(" ")] == ["v1,", "v1,"]


@pytest.mark.parametrize("text", ["", "secret", "whsec_", "whsec_AAAA", f"{SECRET}!", SECRET[6:]])
def test_other_texts_are_no_secrets_and_are_not_shown(text: str, secret_file: Path) -> None:
    secret_file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_secrets(secret_file)
    assert str(secret_file) in caught.value.message
    assert KEY.hex() not in str(caught.value)
    assert text not in caught.value.message or len(text) < 8
