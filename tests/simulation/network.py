"""The network between tlsync and the platform: late, lossy, and honest about nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx

from tests.simulation.chaos import Chaos
from tests.simulation.fibers import Crash, Kernel, Life
from tlsync.sandbox.routes import Router
from tlsync.sandbox.wire import Body, ClientGone, ConnectionCut, Request, Response, parse_query

Note = Callable[..., None]


class Network(httpx.BaseTransport):
    """The way of one process to the platform."""

    def __init__(
        self,
        life: Life,
        router: Router,
        kernel: Kernel,
        chaos: Chaos,
        source: random.Random,
        note: Note,
        on_crash: Callable[[Life], None],
        recorded: set[tuple[str, int]],
        complain: Callable[[str], None],
    ) -> None:
        self._life = life
        self._router = router
        self._kernel = kernel
        self._chaos = chaos
        self._random = source
        self._note = note
        self._on_crash = on_crash
        self._recorded = recorded
        self._complain = complain

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        call = f"{request.method} {_route(request.url.path)}"
        self._pass_time()
        self._maybe_crash("before_call")
        if self._chaos.strikes("net.refused"):
            raise self._failed(httpx.ConnectError("refused", request=request), call)
        if self._chaos.strikes("net.reset_before"):
            raise self._failed(httpx.ReadError("reset", request=request), call)
        canned = self._canned(call)
        if canned is not None:
            return canned
        assert isinstance(request.stream, httpx.SyncByteStream)
        blocks = []
        for block in request.stream:
            blocks.append(block)
            self._kernel.wait(None, 0)
        content = b"".join(blocks)
        if request.method == "PUT" and self._chaos.strikes("net.cut_upload"):
            self._ask(request, content[: len(content) // 2], call)
            raise self._failed(httpx.WriteError("cut", request=request), call)
        response = self._ask(request, content, call)
        self._maybe_crash("after_effect")
        self._pass_time()
        self._maybe_crash("before_answer")
        site = f"net.lost {request.method}"
        if self._chaos.strikes(site):
            raise self._failed(
                self._random.choice([httpx.ReadError, httpx.RemoteProtocolError, httpx.ReadTimeout])(
                    "lost", request=request
                ),
                call,
            )
        if response.status < 400 and self._chaos.strikes("net.fault_after_effect", 0.15):
            self._note("fault", call, "500 after effect")
            return httpx.Response(self._random.choice([500, 502, 504]), content=b"bad gateway")
        if request.method == "PUT" and response.status == 200 and self._chaos.strikes("net.wrong_etag"):
            self._note("fault", call, "wrong etag")
            return httpx.Response(200, headers={"etag": f'"{self._random.getrandbits(128):032x}"'})
        assert isinstance(response.body, bytes)
        if len(response.body) > 1 and self._chaos.strikes("net.cut_answer"):
            self._note("fault", call, "answer cut")
            return httpx.Response(
                response.status, headers=response.headers, stream=_Cut(response.body[: len(response.body) // 2])
            )
        return httpx.Response(response.status, headers=response.headers, content=response.body)

    def _check_put(self, path: str) -> None:
        """What must never be: a chunk goes out again although its arrival is in a catalog and its session lives."""
        *_, upload_id, chunk = path.split("/")
        if (upload_id, int(chunk)) in self._recorded and self._is_live(upload_id):
            self._complain(f"ledger: chunk {chunk} of {upload_id[-6:]} was sent again")

    def _is_live(self, upload_id: str) -> bool:
        core = self._router.world.core
        session = core.db.row("SELECT expires_ms, completed_ms FROM sessions WHERE id = ?", (upload_id,))
        return session is not None and session["completed_ms"] is None and core.now_ms() < session["expires_ms"]

    def _ask(self, request: httpx.Request, content: bytes, call: str) -> Response:
        if request.method == "PUT" and request.url.path.startswith("/storage"):
            self._check_put(request.url.path)
        target = urlsplit(str(request.url))
        fiber = self._kernel.current
        fiber.is_in_platform = True
        try:
            response = self._router.handle(
                Request(
                    request.method,
                    request.url.path,
                    parse_query(target.query),
                    {name.lower(): value for name, value in request.headers.items()},
                    Body([content]),
                    f"{target.scheme}://{target.netloc}",
                )
            )
            if not isinstance(response.body, bytes):
                response.body = b"".join(response.body)
        except (ConnectionCut, ClientGone) as cut:
            raise httpx.ReadError("cut", request=request) from cut
        finally:
            fiber.is_in_platform = False
        self._note("call", self._life.name, call, response.status)
        return response

    def _canned(self, call: str) -> httpx.Response | None:
        """What something between tlsync and the platform answers in its place."""
        if self._chaos.strikes("net.busy"):
            status = self._random.choice([500, 502, 503, 504])
            self._note("fault", call, status)
            return httpx.Response(status, content=b"<html>busy</html>")
        if self._chaos.strikes("net.limited") and not call.startswith("PUT"):
            headers = self._random.choice([{}, {"retry-after": "3"}, {"retry-after": "45"}])
            self._note("fault", call, 429)
            return httpx.Response(429, headers=headers, json={"code": "too_many_requests", "message": "slow down"})
        return None

    def _pass_time(self) -> None:
        if self._chaos.strikes("net.slow", 0.1):
            self._kernel.wait(None, self._random.uniform(5, 50))
        else:
            self._kernel.wait(None, self._random.uniform(0.005, 0.1))

    def _failed(self, error: httpx.HTTPError, call: str) -> httpx.HTTPError:
        self._note("fault", call, type(error).__name__)
        return error

    def _maybe_crash(self, where: str) -> None:
        if self._chaos.strikes(f"crash.{where}", 0.05, most=2):
            self._on_crash(self._life)
            raise Crash


class _Cut(httpx.SyncByteStream):
    """A body that ends in the middle."""

    def __init__(self, beginning: bytes) -> None:
        self._beginning = beginning

    def __iter__(self) -> Iterator[bytes]:
        yield self._beginning
        raise httpx.ReadError("cut")


def _route(path: str) -> str:
    return path.removeprefix("/v1.3")
