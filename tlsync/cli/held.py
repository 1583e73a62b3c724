"""What holds uploads back, for commands that look: as the daemon says, or as the settings say while none runs."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from tlsync.config import PowerSettings, Settings
from tlsync.engine.lanes import RECOGNITION, REMOTE, TRANSFER
from tlsync.engine.restraint import judge
from tlsync.hours import ALWAYS
from tlsync.states import FileState
from tlsync.store.bandwidth_override import go_on_file
from tlsync.store.orders import UNREADABLE, Order
from tlsync.store.pause import Pause

_LANES = {
    FileState.IDENTIFIED: RECOGNITION,
    FileState.UPLOADING: TRANSFER,
    FileState.UPLOADED: REMOTE,
    FileState.ASSET_READY: REMOTE,
    FileState.INDEXING: REMOTE,
    FileState.READY: REMOTE,
}


def held_report(settings: Settings, said: dict[str, Any], pause: Pause | None, now: datetime) -> list[dict[str, Any]]:
    """`held` of `status --json`.

    Args:
        said: What a running daemon said of itself; empty while none runs.
        pause: The one in force.
    """
    if "held" in said:
        of_pause = judge(now, pause=pause, hours=ALWAYS, rules=PowerSettings("go on", "go on"), power=None)
        return [one.as_json() for one in of_pause] + [one for one in said["held"] if one["by"] != "pause"]
    wish: Order | None = None
    with suppress(OSError):
        wish = go_on_file(settings.state_dir).find(now)
    found = judge(
        now,
        pause=pause,
        hours=settings.upload.hours or ALWAYS,
        rules=settings.power,
        power=None,  # to ask the system takes too long here; whoever begins an upload does
        goes_on=wish is not None and wish.key != UNREADABLE,
    )
    return [one.as_json() for one in found]


def holds(held: list[dict[str, Any]], state: FileState) -> list[dict[str, Any]]:
    """What holds back a file in this state."""
    return [one for one in held if _LANES.get(state) in one["lanes"]]
