"""Starlette around the router: one route for all paths, bodies streamed in both directions, work in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response as HttpResponse
from starlette.responses import StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tlsync.sandbox.routes import Router
from tlsync.sandbox.wire import Body, ClientGone, ConnectionCut, Request, Response, parse_query

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
Cutter = Callable[[Any, bool], None]
"""Ends the connection of a client address; True ends it with a reset."""


def make_app(router: Router, origin: str, cut: Cutter) -> ASGIApp:
    """The application of one sandbox.

    Args:
        router: Answers the requests.
        origin: Scheme, host and port by which clients reach this server.
        cut: How a connection is ended without an answer.
    """
    return Starlette(routes=[Route("/{path:path}", _Endpoint(router, origin, cut), methods=[*VERBS])])


class _Endpoint:
    """One ASGI endpoint for everything."""

    def __init__(self, router: Router, origin: str, cut: Cutter) -> None:
        self._router = router
        self._origin = origin
        self._cut = cut

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await run_in_threadpool(self._router.handle, self._request(scope, receive))
            await _http_response(response)(scope, receive, send)
        except ConnectionCut as cut:
            self._cut(scope["client"], cut.is_reset)
            await _until_gone(receive)
        except ClientGone:
            pass

    def _request(self, scope: Scope, receive: Receive) -> Request:
        return Request(
            scope["method"],
            scope["path"],  # decoded; the URL object of Starlette would read a `?` in a file name as a query
            parse_query(scope["query_string"].decode("latin-1")),
            dict(Headers(scope=scope)),
            Body(_blocks(receive, asyncio.get_running_loop())),
            self._origin,
        )


def _blocks(receive: Receive, loop: asyncio.AbstractEventLoop) -> Iterator[bytes]:
    """The body of a request, read from the thread that works on it; never more than a block in memory."""
    has_more = True
    while has_more:
        message: Message = asyncio.run_coroutine_threadsafe(_receive(receive), loop).result()
        if message["type"] == "http.disconnect":
            raise ClientGone
        has_more = message.get("more_body", False)
        if message.get("body"):
            yield message["body"]


async def _receive(receive: Receive) -> Message:
    return await receive()


async def _until_gone(receive: Receive) -> None:
    """Wait for the end of a connection that was cut, so that nobody answers on it."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _http_response(response: Response) -> HttpResponse:
    if isinstance(response.body, bytes):
        return HttpResponse(response.body, response.status, response.headers)
    return StreamingResponse(iterate_in_threadpool(response.body), response.status, response.headers)
