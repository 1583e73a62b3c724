"""What the machine offers: watches for folders, SQLite, the media library, FUSE."""

from __future__ import annotations

import ctypes
import errno
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tlsync import power
from tlsync.checkup.findings import Finding, failure, ok, warning
from tlsync.checkup.folders import count_folders
from tlsync.config import Settings
from tlsync.engine import volumes
from tlsync.errors import ConfigError, TlsyncError
from tlsync.patience import answers_within
from tlsync.power import Power

_INOTIFY = Path("/proc/sys/fs/inotify")
_COUNTING_S = 12.0
_LEAST_SQLITE = (3, 37, 0)
"""The first one with STRICT tables, which the catalog has."""
_WATCHES_WANTED = 524_288
"""Usual on machines with much to watch; the kernel takes about 1 kB for each that is used."""


def check_watches(settings: Settings, *, is_daemon_running: bool, limits: Path = _INOTIFY) -> Iterator[Finding]:
    """Compare the system's limits with the folders that are to be watched by events."""
    name = "watches"
    most_watches = _limit(limits / "max_user_watches")
    if most_watches is None:
        yield ok(name, "this system has no such limit")
        return

    def count(root: Path) -> int:
        return count_folders(root, most_watches) if _sends_events(root) else 0

    # A volume that hangs is told by the check of its folder; the others are counted without it.
    paths = [root.path for root in settings.roots if root.watch != "polling"]
    counted = [number for number in answers_within(_COUNTING_S, count, paths).values() if number]
    folders = sum(counted)
    if folders > most_watches:
        yield warning(
            name,
            f"the system allows watching {most_watches} folders, and there are {folders} or more: what is left over"
            " is found later, by looking through everything again and again",
            f"echo fs.inotify.max_user_watches={max(_WATCHES_WANTED, 2 * folders)} | sudo tee"
            " /etc/sysctl.d/60-tlsync.conf && sudo sysctl --system",
        )
    elif not is_daemon_running and not _can_open_instances(len(counted)):
        yield warning(
            name,
            f"the system allows this user no {len(counted)} more watchers, one for each watched folder",
            "echo fs.inotify.max_user_instances=1024 | sudo tee /etc/sysctl.d/60-tlsync.conf && sudo sysctl --system",
        )
    else:
        yield ok(name, f"{folders} folders to watch, {most_watches} allowed")


def _sends_events(folder: Path) -> bool:
    try:
        mount = volumes.look(folder).mount
    except OSError:
        return False
    return mount is None or mount.has_events


def _limit(path: Path) -> int | None:
    try:
        return int(path.read_text("ascii"))
    except (OSError, ValueError):
        return None


def _can_open_instances(number: int) -> bool:
    """Whether this user may open so many watchers more. They are closed at once."""
    if sys.platform != "linux":
        return True
    library = ctypes.CDLL(None, use_errno=True)
    handles: list[int] = []
    try:
        for _ in range(number):
            handle = library.inotify_init1(os.O_CLOEXEC)
            if handle < 0:
                return ctypes.get_errno() != errno.EMFILE
            handles.append(handle)
        return True
    finally:
        for handle in handles:
            os.close(handle)


def check_power(settings: Settings, look: Callable[[], Power] = power.look) -> Iterator[Finding]:
    """Whether the system tells what the settings would hold uploads back for."""
    name, rules, found = "power", settings.power, look()
    battery = {True: "runs on its battery", False: "runs on mains", None: "the system does not tell of its power"}
    line = {True: "the line is metered", False: "the line is not metered", None: "of the line the system does not tell"}
    told = f"{battery[found.on_battery]}, {line[found.is_metered]}"
    deaf = [
        setting
        for setting, rule, answer in (
            ("power.on_battery", rules.on_battery, found.on_battery),
            ("power.on_metered", rules.on_metered, found.is_metered),
        )
        if rule == "hold" and answer is None
    ]
    yield ok(name, told + (f", so {' and '.join(deaf)} holds nothing back" if deaf else ""))


def check_sqlite(version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> Iterator[Finding]:
    shown = ".".join(map(str, version))
    if version < _LEAST_SQLITE:
        least = ".".join(map(str, _LEAST_SQLITE))
        yield failure("SQLite", f"{shown} is too old for the catalog", f"use a Python with SQLite {least} or newer")
    else:
        yield ok("SQLite", shown)


def check_media_library() -> Iterator[Finding]:
    name = "media library"
    try:
        from tlsync.media.self_test import library_versions, read_tiny_clip
    except (ImportError, OSError) as error:
        yield failure(name, f"can't be loaded: {error}", "install tlsync anew; it brings its own FFmpeg libraries")
        return
    versions = library_versions()
    try:
        read_tiny_clip()
    except TlsyncError as error:
        yield failure(name, f"{versions}: can't read H.264: {error.message}", error.hint or "install tlsync anew")
    except (OSError, ValueError) as error:
        yield warning(name, f"{versions}: no clip to try it on can be made: {error}", "look at the temporary folder")
    else:
        yield ok(name, f"{versions}: reads H.264 and AAC")


def check_fuse() -> Iterator[Finding]:
    """Whether `tlsync mount` can work, and mounts that were left behind."""
    from tlsync.mirror import mount

    try:
        mount.check_fuse()
    except ConfigError as error:
        # It is an extra: nothing else depends on it.
        yield ok("mount", f"tlsync mount is not available: {error.message} ({error.hint})")
    else:
        yield ok("mount", "FUSE is there")
    for found in mount.mounts():
        if found.state != "alive":
            what = "died" if found.state == "dead" else "does not answer"
            yield failure("mount", f"{found.folder}: its process {what}", f"tlsync unmount {found.folder}")
