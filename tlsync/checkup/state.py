"""The state folder and its catalog: on a disk that can hold it, private, sound, and who works with it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tlsync.checkup.findings import Finding, failure, failure_of, ok, warning
from tlsync.checkup.folders import check_room, kind_of
from tlsync.engine import volumes
from tlsync.errors import CatalogDamaged, CatalogError
from tlsync.states import FileState
from tlsync.store import soundness
from tlsync.store.database import FILE_NAME
from tlsync.store.reader import CatalogReader


@dataclass
class CatalogView:
    """What the catalog says that other checks want to know; empty while it was not read."""

    roots: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_daemon_running: bool = False


def check_state_folder(state_dir: Path) -> Iterator[Finding]:
    """May block for as long as its volume hangs."""
    name = f"state folder {state_dir}"
    there = next(folder for folder in (state_dir, *state_dir.parents) if folder.exists())
    is_made = there == state_dir
    try:
        place = volumes.look(there)
    except OSError as error:
        yield failure(name, f"can't be used: {error.strerror}", "set state_dir to a folder of yours")
        return
    if place.mount is not None and place.mount.is_network:
        yield failure(
            name,
            f"is on a network volume ({place.mount.kind}): SQLite's journal does not work there, and may be damaged",
            "set state_dir in the settings, or TLSYNC_STATE_DIR, to a folder on a local disk",
        )
    elif not os.access(there, os.W_OK | os.X_OK):
        yield failure(name, "can't be written", f"give it to the user that runs tlsync, or set state_dir: {there}")
    elif is_made and os.name == "posix" and state_dir.stat().st_mode & stat.S_IWOTH:
        yield failure(name, "everybody on this machine can write into it", f"chmod 700 {state_dir}")
    else:
        yield ok(name, kind_of(place) + ("" if is_made else "; made at first use"))
    yield from check_room(name, there)
    if is_made and (aside := sorted(path.name for path in state_dir.glob("catalog.*-*") if path.is_dir())):
        yield ok(name, f"{len(aside)} old catalogs were set aside ({aside[-1]}); remove them when you like")


def check_catalog(state_dir: Path, view: CatalogView) -> Iterator[Finding]:
    """Look at the catalog without changing it, and fill `view`.

    The seal is compared first: files must not be read while this process has a connection to them.
    """
    catalog = state_dir / FILE_NAME
    if not catalog.exists():
        yield ok("catalog", "none yet; the first sync makes it")
        yield ok("daemon", "not running; tlsync run starts it")
        return
    look = soundness.look_at_seal(catalog)
    try:
        soundness.refuse_rotten(catalog, look)
    except CatalogDamaged as damage:
        yield failure_of("catalog", damage)
        return
    try:
        with CatalogReader(state_dir) as reader:
            daemon = reader.daemon(datetime.now(UTC))
            counts = reader.counts()
            view.roots = {root["path"]: root for root in reader.roots()}
            note = reader.note
    except CatalogError as error:
        yield failure_of("catalog", error)
        return
    view.is_daemon_running = daemon is not None
    sound = {"as_left": "sealed by a clean stop, and unchanged since"}.get(
        look, "in use" if view.is_daemon_running else "not sealed (no clean stop): the next start checks it"
    )
    files = sum(counts.values())
    yield warning("catalog", note, "free some space there") if note else ok("catalog", f"{files} files; {sound}")
    yield ok("daemon", f"runs (process {daemon['pid']})" if daemon else "not running; tlsync run starts it")
    for trouble in daemon.get("troubles", ()) if daemon else ():
        yield warning("daemon", trouble["message"], trouble["hint"] or "tlsync status")
    failed = counts[FileState.FAILED.value]
    if failed:
        yield warning("files", f"{failed} failed", "tlsync status says why; tlsync retry gives them another chance")
    if files:
        yield ok("upkeep", "tlsync verify finds spare entries, lost sidecars and files that changed")
