"""Writing files whole, and clearing away what a dead process left unfinished."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from tlsync.store import atomic
from tlsync.store.atomic import sweep, write_whole

STALE = ".0123456789abcdef.tlsync-tmp"


def test_the_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    write_whole(target, b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_flush_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def refuse(handle: int) -> None:
        raise OSError("no space")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="no space"):
        write_whole(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_dead_process_left_is_removed_by_the_first_write_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / STALE).write_bytes(b"half")
    write_whole(tmp_path / "file", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_sweep_takes_only_what_is_ours_and_abandoned(tmp_path: Path) -> None:
    """A file that somebody writes is locked; other names, links and folders are not ours."""
    busy = tmp_path / ".00000000000000aa.tlsync-tmp"
    others = ["clip.mp4", "notes.tlsync-tmp", ".00.tlsync-tmp", ".0123456789ABCDEF.tlsync-tmp"]
    for name in [STALE, busy.name, *others]:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".00000000000000bb.tlsync-tmp").symlink_to("clip.mp4")
    (tmp_path / ".00000000000000cc.tlsync-tmp").mkdir()
    os.mkfifo(tmp_path / ".00000000000000dd.tlsync-tmp")
    before = {path.name for path in tmp_path.iterdir()}
    with busy.open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        assert sweep(tmp_path) == 1
    assert before - {path.name for path in tmp_path.iterdir()} == {STALE}
    assert sweep(tmp_path) == 1, "the writer is gone"
    assert sweep(tmp_path / "nowhere") == 0


def test_files_are_written_where_folders_have_no_handles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic, "_HAS_FOLDER_HANDLES", False)
    write_whole(tmp_path / "file", b"new")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"new"]
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_whole(tmp_path / "folder", b"new")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}
    assert sweep(tmp_path) == 0
