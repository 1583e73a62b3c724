"""The system's table of mounts, where there is one (Linux): what is mounted at, above and below a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_TABLE = Path("/proc/self/mountinfo")

_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "9p", "virtiofs", "davfs"}
    | {"vboxsf", "vmhgfs", "prl_fs", "drvfs"}
)
_WITHOUT_EVENTS = frozenset({"overlay", "aufs", "ecryptfs"})
_FAT = frozenset({"vfat", "msdos", "exfat"})


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the table. `kind` is the file system, `device` its number as `major:minor`."""

    id: int
    device: str
    point: str
    kind: str
    source: str
    is_read_only: bool

    @property
    def is_network(self) -> bool:
        """Whether another machine, or a program, keeps the files. `fuseblk` is a disk of this machine."""
        return self.kind in _NETWORK or self.kind == "fuse" or self.kind.startswith("fuse.")

    @property
    def has_events(self) -> bool:
        """Whether the system tells of every change: not of those made by others, or underneath."""
        return not self.is_network and self.kind not in _WITHOUT_EVENTS

    @property
    def has_loose_stats(self) -> bool:
        """Whether inode numbers and change times may differ from one mount to the next: they prove nothing then."""
        return self.is_network or self.kind in _FAT


def table_text() -> str:
    """The table as the system gives it, to be compared; "" where there is none."""
    try:
        return _TABLE.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


@lru_cache(maxsize=1)
def parse(text: str) -> Sequence[Mount]:
    """The mounts of a table, in its order: a later one covers an earlier one at the same place.

    Asked for every file, while the table changes by the hour: the last one is kept.
    """
    return tuple(mount for line in text.splitlines() if (mount := _parse_line(line)) is not None)


def _parse_line(line: str) -> Mount | None:
    # 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
    place, dash, rest = line.partition(" - ")
    fields, described = place.split(" "), rest.split(" ")
    if not dash or len(fields) < 6 or len(described) < 3:
        return None
    options = {*fields[5].split(","), *described[2].split(",")}
    return Mount(
        id=int(fields[0]),
        device=fields[2],
        point=_unescape(fields[4]),
        kind=described[0],
        source=_unescape(described[1]),
        is_read_only="ro" in options,
    )


def mount_of(fd: int, table: Sequence[Mount]) -> Mount | None:
    """The mount that an open file or folder belongs to: exact, also behind links and bind mounts."""
    try:
        lines = Path(f"/proc/self/fdinfo/{fd}").read_text("ascii").splitlines()
    except OSError:
        return None
    number = next((int(line.split()[1]) for line in lines if line.startswith("mnt_id:")), None)
    return next((mount for mount in table if mount.id == number), None)


def around(path: Path, table: Sequence[Mount]) -> tuple[Mount, ...]:
    """The mounts above a path, at it and below it: a change among them changes what is there."""
    shown = str(path).rstrip("/") + "/"
    return tuple(
        mount for mount in table if shown.startswith(mount.point.rstrip("/") + "/") or mount.point.startswith(shown)
    )


def _unescape(text: str) -> str:
    """Blanks and the like are written as octal numbers of bytes."""
    if "\\" not in text:
        return text
    raw = os.fsencode(text)
    return os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda found: bytes([int(found[1], 8)]), raw))
