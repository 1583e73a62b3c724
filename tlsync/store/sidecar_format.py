"""The sidecar as a document, version 1: its keys in their order, its JSON, and its published schema."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from tlsync import __version__
from tlsync.models import Chapter, Cue, Gist, Highlight

VERSION = 1
GENERATOR = f"tlsync {__version__}"


class Media(msgspec.Struct, frozen=True):
    """The file that the sidecar is about."""

    filename: str
    size_bytes: int
    fingerprint: str
    sha256: str
    duration_s: float
    fps: str | None
    width: int | None
    height: int | None
    start_timecode: str | None


class Platform(msgspec.Struct, frozen=True):
    """Where the platform has it."""

    base_url: str
    index_id: str
    index_name: str
    asset_id: str | None
    indexed_asset_id: str
    indexed_at: str | None


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where one enrichment came from; `reason` is there when the platform could not give it."""

    source: str
    model: str | None
    prompt_sha256: str | None
    fetched_at: str
    reason: str | UnsetType = UNSET


class Sidecar(msgspec.Struct, frozen=True):
    """All of a sidecar. UNSET: not asked for; None: asked for, and the platform could not give it."""

    media: Media
    platform: Platform
    gist: Gist | UnsetType | None = UNSET
    summary: str | UnsetType | None = UNSET
    chapters: tuple[Chapter, ...] | UnsetType | None = UNSET
    highlights: tuple[Highlight, ...] | UnsetType | None = UNSET
    transcription: tuple[Cue, ...] | UnsetType | None = UNSET
    provenance: dict[str, Provenance] = {}


class _Document(msgspec.Struct, frozen=True):
    v: int
    generator: str
    media: Media
    platform: Platform
    gist: Gist | UnsetType | None
    summary: str | UnsetType | None
    chapters: tuple[Chapter, ...] | UnsetType | None
    highlights: tuple[Highlight, ...] | UnsetType | None
    transcription: tuple[Cue, ...] | UnsetType | None
    provenance: dict[str, Provenance]


def encode(document: Sidecar, *, extras: dict[str, Any], old: bytes | None) -> bytes:
    """The JSON of a sidecar: two-space indent, keys in order, final newline.

    Args:
        document: What the catalog knows.
        extras: `x-…` keys of others that were in the file; they are kept, at the end.
        old: The file as it is. When nothing but the generator's version would change, it is returned.
    """
    generator = GENERATOR
    if old is not None:
        previous = json.loads(old).get("generator", GENERATOR)
        if _bytes(document, extras, previous) == old:
            return old
    return _bytes(document, extras, generator)


def _bytes(document: Sidecar, extras: dict[str, Any], generator: str) -> bytes:
    fields = {name: getattr(document, name) for name in Sidecar.__struct_fields__}
    return _formatted(msgspec.to_builtins(_Document(v=VERSION, generator=generator, **fields)) | extras)


def _formatted(plain: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(plain), indent=2) + b"\n"


def decode_extras(data: bytes) -> dict[str, Any]:
    """The `x-…` keys of a sidecar: what other programs put there."""
    return {key: value for key, value in json.loads(data).items() if key.startswith("x-")}


def with_extra(data: bytes, key: str, value: Any) -> bytes:
    """A sidecar with one of its `x-…` keys set, and nothing else changed."""
    return _formatted(json.loads(data) | {key: value})


def is_ours(data: bytes) -> bool:
    """Whether a file bears our mark. Anything else is never overwritten."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return (
        isinstance(found, dict)
        and isinstance(found.get("v"), int)
        and str(found.get("generator")).startswith("tlsync ")
    )


def json_schema() -> dict[str, Any]:
    """The published JSON Schema of a sidecar (draft 2020-12), as shipped in the package."""
    loaded: dict[str, Any] = json.loads((files("tlsync.store") / "sidecar.schema.json").read_text("utf-8"))
    return loaded
