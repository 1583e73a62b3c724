"""Notes from commands to the daemon: small files in the state folder, since only the daemon writes the catalog."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tlsync.errors import CatalogError
from tlsync.store.atomic import write_whole

_FOLDER = "requests"


@dataclass(frozen=True, slots=True)
class Request:
    """What the daemon is asked to do, and for which paths (none: for all)."""

    action: str
    paths: tuple[Path, ...] = ()


def post(state_dir: Path, request: Request) -> None:
    """Leave a note for the daemon; it looks every second.

    Raises:
        CatalogError: The state folder can't be written.
    """
    folder = state_dir / _FOLDER
    note = {"action": request.action, "paths": [os.fsencode(path).hex() for path in request.paths]}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(folder / f"{secrets.token_hex(8)}.json", json.dumps(note).encode(), mode=0o600, is_own_folder=True)
    except OSError as error:
        raise CatalogError(f"{folder}: can't be written: {error.strerror}", hint="check the state folder") from error


def take_all(state_dir: Path) -> list[Request]:
    """Take the notes that are there. What is none is dropped.

    Raises:
        OSError: They can't be read or removed now; they stay.
    """
    taken = []
    for path in sorted((state_dir / _FOLDER).glob("*.json")):
        with suppress(ValueError, KeyError, TypeError):
            note = json.loads(path.read_text("utf-8"))
            paths = tuple(Path(os.fsdecode(bytes.fromhex(text))) for text in note["paths"])
            taken.append(Request(str(note["action"]), paths))
        path.unlink(missing_ok=True)
    return taken
