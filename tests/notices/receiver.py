"""A web server that takes events, and checks who sent them with code of its own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Receiver:
    """Answers with 204, or first with the statuses of `refusals`."""

    def __init__(self, *refusals: int) -> None:
        self.key = hashlib.sha256(b"receiver").digest()
        self.events: list[dict[str, Any]] = []
        self.are_genuine = True
        self._refusals = list(refusals)
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                self.send_response(receiver._take(dict(self.headers), body))
                self.end_headers()

            def log_message(self, format: str, *values: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        self.url = f"{self.origin}/in"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def _take(self, headers: dict[str, str], body: bytes) -> int:
        with self._lock:
            lower = {name.lower(): value for name, value in headers.items()}
            signed = f"{lower['webhook-id']}.{lower['webhook-timestamp']}.".encode() + body
            proof = base64.b64encode(hmac.new(self.key, signed, hashlib.sha256).digest()).decode()
            self.are_genuine &= lower["webhook-signature"] == f"v1,{proof}"
            if self._refusals:
                return self._refusals.pop(0)
            self.events += json.loads(body)["data"]["events"]
            return 204

    def names(self, event: str) -> list[str]:
        """The files of all events of one kind, as they came."""
        with self._lock:
            return [told["path"].rpartition("/")[2] for told in self.events if told["event"] == event]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
