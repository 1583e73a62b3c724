"""What a mirrored folder holds that is ours, kept in the folder itself: only that is ever changed or removed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tlsync.errors import ConfigError
from tlsync.store.atomic import write_whole

FILE_NAME = ".tlsync-mirror.json"
_VERSION = 1


class Made(msgspec.Struct, array_like=True, frozen=True):
    """A file or link that was made. For a link, `size_bytes` is 0 and `check` that of its target."""

    kind: str
    size_bytes: int
    modified_ns: int
    check: int
    """CRC-32 of the bytes: two texts may have one length and the clip's time."""


class MadeFolder(msgspec.Struct):
    """A folder that was made, with what is in it; `stamp` as in `nodes.Folder`."""

    stamp: str | None = None
    files: dict[str, Made] = msgspec.field(default_factory=dict)
    folders: dict[str, MadeFolder] = msgspec.field(default_factory=dict)


class Manifest(msgspec.Struct):
    """All of it. `is_underway`: a run began and did not come to its end, so that names of the tree may be ours."""

    v: int = _VERSION
    is_underway: bool = False
    top: MadeFolder = msgspec.field(default_factory=MadeFolder)


def load(folder: Path) -> Manifest:
    """The manifest of a folder; an empty one where the folder is new.

    Raises:
        ConfigError: The folder is not ours, or can't be used.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        data = (folder / FILE_NAME).read_bytes()
    except FileNotFoundError:
        if any(folder.iterdir()):
            raise ConfigError(
                f"{folder}: not empty, and not made by tlsync mirror", hint="name a new or an empty folder"
            ) from None
        return Manifest()
    except OSError as error:
        raise ConfigError(f"{folder}: can't be used: {error.strerror}", hint="name another folder") from error
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(
            f"{folder / FILE_NAME}: damaged ({error})", hint="mirror to a new folder; this one can be deleted"
        ) from error
    if manifest.v != _VERSION:
        raise ConfigError(f"{folder}: made by another version of tlsync", hint="update tlsync, or name a new folder")
    return manifest


def save(folder: Path, manifest: Manifest) -> None:
    """Write the manifest, whole."""
    write_whole(folder / FILE_NAME, msgspec.json.encode(manifest), mode=0o600)
