"""The table of mounts, read and searched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tlsync.engine import mounts

TABLE = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
40 27 8:17 / /media/Camera\\040Card rw,nosuid shared:7 - exfat /dev/sdb1 rw
41 27 0:44 / /srv/footage rw - nfs4 nas:/footage ro,vers=4.2
42 41 8:33 / /srv/footage/inner rw master:1 shared:9 - xfs /dev/sdc1 rw
43 27 0:45 / /home/ed/cloud rw - fuse.rclone remote:clips rw
44 27 8:49 / /media/ntfs rw - fuseblk /dev/sdd1 rw
half a line
"""


def by_point() -> dict[str, mounts.Mount]:
    return {mount.point: mount for mount in mounts.parse(TABLE)}


def test_a_table_is_read_with_names_that_have_blanks() -> None:
    card = by_point()["/media/Camera Card"]
    assert (card.id, card.device, card.kind, card.source, card.is_read_only) == (
        40,
        "8:17",
        "exfat",
        "/dev/sdb1",
        False,
    )
    assert by_point()["/srv/footage"].is_read_only


@pytest.mark.parametrize(
    ("point", "is_network", "has_events", "has_loose_stats"),
    [
        ("/", False, True, False),
        ("/media/Camera Card", False, True, True),
        ("/srv/footage", True, False, True),
        ("/home/ed/cloud", True, False, True),
        ("/media/ntfs", False, True, False),
    ],
)
def test_kinds_of_file_systems(point: str, is_network: bool, has_events: bool, has_loose_stats: bool) -> None:
    mount = by_point()[point]
    assert (mount.is_network, mount.has_events, mount.has_loose_stats) == (is_network, has_events, has_loose_stats)


def test_what_is_around_a_folder_is_above_at_and_below_it() -> None:
    """A name that only begins alike is not below."""
    table = mounts.parse(TABLE.replace("/srv/footage/inner", "/srv/footage2"))
    assert [mount.point for mount in mounts.around(Path("/srv/footage"), table)] == ["/", "/srv/footage"]
    found = mounts.around(Path("/srv/footage"), mounts.parse(TABLE))
    assert [mount.point for mount in found] == ["/", "/srv/footage", "/srv/footage/inner"]


@pytest.mark.skipif(not mounts.table_text(), reason="this system has no table of mounts")
def test_the_mount_of_an_open_folder(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    try:
        mount = mounts.mount_of(fd, mounts.parse(mounts.table_text()))
    finally:
        os.close(fd)
    assert mount is not None
    assert str(tmp_path).startswith(mount.point)


def test_a_system_without_a_table_has_no_mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "_TABLE", tmp_path / "none")
    assert not mounts.parse(mounts.table_text())
