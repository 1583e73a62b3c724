"""Requests and answers as plain values: one fake serves a socket and a test in process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import msgspec


class ConnectionCut(Exception):
    """The server answers no more on this connection.

    Attributes:
        is_reset: Cut the hard way, so that the client sees a reset instead of an end.
    """

    def __init__(self, *, is_reset: bool = False) -> None:
        super().__init__("connection cut")
        self.is_reset = is_reset


class ClientGone(Exception):
    """The client went away in the middle of its body."""


class Body:
    """The bytes of a request, read once, block by block; counts what came."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self.received_bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self.received_bytes += len(block)
            yield block

    def read(self, limit_bytes: int) -> bytes | None:
        """The whole body, or None when it is longer than `limit_bytes`."""
        whole = bytearray()
        for block in self:
            whole += block
            if len(whole) > limit_bytes:
                return None
        return bytes(whole)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Header names are in lower case; `origin` is where clients reach this server."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = field(default_factory=lambda: Body(()))
    origin: str = "http://sandbox.invalid"


@dataclass(slots=True)
class Response:
    """One answer; the body is bytes, or blocks that are sent as they come."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterator[bytes] = b""


def parse_query(query: str) -> tuple[tuple[str, str], ...]:
    """A query string as pairs, in order, repeated keys kept."""
    return tuple(parse_qsl(query, keep_blank_values=True))


def json_response(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer with a JSON body."""
    return Response(status, {"content-type": "application/json", **(headers or {})}, msgspec.json.encode(value))


def empty_response(status: int = 204) -> Response:
    """An answer without a body."""
    return Response(status)
