"""S23: the tree that `tlsync mount` shows: for one's own eyes, and for reading only."""

from __future__ import annotations

import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Row
from tests.faults.lab import Lab, MakeClip, wait_until
from tlsync.errors import ConfigError
from tlsync.mirror import mount
from tlsync.sandbox.server import SandboxServer

_REFUSED = ("create", "overwrite", "remove", "rename", "make a folder", "link", "change rights")


@pytest.mark.merge
def test_s23_a_mounted_view_is_read_only_and_private(row: Row, tmp_path: Path, make_clip: MakeClip) -> None:
    """Mounted without rights to write, to run or to be looked at by other users; every change is refused."""
    row.needs("fusermount3")
    try:
        mount.check_fuse()
    except ConfigError as error:
        row.gap(error.message)
    if not Path("/proc/self/mountinfo").exists():
        row.gap("no table of mounts here")
    point = tmp_path / "view"
    point.mkdir()
    with SandboxServer(chunk_size_bytes=64 * 1024) as server:
        lab = Lab(tmp_path, server, make_clip(tmp_path / "sample.mp4"))
        try:
            lab.clip("clip.mp4")
            lab.sync()
            view = lab.start("mount", str(point))
            wait_until(lambda: _options(point) or view.wait(0) is not None, "the mount")
            if not _options(point):
                row.gap(f"mounting is refused here: {view.err.strip()[:120]}")
            assert {"ro", "nosuid", "nodev", "noexec"} <= _options(point)
            assert "allow_other" not in _options(point)
            # A link leads to the person's own media, with its own rights; the link itself has none.
            seen = [path for path in (point, *point.rglob("*")) if not path.is_symlink()]
            files = [path for path in seen if path.is_file()]
            assert files, "an empty view shows nothing"
            for path in seen:
                mode = path.lstat().st_mode
                assert not mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH), path
                assert path.is_dir() or not mode & 0o111, f"{path} may be run"
            for change in _changes(files[0]):
                with pytest.raises(OSError, match="Read-only"):
                    change()
            view.send(signal.SIGTERM)
            assert view.end(20) == 0, view.err
        finally:
            mount_is_left = bool(_options(point))
            lab.close()
            if mount_is_left:
                mount.unmount(point)
    row.say(f"ro, nosuid, nodev, noexec, not for others; {len(seen)} entries, {len(_REFUSED)} kinds of change refused")


def _options(point: Path) -> set[str]:
    """Of the mount at a folder and of its file system; empty when nothing is mounted there."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        mounted, _, rest = line.partition(" - ")
        fields = mounted.split()
        if fields[4] == str(point):
            return {*fields[5].split(","), *rest.split()[2].split(",")}
    return set()


def _changes(file: Path) -> list[Callable[[], object]]:
    changes: list[Callable[[], object]] = [
        lambda: file.with_name("new").touch(),
        lambda: file.write_bytes(b"x"),
        file.unlink,
        lambda: file.rename(file.with_name("other")),
        lambda: file.with_name("folder").mkdir(),
        lambda: file.with_name("link").symlink_to("/etc/passwd"),
        lambda: file.chmod(0o777),
    ]
    assert len(changes) == len(_REFUSED)
    return changes
