"""Opening, looks, fingerprint and SHA-256."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync.errors import FileChanged, FileError, FileUnreadable, FileVanished, Interrupted, NotEligible
from tlsync.media import identity
from tlsync.media.chunks import plan_chunks
from tlsync.media.identity import InOrderHasher, file_error, fingerprint, open_media, sha256_of, signature
from tlsync.models import Chunk, StatSignature

OpenBytes = Callable[[bytes], int]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[OpenBytes]:
    """A descriptor on a new file that holds the given bytes."""
    with ExitStack() as stack:

        def make(data: bytes) -> int:
            path = tmp_path / f"file{random.getrandbits(64):x}"
            path.write_bytes(data)
            return stack.enter_context(open_media(path))

        yield make


def test_signature_is_size_times_and_inode(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"12345")
    found = path.stat()
    assert signature(found) == StatSignature(5, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


def test_the_descriptor_is_closed_afterwards_and_not_inherited(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"x")
    with open_media(path) as fd:
        assert not os.get_inheritable(fd)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_a_file_that_is_gone_has_vanished(tmp_path: Path) -> None:
    with pytest.raises(FileVanished) as caught, open_media(tmp_path / "a.mp4"):
        pass
    assert caught.value.path == str(tmp_path / "a.mp4")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x")
    (tmp_path / "a.mp4").symlink_to(tmp_path / "secret")
    with pytest.raises(NotEligible, match="symbolic link"), open_media(tmp_path / "a.mp4"):
        pass


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.mp4")
    with pytest.raises(NotEligible, match="not a regular file"), open_media(tmp_path / "a.mp4"):
        pass


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotEligible, match="not a regular file"), open_media(tmp_path):
        pass


def test_a_name_that_is_not_utf8_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"clip-\xff\n.mp4")
    path.write_bytes(b"x")
    with open_media(path) as fd:
        assert os.pread(fd, 1, 0) == b"x"


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOENT, FileVanished, "no longer there"),
        (errno.ENOTDIR, FileVanished, "no longer there"),
        (errno.EACCES, FileUnreadable, "permission denied"),
        (errno.EPERM, FileUnreadable, "permission denied"),
        (errno.ELOOP, NotEligible, "symbolic link"),
        (errno.EIO, FileUnreadable, "Input/output error"),
        (errno.ESTALE, FileUnreadable, "can't be read"),
        (errno.EMFILE, FileUnreadable, "Too many open files"),
        (errno.ENAMETOOLONG, FileUnreadable, "too long"),
    ],
)
def test_each_answer_of_the_system_becomes_an_error_of_one_file(number: int, kind: type[FileError], words: str) -> None:
    error = file_error(Path("/x/a.mp4"), OSError(number, os.strerror(number)))
    assert type(error) is kind
    assert error.path == "/x/a.mp4"
    assert words in error.message
    assert error.hint or kind is FileVanished


def test_a_disk_that_fails_while_reading_makes_the_file_unreadable(
    opened: OpenBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    fd = opened(b"x" * 100)
    monkeypatch.setattr(identity.os, "pread", fail)
    with pytest.raises(FileUnreadable):
        fingerprint(fd, 100)


def test_the_fingerprint_format_never_changes(opened: OpenBytes) -> None:
    """It is stored on the platform and in sidecars: other versions must find the same."""
    small = b"tlsync"
    expected = hashlib.sha256(b"tlsync fingerprint 1\0" + (6).to_bytes(8, "big") + small).hexdigest()[:40]
    assert fingerprint(opened(small), 6) == f"f1-{expected}"

    size = 3_000_001
    large = random.Random(1).randbytes(size)
    kib = 1024
    parts = [large[: 256 * kib], large[-256 * kib :]]
    for number in range(16):
        start = 256 * kib + number * (size - 528 * kib) // 15
        parts.append(large[start : start + 16 * kib])
    expected = hashlib.sha256(b"tlsync fingerprint 1\0" + size.to_bytes(8, "big") + b"".join(parts)).hexdigest()[:40]
    assert fingerprint(opened(large), size) == f"f1-{expected}"


@pytest.mark.parametrize("place", [0, 5_000, 250_000, 299_999])
def test_the_fingerprint_of_a_small_file_sees_every_byte(opened: OpenBytes, place: int) -> None:
    data = bytearray(300_000)
    before = fingerprint(opened(bytes(data)), len(data))
    data[place] ^= 1
    assert fingerprint(opened(bytes(data)), len(data)) != before


def test_the_fingerprint_tells_sizes_apart(opened: OpenBytes) -> None:
    assert fingerprint(opened(b"\0" * 10), 10) != fingerprint(opened(b"\0" * 11), 11)


def test_the_fingerprint_costs_the_same_for_any_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most 768 KiB are read, of 8 GiB as of 8 MiB."""
    path = tmp_path / "large.mp4"
    path.touch()
    os.truncate(path, 8 * 2**30)
    read = []
    real = os.pread

    def counted(fd: int, length: int, offset: int) -> bytes:
        block = real(fd, length, offset)
        read.append(len(block))
        return block

    monkeypatch.setattr(identity.os, "pread", counted)
    with open_media(path) as fd:
        fingerprint(fd, 8 * 2**30)
    assert sum(read) == 768 * 1024


