"""Takes compression off answers, a block at a time: a few bytes of it may stand for gigabytes.

The HTTP library would unpack whatever it received in one piece, and any number of codings in one another. Here nothing
but gzip, once, is unpacked, and who reads the answer can stop after any block.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import httpx

ACCEPTED = "gzip"
_BLOCK_BYTES = 64 * 1024
_GZIP = zlib.MAX_WBITS | 16


class Unpacking(httpx.BaseTransport):
    """Another transport, with the compression taken off its answers."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """As the inner transport.

        Raises:
            httpx.DecodingError: The answer is packed in another way; also later, while a damaged one is read.
        """
        response = self._inner.handle_request(request)
        coding = response.headers.get("content-encoding", "").strip().lower()
        if coding in ("", "identity"):
            return response
        stream = response.stream
        assert isinstance(stream, httpx.SyncByteStream)
        if coding != ACCEPTED:
            stream.close()
            raise httpx.DecodingError("a coding that was not asked for", request=request)
        headers = [
            (name, value)
            for name, value in response.headers.raw
            if name.lower() not in (b"content-encoding", b"content-length")
        ]
        return httpx.Response(
            response.status_code, headers=headers, stream=_Unpacked(stream, request), extensions=response.extensions
        )

    def close(self) -> None:
        self._inner.close()


class _Unpacked(httpx.SyncByteStream):
    """The blocks of a gzip stream. What follows its end is not looked at."""

    def __init__(self, packed: httpx.SyncByteStream, request: httpx.Request) -> None:
        self._packed = packed
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(_GZIP)
        try:
            for part in self._packed:
                while part and not unpacker.eof:
                    if block := unpacker.decompress(part, _BLOCK_BYTES):
                        yield block
                    part = unpacker.unconsumed_tail
        except zlib.error:
            is_whole = False
        else:
            is_whole = unpacker.eof
        if not is_whole:
            raise httpx.DecodingError("damaged", request=self._request)

    def close(self) -> None:
        self._packed.close()
