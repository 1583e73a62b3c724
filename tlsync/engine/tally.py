"""What one pass did, for its closing line."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A file that did not make it, with what to do."""

    path: str
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The outcome of a pass.

    `files` = `enriched` + `ineligible` + `failed` + `pending`, as they are at the end (files that are gone are
    not counted). `uploaded`, `bytes_sent` and `reused` are what this pass did. `caps` are those of the settings, with
    the number of pending files that wait for each.
    """

    files: int
    uploaded: int
    bytes_sent: int
    reused: int
    enriched: int
    ineligible: int
    failed: int
    pending: int
    errors: tuple[FileProblem, ...]
    caps: tuple[dict[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"v": 1} | asdict(self)


class Tally:
    """Counts from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.uploaded = 0
        self.bytes_sent = 0
        self.reused = 0

    def sent(self, size_bytes: int) -> None:
        """A chunk arrived."""
        with self._lock:
            self.bytes_sent += size_bytes

    def upload_done(self) -> None:
        with self._lock:
            self.uploaded += 1

    def link_done(self) -> None:
        """A file was linked to known content."""
        with self._lock:
            self.reused += 1
