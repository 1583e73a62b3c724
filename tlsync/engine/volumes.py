"""Which volume a folder is on. No marker is written into the user's folders: the file system itself is asked."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tlsync.engine import mounts
from tlsync.engine.mounts import Mount
from tlsync.media.identity import wrapped

_BY_UUID = Path("/dev/disk/by-uuid")
_FS_IOC_GETFSUUID = 0x80111500
"""Linux ≥ 6.9, include/uapi/linux/fs.h: a length and up to 16 bytes."""
_FSID_IS_LASTING = frozenset({"ext2", "ext3", "ext4", "btrfs", "zfs", "f2fs"})
"""File systems whose statvfs number comes from their UUID. That of others is made anew by each mount."""
_WITHOUT_IDENTITY = frozenset({"tmpfs", "ramfs", "devtmpfs", "rootfs", "overlay", "aufs"})
"""What they say is made anew by each mount, or that of another file system."""


@dataclass(frozen=True, slots=True)
class Place:
    """What is at a path now. Two looks at the same folder of the same mounts are equal.

    `volume` names the file system beyond mounts and restarts; None: it has no lasting name.
    """

    inode: int
    volume: str | None
    mount: Mount | None
    around: tuple[Mount, ...]
    is_empty: bool = field(compare=False)


def look(path: Path) -> Place:
    """Look at a folder without writing to it. May block for as long as its volume hangs.

    Raises:
        OSError: It is not there, is no folder, or can't be read.
    """
    if sys.platform == "win32":
        with os.scandir(path) as entries:
            is_empty = next(entries, None) is None
        return Place(wrapped(path.stat().st_ino), None, None, (), is_empty)
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with os.scandir(fd) as entries:
            is_empty = next(entries, None) is None
        table = mounts.parse(mounts.table_text())
        mount = mounts.mount_of(fd, table)
        inode = wrapped(os.fstat(fd).st_ino)
        return Place(inode, _identity(fd, mount), mount, mounts.around(path, table), is_empty)
    finally:
        os.close(fd)


def is_other(expected: str | None, found: str | None) -> bool:
    """Whether two names certainly mean two volumes. A share may be reached under several names."""
    if expected is None or found is None or expected == found:
        return False
    kind = expected.partition(":")[0]
    return kind != "net" and kind == found.partition(":")[0]


def shown(volume: str | None) -> str:
    """A volume's name for people."""
    if volume is None:
        return "one without a name"
    kind, _, name = volume.partition(":")
    if kind == "uuid" and len(name) == 32:
        return "-".join((name[:8], name[8:12], name[12:16], name[16:20], name[20:]))
    return name


def _identity(fd: int, mount: Mount | None) -> str | None:
    """The lasting name of the file system that holds an open folder."""
    if mount is None or mount.kind in _WITHOUT_IDENTITY:
        return None
    if mount.is_network:
        return f"net:{mount.kind}:{mount.source}"
    uuid = _uuid_of_kernel(fd) or _uuid_of_device(mount.device)
    if uuid is not None:
        return f"uuid:{uuid}"
    if mount.kind in _FSID_IS_LASTING and (number := os.fstatvfs(fd).f_fsid):
        return f"fsid:{number:x}"
    return None


def _uuid_of_kernel(fd: int) -> str | None:
    if sys.platform != "linux":
        return None
    import fcntl  # not on every system

    answer = bytearray(17)
    try:
        fcntl.ioctl(fd, _FS_IOC_GETFSUUID, answer)
    except OSError:
        return None  # an older kernel, or a file system without one
    uuid = bytes(answer[1 : 1 + answer[0]])
    return uuid.hex() if any(uuid) else None


def _uuid_of_device(device: str) -> str | None:
    try:
        names = os.listdir(_BY_UUID)
    except OSError:
        return None
    for name in names:
        try:
            number = (_BY_UUID / name).stat().st_rdev
        except OSError:
            continue
        if f"{os.major(number)}:{os.minor(number)}" == device:
            return name.lower().replace("-", "")
    return None
