"""Signed links to stored files and thumbnails: they need no key and expire, as the platform's do."""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import quote, unquote, urlsplit

from tlsync.sandbox.calls import Call
from tlsync.sandbox.core import Core
from tlsync.sandbox.wire import Response, parse_query

FILES = "/files"


class Links:
    """Makes and checks links. `origin` is where the asking client reaches the sandbox."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def make(self, origin: str, path: str) -> tuple[str, int]:
        """A link to a path of the sandbox, and when it expires (milliseconds)."""
        expires_ms = self._core.now_ms() + round(self._core.timings.link_life_s * 1000)
        return f"{origin}{quote(path)}?expires={expires_ms}&signature={self._sign(path, expires_ms)}", expires_ms

    def is_good(self, call: Call) -> bool:
        return self._is_signed(call.request.path, dict(call.request.query))

    def asset_behind(self, url: str) -> str | None:
        """The asset id behind a link to a stored file; the sandbox fetches nothing from anywhere else."""
        parts = urlsplit(url)
        path = unquote(parts.path)
        if not path.startswith(f"{FILES}/") or not self._is_signed(path, dict(parse_query(parts.query))):
            return None
        return path.split("/")[2]

    def _is_signed(self, path: str, query: dict[str, str]) -> bool:
        expires = query.get("expires", "")
        if not (expires.isascii() and expires.isdigit()) or int(expires) <= self._core.now_ms():
            return False
        return hmac.compare_digest(query.get("signature", "").encode(), self._sign(path, int(expires)).encode())

    def _sign(self, path: str, expires_ms: int) -> str:
        return hmac.new(self._core.link_key, f"{path} {expires_ms}".encode(), hashlib.sha256).hexdigest()


def forbidden() -> Response:
    """What a bad or expired link gets."""
    return Response(403, {"content-type": "text/plain"}, b"This link is not valid, or no longer.")
