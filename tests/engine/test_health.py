"""Whether what is at a path is the root: decided by its volume, its folder, and the files known below it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FakeClock
from tlsync.engine import health, volumes
from tlsync.engine.volumes import Place
from tlsync.models import MediaInfo, StatSignature
from tlsync.states import FileState
from tlsync.store.roots import RootRow
from tlsync.store.store import Store

MEDIA = MediaInfo(kind="video", duration_s=5.0, container="mp4")
PLACE = Place(inode=2, volume="uuid:aa", mount=None, around=(), is_empty=False)


@pytest.fixture
def store(tmp_path: Path, fake_clock: FakeClock) -> Iterator[Store]:
    with Store(tmp_path / "state", fake_clock) as opened:
        yield opened


@pytest.fixture
def row(store: Store, tmp_path: Path) -> RootRow:
    (tmp_path / "footage").mkdir()
    return store.roots.ensure(tmp_path / "footage", "clips")


def know(store: Store, row: RootRow, *names: str) -> None:
    """Files that were read once."""
    for name in names:
        file = store.catalog.add(row.id, name.encode(), StatSignature(1, 1, 1, 1))
        content = store.contents.add(1, name, MEDIA)
        file = store.catalog.move(file, FileState.SETTLING)
        store.catalog.move(file, FileState.IDENTIFIED, content_id=content.id)


@pytest.mark.parametrize(
    ("volume", "inode", "seen", "condition"),
    [
        ("uuid:aa", 2, False, "online"),  # the folder itself; all its files may be gone
        ("uuid:aa", 9, True, "online"),  # made anew or copied back, with its files
        ("uuid:aa", 9, False, "foreign"),  # another folder took its name
        ("uuid:bb", 2, True, "foreign"),  # another volume, whatever is on it
        ("uuid:bb", 2, None, "online"),  # nothing is known: nothing to protect
        (None, 2, False, "foreign"),  # the folder below a mount that is gone
        (None, 9, True, "online"),
        ("fsid:bb", 9, True, "online"),  # another way of naming: no proof of another volume
        ("net:nfs4:nas:/b", 9, True, "online"),
    ],
)
def test_judgement(row: RootRow, volume: str | None, inode: int, seen: bool | None, condition: str) -> None:
    known = replace(row, volume="uuid:aa", inode=2)
    found = health.judge(known, replace(PLACE, volume=volume, inode=inode), lambda: seen)
    assert found.condition == condition
    assert found.is_online is (condition == "online")
    assert bool(found.trouble) is (condition != "online")


def test_a_share_under_another_name_is_the_share_if_its_files_are_there(row: RootRow) -> None:
    known = replace(row, volume="net:nfs4:nas:/footage", inode=2)
    elsewhere = replace(PLACE, volume="net:nfs4:192.0.2.7:/footage")
    assert health.judge(known, elsewhere, lambda: True).is_online
    assert not health.judge(known, elsewhere, lambda: False).is_online


def test_the_trouble_names_both_volumes_and_the_way_out(row: RootRow) -> None:
    known = replace(row, volume="uuid:" + "a" * 32, inode=2)
    trouble = health.judge(known, replace(PLACE, volume="uuid:" + "b" * 32), lambda: True).trouble
    assert "expected aaaaaaaa-aaaa-" in trouble
    assert "found bbbbbbbb-bbbb-" in trouble
    assert f"tlsync forget {row.path}" in trouble


def test_adopting_takes_what_is_there(store: Store, row: RootRow, monkeypatch: pytest.MonkeyPatch) -> None:
    """After footage was cloned to a new disk on purpose."""
    know(store, row, "a.mp4")
    store.roots.set_identity(row.id, volume="uuid:aa", inode=2)
    monkeypatch.setattr(volumes, "look", lambda path: replace(PLACE, volume="uuid:bb", inode=7))
    assert not health.check(row, store.roots)
    store.roots.adopt(row.id)
    assert health.check(row, store.roots)
    after = store.roots.get(row.id)
    assert (after.volume, after.inode, after.condition, after.trouble) == ("uuid:bb", 7, "online", "")


def test_a_root_without_known_files_takes_the_drive_that_is_plugged_in_later(
    store: Store, row: RootRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tlsync was started before the drive was connected: the mount point's own folder is not the root for ever."""
    assert health.check(row, store.roots)
    monkeypatch.setattr(volumes, "look", lambda path: PLACE)
    assert health.check(row, store.roots)
    assert store.roots.get(row.id).volume == "uuid:aa"


def test_a_root_that_hangs_is_not_asked(store: Store, row: RootRow, monkeypatch: pytest.MonkeyPatch) -> None:
    store.roots.set_health(row.id, "hung", "does not answer", ends_hang=False)

    def look(path: Path) -> Place:
        raise AssertionError("the disk was asked")

    monkeypatch.setattr(volumes, "look", look)
    assert not health.check(row, store.roots)


def test_only_who_saw_it_answer_ends_a_hang(store: Store, row: RootRow) -> None:
    """A step that had looked before it hung may answer late."""
    store.roots.set_health(row.id, "hung", "does not answer", ends_hang=False)
    health.note(row, store.roots)
    assert store.roots.get(row.id).condition == "hung"
    health.note(store.roots.get(row.id), store.roots, ends_hang=True)
    assert store.roots.get(row.id).condition == "online"


def test_a_hang_does_not_outlive_the_run(store: Store, row: RootRow) -> None:
    store.roots.set_health(row.id, "hung", "does not answer", ends_hang=False)
    assert health.check(store.roots.ensure(row.path, "clips"), store.roots)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file"), "does not exist"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory"), "not a folder"),
        (PermissionError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError(errno.ENOTCONN, "Transport endpoint is not connected"), "has gone"),
        (OSError(errno.ESTALE, "Stale file handle"), "has gone"),
    ],
)
def test_errors_mean_offline(
    store: Store, row: RootRow, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
) -> None:
    def look(path: Path) -> Place:
        raise error

    monkeypatch.setattr(volumes, "look", look)
    found = health.look_at(row, store.roots)
    assert found.condition == "offline"
    assert words in found.trouble


def test_a_folder_that_is_listed_from_memory_is_not_online(
    store: Store, row: RootRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drive was pulled out: listings go on, opening any file fails. One bad file alone proves nothing."""
    know(store, row, "a.mp4", "b.mp4")
    for name in ("a.mp4", "b.mp4"):
        (row.path / name).touch()
    assert health.check(row, store.roots)
    real, bad = os.open, {"a.mp4"}

    def failing(path: Path | str, *arguments: Any, **named: Any) -> int:
        if Path(path).name in bad:
            raise OSError(errno.EIO, "Input/output error")
        return real(path, *arguments, **named)

    monkeypatch.setattr("tlsync.engine.health.os.open", failing)
    if store.roots.get(row.id).volume is None:
        pytest.skip("the file system of the temporary folder has no mount to look at")
    assert health.check(row, store.roots)
    bad.add("b.mp4")
    assert not health.check(row, store.roots)


def test_a_folder_with_a_number_beyond_the_catalog_s_is_a_root_like_any_other(
    store: Store, row: RootRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some network file systems make up inode numbers of 64 bits without a sign."""
    real = os.fstat

    def fstat(fd: int) -> os.stat_result:
        found = list(real(fd))
        found[1] = 2**64 - 7
        return os.stat_result(found)

    monkeypatch.setattr("tlsync.engine.volumes.os.fstat", fstat)
    assert health.note(row, store.roots).is_online
    assert store.roots.get(row.id).inode == -7
    assert health.note(store.roots.get(row.id), store.roots).is_online
