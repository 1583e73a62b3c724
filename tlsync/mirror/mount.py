"""Puts the tree into the file system by FUSE, and takes it out again. Linux first; macOS where a FUSE is installed.

Source of the hints: the packages' own installation pages (libfuse, macFUSE, FUSE-T, WinFsp).
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlsync.errors import ConfigError
from tlsync.mirror.fuse_view import FuseView
from tlsync.mirror.view import View

log = logging.getLogger(__name__)

NAME = "tlsync"
_FRESH_S = 1.0
"""How long the kernel may keep names and attributes: a walk asks for each many times within a moment."""
_MIRROR_INSTEAD = "or use tlsync mirror DIR, which needs nothing installed"
_TIME_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Mounted:
    """A mount of ours. `is_alive` False: its process died, and every look at it fails."""

    folder: Path
    is_alive: bool


def mounts(mount_table: Path = Path("/proc/self/mountinfo")) -> list[Mounted]:
    """The mounts of tlsync on this machine."""
    return [Mounted(folder, _answers(folder)) for folder in _ours(mount_table)]


def prepare(folder: Path) -> None:
    """Make sure that something can be mounted on a folder; a mount that died there is taken away.

    Raises:
        ConfigError: The folder can't be used, or is in use.
    """
    check_fuse()
    if folder in _ours():
        if _answers(folder):
            raise ConfigError(f"{folder}: the tree is mounted there already", hint=f"tlsync unmount {folder}")
        log.warning("a mount whose process died is taken away folder=%s", folder)
        unmount(folder)
    try:
        is_empty = not any(folder.iterdir())
    except OSError as error:
        raise ConfigError(
            f"{folder}: can't be used for a mount: {error.strerror}", hint=f"make an empty folder: mkdir {folder}"
        ) from error
    if not is_empty:
        raise ConfigError(f"{folder}: not empty", hint="mount the tree on an empty folder")


def check_fuse() -> None:
    """Whether this machine can mount.

    Raises:
        ConfigError: It can't; the hint says what to install.
    """
    if sys.platform == "win32":
        raise ConfigError("tlsync mount does not work on Windows", hint="use tlsync mirror DIR")
    try:
        import mfusepy
    except ImportError:
        raise ConfigError(
            "the Python package for FUSE is not installed",
            hint=f"pip install 'tlsync[fuse]', {_MIRROR_INSTEAD}",
        ) from None
    except (OSError, AttributeError):
        raise ConfigError("there is no FUSE on this machine", hint=f"{_package()}, {_MIRROR_INSTEAD}") from None
    del mfusepy
    if sys.platform == "linux":
        if not Path("/dev/fuse").exists():
            raise ConfigError(
                "/dev/fuse is missing",
                hint=f"load it: modprobe fuse (containers: --device /dev/fuse), {_MIRROR_INSTEAD}",
            )
        if _fusermount() is None and os.geteuid() != 0:
            raise ConfigError("fusermount is missing", hint=f"{_package()}, {_MIRROR_INSTEAD}")


def serve(view: View, folder: Path) -> None:
    """Mount the tree, and answer until it is unmounted or a signal ends the process.

    Raises:
        ConfigError: The system refuses the mount.
    """
    import mfusepy

    answers = FuseView(view.tree, view.quiet, caller=lambda: int(mfusepy.fuse_get_context()[2]))
    try:
        mfusepy.FUSE(
            _operations(mfusepy, answers),
            str(folder),
            foreground=True,
            encoding=sys.getfilesystemencoding(),
            ro=True,
            nosuid=True,
            nodev=True,
            noexec=True,
            default_permissions=True,
            fsname=NAME,
            subtype=NAME,
            entry_timeout=_FRESH_S,
            attr_timeout=_FRESH_S,
        )
    except RuntimeError as error:
        raise ConfigError(
            f"{folder}: the system refuses the mount (code {error})",
            hint=f"is {folder} an empty folder of yours? is /dev/fuse open to you? {_MIRROR_INSTEAD}",
        ) from error


def unmount(folder: Path) -> None:
    """Take a mount of ours away, also one whose process died.

    Raises:
        ConfigError: There is none, or it is in use.
    """
    if folder not in _ours():
        raise ConfigError(f"{folder}: nothing of tlsync is mounted there", hint="tlsync unmount names the mounts")
    tool = _fusermount()
    command = [tool, "-u"] if tool else ["umount"]
    if not _answers(folder):
        command.append("-z" if tool else "-l")  # nobody can be at work in it
    done = subprocess.run([*command, "--", str(folder)], capture_output=True, text=True, timeout=_TIME_LIMIT_S)
    if done.returncode != 0:
        why = (done.stderr or done.stdout).strip().splitlines()
        raise ConfigError(
            f"{folder}: can't be unmounted: {why[-1] if why else 'the system does not say why'}",
            hint="close what is open in it, and leave it in every shell",
        )


def _operations(mfusepy: Any, answers: FuseView) -> Any:
    """The tree in the words of the library, which is only there where the extra is installed."""

    class ReadOnly(mfusepy.Operations):  # type: ignore[misc]
        use_ns = True

        def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
            return answers.attributes(path)

        def readdir(self, path: str, fh: int) -> Iterator[tuple[str, int, int]]:
            yield from ((name, mode, 0) for name, mode in answers.entries(path))

        def readlink(self, path: str) -> str:
            return answers.target(path)

        def open(self, path: str, flags: int) -> int:
            return answers.open(path, flags)

        def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
            return answers.read(fh, size, offset)

        def release(self, path: str, fh: int) -> int:
            answers.close(fh)
            return 0

    return ReadOnly()


def _ours(mount_table: Path = Path("/proc/self/mountinfo")) -> list[Path]:
    """Where trees are mounted. Source: proc(5), mountinfo: field 5 is the place, the type follows the dash."""
    try:
        lines = mount_table.read_bytes().splitlines()
    except OSError:
        return _ours_by_command()
    found = []
    for line in lines:
        head, _, tail = line.partition(b" - ")
        if tail.split(b" ")[0] == b"fuse." + NAME.encode():
            # Blanks and their like are written as octal escapes.
            found.append(Path(os.fsdecode(head.split(b" ")[4].decode("unicode_escape").encode("latin-1"))))
    return found


def _ours_by_command() -> list[Path]:
    """Where there is no table to read, as on macOS: `tlsync on /Users/ada/tree (macfuse, …)`."""
    try:
        listed = subprocess.run(["/sbin/mount"], capture_output=True, text=True, timeout=_TIME_LIMIT_S).stdout
    except (OSError, subprocess.TimeoutExpired):
        return []
    rows = [line.partition(" on ") for line in listed.splitlines() if line.startswith(f"{NAME} on ")]
    return [Path(rest.rpartition(" (")[0]) for _, _, rest in rows]


def _answers(folder: Path) -> bool:
    try:
        folder.stat()
    except OSError as error:
        return error.errno not in (errno.ENOTCONN, errno.EIO, errno.ENXIO)
    return True


def _fusermount() -> str | None:
    return shutil.which("fusermount3") or shutil.which("fusermount")


def _package() -> str:
    if sys.platform == "darwin":
        return "install macFUSE (macfuse.io) or FUSE-T (fuse-t.org)"
    return "install FUSE: apt install fuse3 (Debian, Ubuntu), dnf install fuse3 (Fedora)"
