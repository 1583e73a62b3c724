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
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tlsync.errors import ConfigError
from tlsync.mirror.fuse_view import FuseView
from tlsync.mirror.view import View

log = logging.getLogger(__name__)

NAME = "tlsync"
_FRESH_S = 1.0
"""How long the kernel may keep names and attributes: a walk asks for each many times within a moment."""
_MIRROR_INSTEAD = "or use tlsync mirror DIR, which needs nothing installed"
_TIME_LIMIT_S = 10.0
_SILENT_AFTER_S = 3.0
_BUSY_PAUSES_S = (0.2, 0.5)
"""A file manager that just looks into it is done in a moment."""
_THREADS = 4
"""More don't help: Python answers one at a time. Nothing here waits for long."""
_SWITCH_EVERY_S = 0.0005
"""How long a thread in the background keeps an answer waiting; Python's default is ten times that."""
_MOUNT_TABLE = Path("/proc/self/mountinfo")


@dataclass(frozen=True, slots=True)
class Mounted:
    """A mount of ours. `dead`: its process died, and every look at it fails. `silent`: it does not answer in time."""

    folder: Path
    state: Literal["alive", "dead", "silent"]


def mounts(mount_table: Path = _MOUNT_TABLE) -> list[Mounted]:
    """The mounts of tlsync on this machine."""
    return [Mounted(folder, _state(folder)) for folder in _ours(mount_table)]


def is_alive(folder: Path) -> bool:
    """Whether a tree is mounted on a folder, and answers."""
    # The table last: when a mount that died is taken away meanwhile, it is the bare folder that answers.
    return folder in _ours() and _state(folder) == "alive" and folder in _ours()


def place_of(folder: Path) -> Path:
    """A folder as the mount table names it: without links. What is mounted there is not looked at, it may hang."""
    by_parent = folder.parent.resolve() / folder.name
    return by_parent if by_parent in _ours() or not folder.name else folder.resolve()


def prepare(folder: Path) -> None:
    """Make sure that something can be mounted on a folder, as `place_of` gives it; a mount that died there is taken
    away.

    Raises:
        ConfigError: The folder can't be used, or is in use.
    """
    check_fuse()
    while folder in _ours():
        if _state(folder) != "dead":
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
        raise ConfigError("tlsync mount is for Linux and macOS", hint="on Windows use tlsync mirror DIR")
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
    operations = _operations(mfusepy, answers)
    sys.setswitchinterval(_SWITCH_EVERY_S)
    options = {"entry_timeout": _FRESH_S, "attr_timeout": _FRESH_S}
    if _knows_max_threads(mfusepy):
        options |= {"max_threads": _THREADS, "max_idle_threads": _THREADS}
    try:
        mfusepy.FUSE(
            operations,
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
            **options,
        )
    except RuntimeError as error:
        if operations.has_begun:
            return  # a signal ended it, which the library reports as an error
        raise ConfigError(
            f"{folder}: the system refuses the mount (code {error})",
            hint=f"is {folder} an empty folder of yours? is /dev/fuse open to you? {_MIRROR_INSTEAD}",
        ) from error


def _knows_max_threads(mfusepy: Any) -> bool:
    """libfuse before 3.12 refuses the option; later ones complain on stderr about their own defaults without them."""
    return bool((mfusepy.fuse_version_major, mfusepy.fuse_version_minor) >= (3, 12))


def unmount(folder: Path) -> None:
    """Take a mount of ours away, also one whose process died.

    Raises:
        ConfigError: There is none, or it is in use.
    """
    if folder not in _ours():
        raise ConfigError(f"{folder}: nothing of tlsync is mounted there", hint="tlsync unmount names the mounts")
    tool = _fusermount()
    command = [tool, "-u"] if tool else ["umount"]
    if _state(folder) != "alive":
        command.append("-z" if tool else "-l")  # nobody can be at work in it
    for pause_s in (*_BUSY_PAUSES_S, None):
        said = _run([*command, "--", str(folder)])
        if said is None:
            return
        if pause_s is None:
            hint = "close what is open in it, and leave it in every shell"
            raise ConfigError(f"{folder}: can't be unmounted: {said}", hint=hint)
        time.sleep(pause_s)


def _run(command: list[str]) -> str | None:
    """None when it went well, else the last line it said."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIME_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]} does not work ({type(error).__name__})"
    lines = (done.stderr or done.stdout).strip().splitlines() or ["the system does not say why"]
    return None if done.returncode == 0 else lines[-1]


def _operations(mfusepy: Any, answers: FuseView) -> Any:
    """The tree in the words of the library, which is only there where the extra is installed."""

    class ReadOnly(mfusepy.Operations):  # type: ignore[misc]
        use_ns = True
        has_begun = False

        def init(self, path: str) -> None:
            self.has_begun = True

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


def _ours(mount_table: Path = _MOUNT_TABLE) -> list[Path]:
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


def _state(folder: Path) -> Literal["alive", "dead", "silent"]:
    """How a mount is. A process that was stopped never answers, so the question has a thread and a time limit."""
    found: list[Literal["alive", "dead"]] = []

    def look() -> None:
        try:
            os.scandir(folder).close()  # goes to the process; attributes the kernel may still remember
        except OSError as error:
            found.append("dead" if error.errno in (errno.ENOTCONN, errno.EIO, errno.ENXIO) else "alive")
        else:
            found.append("alive")

    thread = threading.Thread(target=look, name="tlsync-looking", daemon=True)
    thread.start()
    thread.join(_SILENT_AFTER_S)
    return found[0] if found else "silent"


def _fusermount() -> str | None:
    return shutil.which("fusermount3") or shutil.which("fusermount")


def _package() -> str:
    if sys.platform == "darwin":
        return "install macFUSE (macfuse.io) or FUSE-T (fuse-t.org)"
    return "install FUSE: apt install fuse3 (Debian, Ubuntu), dnf install fuse3 (Fedora)"
