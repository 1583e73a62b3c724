"""The POST of events to a web server of the user: its own HTTP client without the key, one attempt, bounded.

The URL may hold a secret, so it appears in no message and no log beyond its host. Nothing of an answer's body is used.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from tlsync.api import failures
from tlsync.api.connections import HttpClient, shared_ssl_context
from tlsync.api.server_time import retry_after_s
from tlsync.clock import Clock

log = logging.getLogger(__name__)

_TIMEOUT_S = 20.0
"""Source: Standard Webhooks 1.0.0, "Request timeouts": between 15 and 30 s."""
_LONGEST_S = 30.0
_MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What a web server said. `retry_after_s` is its wish, if it has one."""

    status: int
    retry_after_s: float | None


class WebhookClient:
    """Posts to one URL, which was checked with the settings."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock,
        transport: httpx.BaseTransport | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """
        Args:
            transport: Takes the place of the network, in tests.
            ssl_context: Which servers to trust; by default the authorities of certifi and of the system.
        """
        self._url = httpx.URL(url)
        self._clock = clock
        # Nothing is taken off an answer's body: it is not looked at, whatever it is packed with.
        way = transport or httpx.HTTPTransport(verify=ssl_context or shared_ssl_context(), trust_env=False)
        self._http = HttpClient(way, None, _TIMEOUT_S)
        self.name = f"POST {self._url.scheme}://{self._url.netloc.decode('ascii')}"

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send a body once. Redirects are answers like others.

        Raises:
            ApiError: There is no answer.
            Interrupted: The client was closed.
        """
        try:
            return self._exchange(body, headers)
        except httpx.HTTPError as failure:
            error = failures.from_exception(failure, self.name).error
        except RuntimeError:
            self._http.check_open()
            raise
        # Raised out here: the failure it came with would stay attached as context, and it may quote the URL.
        self._http.check_open()
        raise error

    def close(self) -> None:
        """May be called from any thread; a call under way ends."""
        self._http.close()

    def _exchange(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        until_s = self._clock.monotonic_s() + _LONGEST_S
        with self._http.stream("POST", self._url, content=body, headers=dict(headers)) as response:
            log.debug("called route=%r status=%d", self.name, response.status_code)
            taken = 0
            for block in response.iter_raw():
                taken += len(block)
                if taken > _MOST_BYTES or self._clock.monotonic_s() > until_s:
                    break  # the status said it all
            return Answer(response.status_code, retry_after_s(response.headers, self._clock.now()))
