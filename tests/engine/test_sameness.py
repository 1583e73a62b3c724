"""A file that is being worked on: changed, or only told of differently by its server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tlsync.engine import mounts
from tlsync.engine.mounts import Mount
from tlsync.engine.sameness import is_unchanged
from tlsync.media import identity
from tlsync.models import StatSignature


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"media")
    handle = os.open(path, os.O_RDONLY)
    yield handle
    os.close(handle)


def on(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    mount = Mount(1, "0:1", "/mnt", kind, "source", is_read_only=False)
    monkeypatch.setattr(mounts, "mount_of", lambda fd, table: mount)


def look(fd: int) -> StatSignature:
    return identity.signature(os.fstat(fd))


@pytest.mark.parametrize(("kind", "is_same"), [("cifs", True), ("nfs4", True), ("vfat", True), ("ext4", False)])
def test_another_inode_or_change_time_is_no_change_where_they_prove_nothing(
    fd: int, monkeypatch: pytest.MonkeyPatch, kind: str, is_same: bool
) -> None:
    on(monkeypatch, kind)
    assert is_unchanged(fd, look(fd))
    assert is_unchanged(fd, look(fd)._replace(inode=1, ctime_ns=1)) == is_same
    assert is_unchanged(fd, look(fd), look(fd)._replace(inode=1)) == is_same


@pytest.mark.parametrize("kind", ["cifs", "ext4"])
def test_another_time_or_size_is_a_change_everywhere(fd: int, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    on(monkeypatch, kind)
    known = look(fd)
    assert not is_unchanged(fd, known._replace(mtime_ns=known.mtime_ns - 1))
    assert not is_unchanged(fd, known._replace(size_bytes=4))
