"""Compressed answers are unpacked a block at a time."""

from __future__ import annotations

import gzip
from collections.abc import Iterator

import httpx
import pytest

from tlsync.api.compression import Unpacking


class Packed(httpx.BaseTransport, httpx.SyncByteStream):
    """Answers with these bytes, and notes whether it was closed."""

    def __init__(self, body: bytes, coding: str | None, part_bytes: int = 10**9) -> None:
        self.body, self.coding, self.part_bytes = body, coding, part_bytes
        self.is_closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {"content-length": str(len(self.body)), "etag": '"a"'}
        if self.coding is not None:
            headers["content-encoding"] = self.coding
        return httpx.Response(200, headers=headers, stream=self)

    def __iter__(self) -> Iterator[bytes]:
        for at in range(0, len(self.body), self.part_bytes):
            yield self.body[at : at + self.part_bytes]

    def close(self) -> None:
        self.is_closed = True


def get(packed: Packed) -> httpx.Response:
    with httpx.Client(transport=Unpacking(packed), trust_env=False) as client:
        return client.get("https://api.example.com/")


@pytest.mark.parametrize("part_bytes", [1, 7, 10**9])
def test_gzip_is_unpacked(part_bytes: int) -> None:
    text = b"hello " * 50_000
    answer = get(Packed(gzip.compress(text), "GZIP", part_bytes))
    assert answer.content == text
    assert answer.headers["etag"] == '"a"'
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("coding", [None, "", "identity"])
def test_plain_answers_stay_as_they_are(coding: str | None) -> None:
    assert get(Packed(b"plain", coding)).content == b"plain"


@pytest.mark.parametrize("coding", ["br", "zstd", "deflate", "gzip, gzip", "gzip,identity", "x"])
def test_other_codings_are_refused_unread(coding: str) -> None:
    packed = Packed(b"x", coding)
    with pytest.raises(httpx.DecodingError):
        get(packed)
    assert packed.is_closed


@pytest.mark.parametrize("damage", ["no gzip", "cut", "turned"])
def test_damage_is_said(damage: str) -> None:
    good = gzip.compress(b"hello" * 1000)
    body = {"no gzip": b"hello", "cut": good[:-9], "turned": good[:12] + b"\xff\xff" + good[14:]}[damage]
    with pytest.raises(httpx.DecodingError):
        get(Packed(body, "gzip"))


def test_blocks_are_small_however_much_they_stand_for() -> None:
    packed = Packed(gzip.compress(bytes(50 * 2**20)), "gzip")
    client = httpx.Client(transport=Unpacking(packed), trust_env=False)
    with client, client.stream("GET", "https://api.example.com/") as answer:
        assert max(len(block) for block in answer.iter_raw()) <= 64 * 1024


def test_who_stops_reading_closes_the_connection() -> None:
    packed = Packed(gzip.compress(bytes(10**6)), "gzip")
    client = httpx.Client(transport=Unpacking(packed), trust_env=False)
    with client, client.stream("GET", "https://api.example.com/") as answer:
        next(answer.iter_raw())
    assert packed.is_closed
