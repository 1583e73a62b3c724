"""The sidecar as a document, version 1: its keys in their order, its JSON, and its published schema."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tlsync import __version__
from tlsync.clock import from_text
from tlsync.models import Chapter, Cue, Gist, Highlight

VERSION = 1
GENERATOR = f"tlsync {__version__}"

# What a sidecar says is believed only as far as it has these forms: anybody may have written it.
Id = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Sha256 = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")]


class Media(msgspec.Struct, frozen=True):
    """The file that the sidecar is about."""

    filename: str
    size_bytes: int
    fingerprint: str
    sha256: Sha256
    duration_s: float
    fps: str | None
    width: int | None
    height: int | None
    start_timecode: str | None


class Platform(msgspec.Struct, frozen=True):
    """Where the platform has it."""

    base_url: str
    index_id: Id
    index_name: str
    asset_id: Id | None
    indexed_asset_id: Id
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


class NotASidecar(ValueError):
    """Bytes that are no sidecar of this version: garbled, foreign, or of another form."""


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


class _Mark(msgspec.Struct):
    """What a file of ours says of itself; the rest of it is passed over."""

    v: Any = None
    generator: Any = None


_MARK = msgspec.json.Decoder(_Mark)
_TOP = msgspec.json.Decoder(dict[str, msgspec.Raw])


def encode(document: Sidecar, *, extras: dict[str, Any], old: bytes | None) -> bytes:
    """The JSON of a sidecar: two-space indent, keys in order, final newline.

    Args:
        document: What the catalog knows.
        extras: `x-…` keys of others that were in the file; they are kept, at the end.
        old: The file as it is. It is returned when it says the same: the version of the generator and the instants at
            which texts were fetched are no reason to write, or two machines would write over each other without end.
    """
    fields = {name: getattr(document, name) for name in Sidecar.__struct_fields__}
    data = msgspec.json.encode(_Document(v=VERSION, generator=GENERATOR, **fields))
    if extras:
        data = data[:-1] + b"," + msgspec.json.encode(extras)[1:]
    data = _formatted(data)
    return old if old is not None and _says_the_same(old, data) else data


def decode(data: bytes) -> Sidecar:
    """Read a sidecar that anybody may have written.

    Raises:
        NotASidecar: It is not one, or not of the form that tlsync writes.
    """
    found = _parse(data)
    if not is_ours(data) or not isinstance(found, dict) or found["v"] != VERSION:
        raise NotASidecar("not a sidecar of this version")
    try:
        document = msgspec.convert(found, Sidecar)
        for provenance in document.provenance.values():
            from_text(provenance.fetched_at)
        if document.platform.indexed_at is not None:
            from_text(document.platform.indexed_at)
    except (ValueError, OverflowError) as error:  # msgspec's errors are ValueErrors
        raise NotASidecar(str(error)) from None
    return document


def decode_extras(data: bytes) -> dict[str, Any]:
    """The `x-…` keys of a sidecar: what other programs put there."""
    try:
        return {key: msgspec.json.decode(value) for key, value in _TOP.decode(data).items() if key.startswith("x-")}
    except (ValueError, RecursionError):
        return {}


def with_extra(data: bytes, key: str, value: Any) -> bytes:
    """A sidecar with one of its `x-…` keys set, and nothing else changed."""
    return _formatted(msgspec.json.encode(_fields(data) | {key: value}))


def is_ours(data: bytes) -> bool:
    """Whether a file bears our mark. Anything else is never overwritten."""
    try:
        data.decode("utf-8")  # what is passed over is not looked at
        mark = _MARK.decode(data)
    except (ValueError, RecursionError):
        return False
    return type(mark.v) is int and str(mark.generator).startswith("tlsync ")


def _parse(data: bytes) -> Any:
    """JSON, None for what is none. Strict, so that whatever it gives can be written again."""
    try:
        return msgspec.json.decode(data)
    except (ValueError, RecursionError):
        return None


def _fields(data: bytes) -> dict[str, Any]:
    found = _parse(data)
    return found if isinstance(found, dict) else {}


def _formatted(data: bytes) -> bytes:
    return msgspec.json.format(data, indent=2) + b"\n"


def _says_the_same(old: bytes, new: bytes) -> bool:
    """Whether two sidecars differ in nothing but what differs from machine to machine. Texts are long and mostly equal
    to the byte; only those that are not are read."""
    try:
        olds, news = _TOP.decode(old), _TOP.decode(new)
        if olds.keys() | {"generator"} != news.keys() | {"generator"}:
            return False
        unlike = [key for key in news if key != "generator" and bytes(olds[key]) != bytes(news[key])]
        return all(_value(key, olds[key]) == _value(key, news[key]) for key in sorted(unlike))
    except (ValueError, RecursionError):
        return False


def _value(key: str, raw: msgspec.Raw) -> Any:
    value = msgspec.json.decode(raw)
    if key == "provenance" and isinstance(value, dict):
        return {kind: _without_time(entry) for kind, entry in value.items()}
    return value


def _without_time(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    return {key: value for key, value in entry.items() if key != "fetched_at"}


def json_schema() -> dict[str, Any]:
    """The published JSON Schema of a sidecar (draft 2020-12), as shipped in the package."""
    loaded: dict[str, Any] = json.loads((files("tlsync.store") / "sidecar.schema.json").read_text("utf-8"))
    return loaded
