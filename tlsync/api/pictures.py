"""The GET of a picture that an answer linked to: its own HTTP client without the key, one attempt, bounded.

The link is signed, so it appears in no message and no log. It expires; a fresh one comes with a fresh answer.

Source: API v1.3, "Retrieve an indexed asset", `hls.thumbnail_urls`.
"""

from __future__ import annotations

import logging

import httpx

from tlsync.api import failures
from tlsync.api.connections import HttpClient
from tlsync.api.failures import Failed
from tlsync.api.origins import BaseUrl
from tlsync.clock import Clock
from tlsync.errors import ApiError, BadAnswer, NotFound, ServerFault, Unreachable

log = logging.getLogger(__name__)

CALL = "GET picture"
_MOST_BYTES = 4 * 2**20
_LONGEST_S = 30.0
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


class Pictures:
    """`client.pictures`."""

    def __init__(
        self, base_url: BaseUrl, http_transport: httpx.BaseTransport, *, clock: Clock, timeout_s: float
    ) -> None:
        self._base_url = base_url
        self._clock = clock
        self._http = HttpClient(http_transport, None, timeout_s)

    def close(self) -> None:
        self._http.close()

    def get(self, url: str) -> bytes:
        """A JPEG or PNG of at most 4 MiB.

        Args:
            url: From an answer. Looked at before anything is asked: https, or http to loopback where the platform is.

        Raises:
            InsecureUrl: The URL is none to ask for.
            NotFound: It is not valid, or no longer.
            Unreachable: The way is broken, or too slow.
            ServerFault: The other side has trouble.
            BadAnswer: No picture, too large, or a redirect.
            Interrupted: The client was closed.
        """
        target = self._base_url.check_upload_url(url)
        try:
            return self._exchange(target)
        except httpx.HTTPError as failure:
            error = failures.from_exception(failure, CALL).error
        except Failed as failed:
            error = failed.error
        except RuntimeError:
            self._http.check_open()
            raise
        # Raised out here: the failure it came with would stay attached as context, and it may quote the link.
        self._http.check_open()
        raise error

    def _exchange(self, target: httpx.URL) -> bytes:
        until_s = self._clock.monotonic_s() + _LONGEST_S
        with self._http.stream("GET", target) as response:
            log.debug("called route=%r status=%d", CALL, response.status_code)
            if response.status_code != 200:
                raise _refused(response.status_code)
            data = bytearray()
            for block in response.iter_bytes():
                data += block
                if len(data) > _MOST_BYTES:
                    raise BadAnswer(f"{CALL}: larger than {_MOST_BYTES >> 20} MiB")
                if self._clock.monotonic_s() > until_s:
                    raise Unreachable(f"{CALL}: the line is too slow")
        if not data.startswith(_PICTURES):
            raise BadAnswer(f"{CALL}: the answer is neither JPEG nor PNG")
        return bytes(data)


def _refused(status: int) -> ApiError:
    said = f"{CALL} answered {status}"
    if status >= 500:
        return ServerFault(said, status=status)
    if status < 400:
        return BadAnswer(f"{said}: redirects are not followed", status=status)
    return NotFound(f"{said}: the link is not valid, or no longer", status=status)
