"""Watched folders: there, readable, on the volume that is known, and writable where sidecars belong."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tlsync.checkup.findings import Finding, failure, ok, warning
from tlsync.config import RootSettings, Settings
from tlsync.engine import volumes
from tlsync.engine.volumes import Place

_LITTLE_BYTES = 500_000_000
_NOTHING_BYTES = 5_000_000
_COUNTING_S = 8.0


def check_root(root: RootSettings, settings: Settings, known: Mapping[str, Any] | None) -> Iterator[Finding]:
    """Look at one folder. May block for as long as its volume hangs.

    Args:
        known: What the catalog says of this root, as `CatalogReader.roots` gives it.
    """
    name = f"folder {root.path}"
    try:
        place = volumes.look(root.path)
    except FileNotFoundError:
        yield failure(name, "is not there", "connect its drive or share, or correct [[root]] path")
        return
    except NotADirectoryError:
        yield failure(name, "is no folder", "correct [[root]] path")
        return
    except OSError as error:
        yield failure(name, f"can't be read: {error.strerror}", "give the user that runs tlsync the right to read it")
        return
    if known is not None and known["condition"] not in ("online", "offline"):
        yield failure(name, known["trouble"] or known["condition"], "connect the right volume; see tlsync status")
        return
    empty = ", empty" if place.is_empty else ""
    yield ok(name, f"can be read, {kind_of(place)}{empty}")
    if known is not None and known["note"]:
        yield warning(name, known["note"], "see tlsync status")
    if root.watch == "events" and place.mount is not None and not place.mount.has_events:
        yield warning(
            name, f"{place.mount.kind} does not tell of all changes", 'set watch = "auto" or "polling" for this folder'
        )
    if settings.sidecar.location != "central":
        yield from _check_room_for_sidecars(name, root.path)


def kind_of(place: Place) -> str:
    """What a folder is on, for people: `local disk (ext4)`."""
    mount = place.mount
    if mount is None:
        return "volume of unknown kind"
    kind = "network volume" if mount.is_network else "local disk"
    events = "" if mount.has_events else ", looked through again and again since it sends no events"
    return f"{kind} ({mount.kind}{', read-only' if mount.is_read_only else ''}){events}"


def _check_room_for_sidecars(name: str, folder: Path) -> Iterator[Finding]:
    if not os.access(folder, os.W_OK | os.X_OK):
        yield warning(
            name,
            "can't be written: sidecars go to the state folder",
            'let the user write there, or set [sidecar] location = "central" to have it so on purpose',
        )
        return
    yield from check_room(name, folder)


def check_room(name: str, folder: Path) -> Iterator[Finding]:
    """Whether there is some space left; silent when there is enough."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < _NOTHING_BYTES:
        yield failure(name, "its disk is full", "free some space there")
    elif free_bytes < _LITTLE_BYTES:
        yield warning(name, f"its disk has {free_bytes // 1_000_000} MB left", "free some space there")


def count_folders(root: Path, most: int) -> int:
    """Folders at and below a root, as far as they are counted within a few seconds, and no more than `most`."""
    until_s = time.monotonic() + _COUNTING_S
    pending, count = [os.fspath(root)], 0
    while pending and count <= most and time.monotonic() < until_s:
        count += 1
        try:
            with os.scandir(pending.pop()) as entries:
                pending += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        except OSError:
            continue  # told by the check of the folder itself
    return count + len(pending)
