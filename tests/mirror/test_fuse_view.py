from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mirror.shelves import NOON_NS, Entry, Told, fill, tree_of
from tlsync.mirror.fuse_view import FuseView
from tlsync.mirror.library import Heard, RemoteClip

CLIP = "/clips/by-folder/Footage/lake.mp4"


class Quiet:
    def __init__(self) -> None:
        self.times = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        self.times += 1
        yield


@pytest.fixture
def view(tmp_path: Path) -> FuseView:
    fill(tmp_path / "state", tmp_path / "Footage", [Entry("lake.mp4")])
    return FuseView(tree_of(tmp_path / "state"), Quiet())


def test_sizes_are_right_before_a_file_is_read(view: FuseView) -> None:
    for name, mode in view.entries(CLIP):
        attributes = view.attributes(f"{CLIP}/{name}")
        assert attributes["st_mode"] == mode
        if stat.S_ISREG(mode):
            handle = view.open(f"{CLIP}/{name}", os.O_RDONLY)
            assert len(view.read(handle, 1 << 20, 0)) == attributes["st_size"]
            assert attributes["st_mtime"] == NOON_NS
            view.close(handle)


def test_parts_of_a_file_are_read(view: FuseView) -> None:
    handle = view.open(f"{CLIP}/summary.txt", os.O_RDONLY)
    assert (view.read(handle, 4, 2), view.read(handle, 9, 10_000)) == (b"boat", b"")


@pytest.mark.parametrize(
    ("act", "number"),
    [
        (lambda view: view.attributes("/nowhere"), errno.ENOENT),
        (lambda view: view.entries(f"{CLIP}/info.json"), errno.ENOTDIR),
        (lambda view: view.open(CLIP, os.O_RDONLY), errno.EISDIR),
        (lambda view: view.open(f"{CLIP}/info.json", os.O_RDWR), errno.EROFS),
        (lambda view: view.target(f"{CLIP}/info.json"), errno.EINVAL),
        (lambda view: view.read(99, 1, 0), errno.EBADF),
    ],
)
def test_what_can_not_be_is_an_errno(view: FuseView, act: object, number: int) -> None:
    with pytest.raises(OSError) as caught:
        act(view)  # type: ignore[operator]
    assert caught.value.errno == number


@pytest.mark.parametrize(("program", "is_curious"), [("tumblerd", True), ("baloo_file", True), ("bash", False)])
def test_programs_that_look_into_everything_cause_no_call(tmp_path: Path, program: str, is_curious: bool) -> None:
    fill(tmp_path / "state", tmp_path / "Footage", [Entry("lake.mp4")])
    (tmp_path / "proc" / "77").mkdir(parents=True)
    (tmp_path / "proc" / "77" / "comm").write_text(f"{program}\n")
    quiet = Quiet()
    told = Told(remote=Heard((RemoteClip("far", "far.mp4", NOON_NS, {}),)))
    view = FuseView(tree_of(tmp_path / "state", told), quiet, caller=lambda: 77, proc=tmp_path / "proc")
    assert [name for name, _ in view.entries("/clips/remote-only")] == ["far.mp4"]
    assert (quiet.times > 0) == is_curious


def test_a_catalog_that_can_not_be_read_is_an_input_output_error(tmp_path: Path) -> None:
    fill(tmp_path / "state", tmp_path / "Footage", [Entry("lake.mp4")])
    tree = tree_of(tmp_path / "state")
    view = FuseView(tree, Quiet())
    tree._catalog._connection.close()  # type: ignore[attr-defined]
    with pytest.raises(OSError) as caught:
        list(view.entries("/"))
    assert caught.value.errno == errno.EIO
