"""The pieces of a file that an upload session expects, and reading them as windows on the open file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from tlsync.media.identity import read_window
from tlsync.models import Chunk

BLOCK_BYTES = 512 * 1024
"""Smaller ones cost more hand-overs between threads, larger ones do not stay in the processor's cache."""


class Digest(Protocol):
    """What `hashlib` makes."""

    def update(self, data: bytes, /) -> None: ...


def plan_chunks(size_bytes: int, chunk_bytes: int) -> list[Chunk]:
    """Cut a file into the pieces an upload session expects, numbered from 1.

    Args:
        size_bytes: Length of the file; at least 1.
        chunk_bytes: Piece length fixed by the session; the last piece may be shorter.

    Raises:
        ValueError: A length is below 1.

    Source:
        API reference v1.3, "Create a multipart upload session", as of SDK 1.1.0 (2025-11-17).
    """
    if size_bytes < 1 or chunk_bytes < 1:
        raise ValueError(f"cannot cut {size_bytes} bytes into pieces of {chunk_bytes}")
    return [
        Chunk(number, offset, min(chunk_bytes, size_bytes - offset))
        for number, offset in enumerate(range(0, size_bytes, chunk_bytes), start=1)
    ]


def read_chunk(
    fd: int,
    chunk: Chunk,
    *,
    block_bytes: int = BLOCK_BYTES,
    digest: Digest | None = None,
    on_bytes: Callable[[int], None] | None = None,
    path: Path | str,
) -> Iterator[bytes]:
    """The bytes of a chunk, block by block, for one attempt at sending it.

    Args:
        digest: Updated with each block before it is handed out.
        on_bytes: Told the length of each block as it is handed out.

    Raises:
        FileChanged: The file ends within the chunk.
        FileUnreadable: The disk fails.
    """
    for block in read_window(fd, chunk.offset, chunk.size_bytes, block_bytes=block_bytes, path=path):
        if digest is not None:
            digest.update(block)
        if on_bytes is not None:
            on_bytes(len(block))
        yield block
