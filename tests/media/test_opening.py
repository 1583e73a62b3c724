"""Opening a file without being led out of the watched folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tlsync.errors import FileVanished, NotEligible
from tlsync.media.identity import open_media
from tlsync.media.opening import open_file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "day" / "cam").mkdir(parents=True)
    (folder / "day" / "cam" / "clip.mp4").write_bytes(b"mine")
    return folder


def content(path: Path, root: Path | None) -> bytes:
    fd = open_file(path, root)
    try:
        return os.read(fd, 100)
    finally:
        os.close(fd)


def test_files_in_and_below_the_root(root: Path) -> None:
    (root / "top.mp4").write_bytes(b"top")
    assert content(root / "top.mp4", root) == b"top"
    assert content(root / "day" / "cam" / "clip.mp4", root) == b"mine"


def test_names_that_are_no_utf8(root: Path) -> None:
    folder = Path(os.fsdecode(os.fsencode(root) + b"/\xff"))
    folder.mkdir()
    (folder / "clip.mp4").write_bytes(b"odd")
    assert content(folder / "clip.mp4", root) == b"odd"


def test_the_root_may_be_a_link(root: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(root)
    assert content(link / "day" / "cam" / "clip.mp4", link) == b"mine"


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_a_link_at_any_depth_is_refused(root: Path, tmp_path: Path, depth: int) -> None:
    path = root / "day" / "cam" / "clip.mp4"
    place = [path, path.parent, path.parent.parent][depth]
    place.rename(tmp_path / "aside")
    place.symlink_to(tmp_path / "aside")
    with pytest.raises(OSError) as caught:
        open_file(path, root)
    assert caught.value.errno == errno.ELOOP
    with pytest.raises(NotEligible, match="symbolic link"), open_media(path, root):
        pass


def test_a_file_where_a_folder_was(root: Path) -> None:
    with pytest.raises(FileVanished), open_media(root / "day" / "cam" / "clip.mp4" / "x.mp4", root):
        pass


def test_a_folder_that_may_be_passed_but_not_listed(root: Path) -> None:
    (root / "day").chmod(0o311)
    try:
        assert content(root / "day" / "cam" / "clip.mp4", root) == b"mine"
    finally:
        (root / "day").chmod(0o755)


def test_a_path_that_leads_out_is_refused(root: Path) -> None:
    for path in (root / "day" / ".." / ".." / "x", root / "..", root.parent / "x"):
        with pytest.raises(ValueError):
            open_file(path, root)


def test_no_descriptor_is_left_open(root: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    for path in (root / "day" / "cam" / "clip.mp4", root / "day" / "none" / "clip.mp4", root / "day" / "none.mp4"):
        try:
            os.close(open_file(path, root))
        except FileNotFoundError:
            pass
    assert len(os.listdir("/dev/fd")) == before
