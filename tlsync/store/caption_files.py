"""Caption files beside a sidecar: which of them tlsync wrote, and may write again or remove.

Kept here: a caption file has no room for a mark, so the sidecar notes the SHA-256 of what was written. A file that
holds anything else was made or corrected by somebody.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import UNSET, UnsetType

from tlsync.models import Cue
from tlsync.store.sidecar_files import fitting

NOTED = "x-tlsync-captions"
"""The key of a sidecar that holds the digests, by kind."""
KINDS = ("srt", "vtt")


def name_of(media: Path, kind: str) -> str:
    return fitting(media.name, f".tlsync.{kind}")


def made_of(cues: Iterable[Cue] | UnsetType | None, kinds: Iterable[str]) -> dict[str, bytes]:
    """The captions of a transcription, by kind. Without a transcription there are none."""
    if not kinds or cues is UNSET or cues is None:
        return {}
    from tlsync.store.captions import to_srt, to_vtt  # only who wants captions pays for the library

    writers = {"srt": to_srt, "vtt": to_vtt}
    return {kind: writers[kind](cues).encode() for kind in kinds}


def noted_in(extras: dict[str, Any]) -> dict[str, str]:
    """The digests that a sidecar notes, as far as they have the form of some."""
    noted = extras.get(NOTED)
    if not isinstance(noted, dict):
        return {}
    return {kind: noted[kind] for kind in KINDS if isinstance(noted.get(kind), str)}


def is_ours(there: bytes, digest: str | None, wanted: bytes | None = None) -> bool:
    """Whether a caption file holds what tlsync wrote, or would write now."""
    return there == wanted or digest_of(there) == digest


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