def test_a_file_shorter_than_announced_has_changed(opened: OpenBytes) -> None:
    with pytest.raises(FileChanged):
        fingerprint(opened(b"x" * 99), 100)
    with pytest.raises(FileChanged):
        sha256_of(opened(b"x" * 99), 100)


def test_sha256_counts_its_bytes(opened: OpenBytes) -> None:
    data = random.Random(2).randbytes(2_500_000)
    counted: list[int] = []
    assert sha256_of(opened(data), len(data), on_bytes=counted.append) == hashlib.sha256(data).hexdigest()
    assert counted == [1_048_576, 1_048_576, 402_848]


def test_sha256_stops_when_asked(opened: OpenBytes) -> None:
    """Between two blocks, not at the end of a large file."""
    stop, counted = threading.Event(), []

    def count(length: int) -> None:
        counted.append(length)
        stop.set()

    with pytest.raises(Interrupted):
        sha256_of(opened(b"x" * 3_000_000), 3_000_000, stop=stop, on_bytes=count)
    assert counted == [1_048_576]


@given(data=st.data(), size_bytes=st.integers(1, 300), chunk_bytes=st.integers(1, 120))
def test_chunks_in_any_order_give_the_hash_of_the_file(
    data: st.DataObject, size_bytes: int, chunk_bytes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytes(i * 7 % 251 for i in range(size_bytes))
    path = tmp_path_factory.getbasetemp() / f"any-order-{os.getpid()}"
    path.write_bytes(content)
    chunks = data.draw(st.permutations(plan_chunks(size_bytes, chunk_bytes)))
    with open_media(path) as fd:
        hasher = InOrderHasher(size_bytes, path)
        for chunk in chunks:
            hasher.confirm(chunk)
            if data.draw(st.booleans()):
                hasher.catch_up(fd)
        assert hasher.finish(fd) == hashlib.sha256(content).hexdigest()


def test_each_byte_is_read_once_and_only_when_confirmed(opened: OpenBytes, monkeypatch: pytest.MonkeyPatch) -> None:
    fd = opened(b"x" * 300)
    read: list[tuple[int, int]] = []
    real = os.pread

    def noted(fd: int, length: int, offset: int) -> bytes:
        read.append((offset, length))
        return real(fd, length, offset)

    monkeypatch.setattr(identity.os, "pread", noted)
    hasher = InOrderHasher(300)
    hasher.confirm(Chunk(2, 100, 100))
    hasher.catch_up(fd)
    assert read == []
    hasher.confirm(Chunk(1, 0, 100))
    hasher.catch_up(fd)
    assert read == [(0, 200)]
    hasher.confirm(Chunk(3, 200, 100))
    hasher.finish(fd)
    assert read == [(0, 200), (200, 100)]


def test_a_hash_without_all_bytes_is_not_given(opened: OpenBytes) -> None:
    hasher = InOrderHasher(300)
    hasher.confirm(Chunk(1, 0, 100))
    with pytest.raises(ValueError, match="100 of 300 bytes"):
        hasher.finish(opened(b"x" * 300))


def test_a_file_that_became_shorter_is_noticed_while_catching_up(opened: OpenBytes) -> None:
    hasher = InOrderHasher(300, "/x/a.mp4")
    hasher.confirm(Chunk(1, 0, 300))
    with pytest.raises(FileChanged) as caught:
        hasher.catch_up(opened(b"x" * 200))
    assert caught.value.path == "/x/a.mp4"


def test_hashing_goes_on_after_a_read_that_failed(opened: OpenBytes, monkeypatch: pytest.MonkeyPatch) -> None:
    fd = opened(b"x" * 300)
    hasher = InOrderHasher(300)
    hasher.confirm(Chunk(1, 0, 300))

    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(identity.os, "pread", fail)
        with pytest.raises(FileUnreadable):
            hasher.catch_up(fd)
    assert hasher.finish(fd) == hashlib.sha256(b"x" * 300).hexdigest()


def test_many_threads_may_confirm_while_one_hashes(opened: OpenBytes) -> None:
    content = random.Random(3).randbytes(200_000)
    fd = opened(content)
    hasher = InOrderHasher(len(content))

    def sent(chunk: Chunk) -> None:
        hasher.confirm(chunk)
        hasher.catch_up(fd)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(sent, plan_chunks(len(content), 1000)))
    assert hasher.finish(fd) == hashlib.sha256(content).hexdigest()


def test_a_step_hashes_one_block(opened: OpenBytes) -> None:
    content = b"x" * (2 * identity.BLOCK_BYTES + 1)
    fd = opened(content)
    hasher = InOrderHasher(len(content))
    assert not hasher.step(fd)
    hasher.confirm(Chunk(1, 0, len(content)))
    assert [hasher.step(fd) for _ in range(4)] == [True, True, True, False]
    assert hasher.finish(fd) == hashlib.sha256(content).hexdigest()
