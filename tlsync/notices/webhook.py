"""Posts events to a web server of the user: signed, several in one call, tried again while there is hope."""

from __future__ import annotations

import hashlib
import logging
import random
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Protocol

from tlsync.api.webhook import Answer
from tlsync.clock import Clock, to_text
from tlsync.config import WebhookSettings
from tlsync.errors import ApiError, ConfigError, Interrupted
from tlsync.notices.events import Event, as_json, to_bytes
from tlsync.notices.sender import Note, Sender
from tlsync.notices.signing import read_secrets, signed_headers

log = logging.getLogger(__name__)

MESSAGE_TYPE = "tlsync.events"
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 900.0
_LONGEST_TOLD_S = 3600.0
_OLDEST = timedelta(days=3)
"""What could not be told for so long is no news any more."""
_TEMPORARY = frozenset({408, 425, 429})
_GONE = 410


class Client(Protocol):
    """Posts once."""

    name: str

    def post(self, body: bytes, headers: dict[str, str]) -> Answer: ...
    def close(self) -> None: ...


class Webhook(Sender):
    """Posts to one URL."""

    most_at_once = 20
    """A body then stays below the 20 kB that the specification recommends, with paths as long as usual."""

    def __init__(
        self,
        webhook: WebhookSettings,
        client: Client,
        clock: Clock,
        halt: threading.Event,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """
        Args:
            jitter: A random number from 0 to 1.
        """
        self._webhook = webhook
        self._client = client
        self._clock = clock
        self._halt = halt
        self._jitter = jitter
        self._is_gone = False
        self._told = ""

    def close(self) -> None:
        self._client.close()

    def deliver(self, events: Sequence[Event], note: Note) -> None:
        news = [event for event in events if self._clock.now() - event.at <= _OLDEST]
        if len(news) < len(events):
            log.warning("events are too old to be posted, they are left out events=%d", len(events) - len(news))
        if not news or self._is_gone:
            return
        number, body = message(news)
        failures = 0
        while True:
            trouble, wait_s = self.attempt(number, body)
            if wait_s is None:
                self._tell(trouble and f"{trouble}: {len(news)} events are given up", note)
                return
            failures += 1
            wait_s = max(wait_s, self._backoff_s(failures))
            self._tell(trouble, note)
            log.debug("posting events again wait_s=%.1f attempt=%d", wait_s, failures)
            if self._clock.wait(self._halt, wait_s):
                raise Interrupted("stopped before events could be posted")
            if self._clock.now() - news[-1].at > _OLDEST:
                self._tell(f"{trouble}: {len(news)} events are given up after {_OLDEST.days} days", note)
                return

    def attempt(self, number: str, body: bytes) -> tuple[str, float | None]:
        """Post once.

        Returns:
            What went wrong ("": nothing), and the least seconds until another attempt makes sense (None: never).

        Raises:
            Interrupted: The client was closed.
        """
        assert self._webhook.secret_file is not None  # the settings see to it
        try:
            keys = read_secrets(self._webhook.secret_file)
            headers = signed_headers(number, self._clock.now(), body, keys)
            answer = self._client.post(body, {"content-type": "application/json", **headers})
        except (ConfigError, ApiError) as error:
            return error.message, 0.0
        if 200 <= answer.status < 300:
            return "", None
        said = f"{self._client.name} answered {answer.status}"
        if answer.status >= 500 or answer.status in _TEMPORARY:
            return said, min(answer.retry_after_s or 0.0, _LONGEST_TOLD_S)
        if answer.status == _GONE:
            self._is_gone = True
            return f"{said} (gone): nothing more is posted until tlsync starts again", None
        if 300 <= answer.status < 400:
            return f"{said} (redirects are not followed: set [webhook] url to where it leads)", None
        return said, None

    def _tell(self, trouble: str, note: Note) -> None:
        if trouble and trouble != self._told:
            log.warning("webhook failed reason=%s", trouble)
        self._told = trouble
        note(trouble and f"webhook: {trouble}")

    def _backoff_s(self, failures: int) -> float:
        """From half to the whole of a span that doubles: many senders spread out, and none hurries."""
        bound_s = min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2.0 ** min(failures - 1, 30))
        return bound_s * (0.5 + 0.5 * self._jitter())


def message(events: Sequence[Event]) -> tuple[str, bytes]:
    """The number and the body of a message; the same for the same events."""
    number = "msg_" + hashlib.sha256(" ".join(event.id for event in events).encode("ascii")).hexdigest()[:32]
    document = {
        "type": MESSAGE_TYPE,
        "timestamp": to_text(max(event.at for event in events)),
        "data": {"v": 1, "events": [as_json(event) for event in events]},
    }
    return number, to_bytes(document)
