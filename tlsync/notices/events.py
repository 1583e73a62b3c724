"""What can be told: one thing that happened, to a file or to tlsync, as JSON for programs. Pure."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tlsync.clock import to_text
from tlsync.states import FileState
from tlsync.store.cursors import Move

TEST = "test"
"""The event of `tlsync notify test`."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `id` is the same each time it is told."""

    id: str
    event: str
    at: datetime
    path: Path | None = None
    root: Path | None = None
    from_state: str | None = None
    state: str | None = None
    code: str | None = None
    reason: str = ""
    hint: str = ""
    size_bytes: int | None = None
    asset_id: str | None = None
    index_id: str | None = None
    indexed_asset_id: str | None = None
    sidecar: Path | None = None
    counts: Mapping[str, int] | None = None
    is_test: bool = False

    def is_below(self, folder: Path | None) -> bool:
        """Whether it concerns a folder (None: any). What concerns no folder of its own concerns all."""
        if folder is None or (self.root is None and self.path is None):
            return True
        place = self.path or self.root
        assert place is not None
        if self.path is None and place in folder.parents:
            return True  # a root above the folder went away, or is back
        return folder == place or folder in place.parents


def of_move(move: Move) -> Event:
    """The event of a file that came into a state."""
    return Event(
        id=_id(move.number, move.file_id, move.at, move.to_state),
        event=move.to_state.value,
        at=move.at,
        path=move.path,
        root=move.root,
        from_state=move.from_state.value if move.from_state else None,
        state=move.to_state.value,
        reason=move.reason,
        hint=move.hint,
        size_bytes=move.size_bytes,
        asset_id=move.asset_id,
        index_id=move.index_id,
        indexed_asset_id=move.indexed_asset_id,
        sidecar=move.sidecar,
    )


def of_daemon(
    event: str,
    at: datetime,
    *,
    root: Path | None = None,
    code: str | None = None,
    reason: str = "",
    hint: str = "",
    counts: Mapping[str, int] | None = None,
) -> Event:
    """The event of something that concerns a folder, or all."""
    number = _id(event, at, root, reason)
    return Event(number, event, at, root=root, code=code, reason=reason, hint=hint, counts=counts)


def sample(at: datetime, root: Path) -> Event:
    """An event to try a set-up with. Its file does not exist."""
    path = root / "sample.mp4"
    return Event(
        id=_id(TEST, at),
        event=TEST,
        at=at,
        path=path,
        root=root,
        from_state=FileState.READY.value,
        state=FileState.ENRICHED.value,
        reason="a sample: this file does not exist",
        size_bytes=1_048_576,
        asset_id="sample-asset",
        index_id="sample-index",
        indexed_asset_id="sample-indexed-asset",
        sidecar=path.with_name("sample.mp4.tlsync.json"),
        is_test=True,
    )


def as_json(event: Event) -> dict[str, Any]:
    """The object that programs read; all keys are always there. Names that are not UTF-8 come out with replacement
    characters, and their bytes as hexadecimal digits in `path_bytes`."""
    path = None if event.path is None else os.fsencode(event.path)
    return {
        "v": 1,
        "id": event.id,
        "event": event.event,
        "at": to_text(event.at),
        "path": _text(event.path),
        "path_bytes": path.hex() if path is not None and not _is_utf8(path) else None,
        "root": _text(event.root),
        "from_state": event.from_state,
        "state": event.state,
        "code": event.code,
        "reason": event.reason,
        "hint": event.hint,
        "size_bytes": event.size_bytes,
        "asset_id": event.asset_id,
        "index_id": event.index_id,
        "indexed_asset_id": event.indexed_asset_id,
        "sidecar": _text(event.sidecar),
        "counts": None if event.counts is None else dict(event.counts),
        "is_test": event.is_test,
    }


def to_bytes(document: Mapping[str, Any]) -> bytes:
    """One line of JSON, in ASCII: what stands in a name ends no line and moves no cursor."""
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def _id(*facts: object) -> str:
    text = " ".join(to_text(fact) if isinstance(fact, datetime) else str(fact) for fact in facts)
    return "evt_" + hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:24]


def _text(path: Path | None) -> str | None:
    return None if path is None else os.fsencode(path).decode("utf-8", "replace")


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
