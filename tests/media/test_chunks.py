"""The plan of chunks, and reading them as windows."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync.errors import FileChanged
from tlsync.media.chunks import plan_chunks, read_chunk
from tlsync.models import Chunk

DATA = bytes(range(256)) * 40


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "data"
    path.write_bytes(DATA)
    descriptor = os.open(path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_plan_of_the_references_example() -> None:
    """13,000,000 bytes in pieces of 5 MiB are three chunks."""
    assert plan_chunks(13_000_000, 5_242_880) == [
        Chunk(1, 0, 5_242_880),
        Chunk(2, 5_242_880, 5_242_880),
        Chunk(3, 10_485_760, 2_514_240),
    ]


@given(st.integers(1, 10**6), st.integers(1, 10**6).filter(lambda size: size > 500))
def test_plan_covers_the_file_exactly(size_bytes: int, chunk_bytes: int) -> None:
    """Without gap, overlap or empty piece; numbered from 1; only the last is shorter."""
    chunks = plan_chunks(size_bytes, chunk_bytes)
    assert [chunk.number for chunk in chunks] == list(range(1, len(chunks) + 1))
    assert [chunk.offset for chunk in chunks] == [chunk_bytes * number for number in range(len(chunks))]
    assert all(chunk.size_bytes == chunk_bytes for chunk in chunks[:-1])
    assert 1 <= chunks[-1].size_bytes <= chunk_bytes
    assert chunks[-1].offset + chunks[-1].size_bytes == size_bytes


@pytest.mark.parametrize(("size_bytes", "chunk_bytes"), [(0, 5), (-1, 5), (5, 0), (5, -1)])
def test_plan_refuses_lengths_below_one(size_bytes: int, chunk_bytes: int) -> None:
    with pytest.raises(ValueError, match="cannot cut"):
        plan_chunks(size_bytes, chunk_bytes)


def test_a_chunk_is_read_in_blocks(fd: int) -> None:
    blocks = list(read_chunk(fd, Chunk(2, 1000, 2500), block_bytes=1000, path="x"))
    assert [len(block) for block in blocks] == [1000, 1000, 500]
    assert b"".join(blocks) == DATA[1000:3500]


def test_digest_and_count_follow_the_bytes(fd: int) -> None:
    digest, counted = hashlib.md5(usedforsecurity=False), []
    for _ in read_chunk(fd, Chunk(1, 0, 5000), block_bytes=2048, digest=digest, on_bytes=counted.append, path="x"):
        pass
    assert digest.hexdigest() == hashlib.md5(DATA[:5000], usedforsecurity=False).hexdigest()
    assert counted == [2048, 2048, 904]


def test_the_descriptors_own_position_is_left_alone(fd: int) -> None:
    """Workers share one descriptor: nobody may seek it."""
    list(read_chunk(fd, Chunk(1, 100, 5000), path="x"))
    assert os.lseek(fd, 0, os.SEEK_CUR) == 0


def test_a_file_that_became_shorter_has_changed(fd: int, tmp_path: Path) -> None:
    """A short read is never taken for the end of a chunk."""
    os.truncate(tmp_path / "data", 4000)
    reading = read_chunk(fd, Chunk(1, 0, 5000), block_bytes=4000, path=tmp_path / "data")
    assert next(reading) == DATA[:4000]
    with pytest.raises(FileChanged, match="ends at 4000 of 5000") as caught:
        next(reading)
    assert caught.value.path == str(tmp_path / "data")
