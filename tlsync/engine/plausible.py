"""Whether a file may be what its owner wants to send: one that became empty or shorter is damaged rather than newer."""

from __future__ import annotations

import shlex
from pathlib import Path

from tlsync.engine.context import shown
from tlsync.errors import NotEligible


class Suspect(NotEligible):
    """The file seems to be damaged, or not written to its end. What was known of its path before stays known."""


def check_plausible(path: Path, size_bytes: int, sent_bytes: int) -> None:
    """Compare the size of a file with that of the version that was sent before.

    Args:
        sent_bytes: 0, if none was.

    Raises:
        Suspect: It is damaged, as far as the size tells.
    """
    if size_bytes == 0:
        if not sent_bytes:
            raise Suspect(str(path), "empty", hint="it is looked at again when it changes")
        raise Suspect(
            str(path),
            f"empty; the version that was uploaded had {sent_bytes} bytes: damaged?",
            hint="restore it from a backup; the copy on the platform is kept",
        )
    if size_bytes < sent_bytes:
        raise Suspect(
            str(path),
            f"shorter than the version that was uploaded ({sent_bytes} bytes before, {size_bytes} now): damaged?",
            hint=f"restore it from a backup, or if it is meant to be shorter: tlsync retry {shlex.quote(shown(path))}",
        )
