"""Sidecars: where they are, and how they are written without ever overwriting somebody else's file.

Kept here: who reads a sidecar in order to write it holds the lock of all sidecars, so what another process
(`tlsync analyze --save` beside the daemon) puts into it is not lost.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from tlsync.errors import FileError, FileVanished, SidecarBlocked
from tlsync.store.atomic import write_whole
from tlsync.store.sidecar_format import Sidecar, decode_extras, encode, is_ours, with_extra
from tlsync.store.state_folder import make_private

try:
    import fcntl
except ImportError:  # Windows
    _HAS_LOCKS = False
else:
    _HAS_LOCKS = True

log = logging.getLogger(__name__)

SUFFIX = ".tlsync.json"
HIDDEN_FOLDER = ".tlsync"
Location = Literal["beside", "hidden", "central"]

_NAME_LIMIT_BYTES = 255
_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_LONGEST_BYTES = 64 * 1024 * 1024
"""What is longer is no sidecar: the texts of a video of four hours take two."""
_MOST_ORPHANS = 50

_READ_FLAGS = os.O_RDONLY
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
    _READ_FLAGS |= getattr(os, _flag, 0)


class Sidecars:
    """The sidecars of all roots, as the settings place them."""

    def __init__(self, location: Location, state_dir: Path, caption_formats: tuple[str, ...] = ()) -> None:
        self._location = location
        self._state_dir = state_dir
        self._central = state_dir / "sidecars"
        self._caption_formats = caption_formats
        self._said: set[Path] = set()

    def wanted_path(self, media: Path) -> Path:
        """Where the settings want the sidecar of a media file."""
        name = _fitting(media.name, SUFFIX)
        if self._location == "central":
            return self._central_path(media, name)
        if self._location == "hidden":
            return media.parent / HIDDEN_FOLDER / name
        return media.parent / name

    def is_present(self, recorded: Path | None, media: Path) -> bool:
        """Whether the sidecar that the catalog mentions is still there (and where captions are wanted, they)."""
        return recorded is not None and recorded.exists() and recorded in self._places(media)

    def near(self, media: Path) -> Iterator[tuple[Path, bytes]]:
        """What has the name of this media file's sidecar, in any of the places: where it is, and its bytes.

        The settings may have named another place before, here or on the machine that the file was copied from.
        Nothing of it is checked, and what can't be read is passed over.
        """
        name = _fitting(media.name, SUFFIX)
        beside = (media.parent / name, media.parent / HIDDEN_FOLDER / name)
        yield from _readable(dict.fromkeys((*self._places(media), *beside)))

    def orphans(self, folder: Path) -> Iterator[tuple[Path, bytes]]:
        """Sidecars in a folder whose media is not there (any more): it may have been renamed."""
        places = (folder, folder / HIDDEN_FOLDER)
        listed = [set(_listing(place)) for place in places]
        there = listed[0]
        alone = [
            place / name
            for place, names in zip(places, listed, strict=True)
            for name in sorted(names)
            if name.endswith(SUFFIX) and name.removesuffix(SUFFIX) not in there
        ]
        yield from _readable(alone[:_MOST_ORPHANS])

    def write(self, media: Path, document: Sidecar) -> Path:
        """Write a sidecar, unless the same is there already. A read-only folder falls back to the central place.

        Returns:
            Where it is.

        Raises:
            SidecarBlocked: A file that tlsync did not write has the name.
            FileError: It can't be written now; the old one, if any, is whole.
        """
        wanted, fallback = self._places(media)
        try:
            return self._write_at(wanted, media, document)
        except OSError as error:
            if error.errno not in _READ_ONLY or wanted == fallback:
                raise self._unwritable(media, error) from error
            if media.parent not in self._said:
                self._said.add(media.parent)
                log.warning("folder is read-only, its sidecars are in %s folder=%s", fallback.parent, media.parent)
        try:
            return self._write_at(fallback, media, document)
        except OSError as error:
            raise self._unwritable(media, error) from error

    def check_extra(self, recorded: Path, media: Path, key: str) -> None:
        """Whether `add_extra` would do it.

        Raises:
            FileVanished: There is no sidecar.
            SidecarBlocked: It is not ours, or somebody else uses the key.
            FileError: It can't be read now.
        """
        self._readable_extra(recorded, media, key)

    def add_extra(self, recorded: Path, media: Path, key: str, name: str, value: Any) -> None:
        """Put a named value under one of the `x-…` keys of a sidecar; everything else in it stays as it is.

        Args:
            recorded: Where the catalog says that the sidecar is.
            key: Holds an object of named values; an older value of the name is replaced.

        Raises:
            FileError: As `check_extra`, or it can't be written now; the old one is whole.
        """
        with self._locked(media):
            data, held = self._readable_extra(recorded, media, key)
            try:
                self._put(recorded, with_extra(data, key, held | {name: value}))
            except OSError as error:
                raise self._unwritable(media, error) from error

    def follow(self, recorded: Path, old_media: Path, new_media: Path) -> None:
        """Take a sidecar along with its renamed media, for the `x-…` keys in it. May run twice.

        The rest of it, which names the old file, and the captions are for the next `write`.

        Raises:
            FileError: It can't be written now; nothing is lost.
        """
        with self._locked(new_media):
            try:
                data = _read(recorded)
                is_there = data is not None and is_ours(data) and self._copy_to_any(self._places(new_media), data)
            except OSError as error:
                raise self._unwritable(new_media, error) from error
            if is_there:
                self.remove(recorded, old_media)

    def remove(self, recorded: Path, media: Path) -> None:
        """Take away a sidecar (and captions) that tlsync wrote for a name that no longer exists."""
        try:
            if is_ours(_read(recorded) or b""):
                recorded.unlink()
                for kind in ("srt", "vtt"):
                    caption = recorded.parent / _fitting(media.name, f".tlsync.{kind}")
                    caption.unlink(missing_ok=True)
        except OSError as error:
            log.warning("left an old sidecar path=%s reason=%s", recorded, error.strerror)

    def _readable_extra(self, recorded: Path, media: Path, key: str) -> tuple[bytes, dict[str, Any]]:
        try:
            data = _read(recorded)
        except OSError as error:
            raise self._unwritable(media, error) from error
        if data is None:
            raise FileVanished(
                str(media), f"{recorded}: the sidecar is not there", hint="tlsync sync writes it again; then try again"
            )
        if not is_ours(data):
            raise _blocked(recorded, media)
        held = decode_extras(data).get(key, {})
        if not isinstance(held, dict):
            raise SidecarBlocked(
                str(media),
                f"{recorded}: {key} holds something that tlsync did not write",
                hint=f"rename {key} in that file",
            )
        return data, held

    @contextmanager
    def _locked(self, media: Path) -> Iterator[None]:
        """Keep every other thread and process from reading a sidecar that it means to write."""
        if not _HAS_LOCKS:  # no lock that ends with the process: there, one process at a time has to do
            yield
            return
        try:
            make_private(self._state_dir)
            folder = os.open(self._state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise self._unwritable(media, error) from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # ends with the process, however that ends
            yield
        finally:
            os.close(folder)

    def _places(self, media: Path) -> tuple[Path, Path]:
        return self.wanted_path(media), self._central_path(media, _fitting(media.name, SUFFIX))

    def _central_path(self, media: Path, name: str) -> Path:
        return self._central.joinpath(*media.parent.parts[1:], name)

    def _copy_to_any(self, places: tuple[Path, Path], data: bytes) -> bool:
        """Put a sidecar in the first place that can be written, unless one of ours is there; says whether one is."""
        for place in places:
            there = _read(place)
            if there is not None:
                return is_ours(there)
            try:
                self._put(place, data)
            except OSError as error:
                if error.errno not in _READ_ONLY:
                    raise
            else:
                return True
        return False

    def _write_at(self, path: Path, media: Path, document: Sidecar) -> Path:
        with self._locked(media):
            if path.parent.name == HIDDEN_FOLDER and path.parent.is_symlink():
                raise _blocked(path.parent, media)
            old = _read(path)
            if old is not None and not is_ours(old):
                raise _blocked(path, media)
            data = encode(document, extras=decode_extras(old) if old else {}, old=old)
            if data != old:
                self._put(path, data)
        self._write_captions(path.parent, media, document)
        return path

    def _write_captions(self, folder: Path, media: Path, document: Sidecar) -> None:
        cues = document.transcription
        if not self._caption_formats or cues is msgspec.UNSET or cues is None:
            return
        from tlsync.store.captions import to_srt, to_vtt  # only who wants captions pays for the library

        writers = {"srt": to_srt, "vtt": to_vtt}
        for kind in self._caption_formats:
            path = folder / _fitting(media.name, f".tlsync.{kind}")
            data = writers[kind](cues).encode()
            if _read(path) != data:
                self._put(path, data)

    def _put(self, path: Path, data: bytes) -> None:
        """Write a file where its folder may still have to be made. Central ones are for their owner only."""
        is_central = self._central in path.parents
        if is_central:
            make_private(path.parent)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
        is_own = is_central or path.parent.name == HIDDEN_FOLDER
        write_whole(path, data, mode=0o600 if is_central else 0o644, is_own_folder=is_own)

    def _unwritable(self, media: Path, error: OSError) -> FileError:
        unwritable = FileError(
            str(media),
            f"the sidecar can't be written: {error.strerror}",
            hint="free space or permissions; tlsync tries again by itself",
        )
        unwritable.is_temporary = True
        return unwritable


def _blocked(sidecar: Path, media: Path) -> SidecarBlocked:
    return SidecarBlocked(
        str(media),
        f"{sidecar} exists and was not written by tlsync",
        hint="rename or remove that file, then: tlsync retry",
    )


def _read(path: Path) -> bytes | None:
    """The bytes of a regular file; None when there is none. What is no regular file is nobody's sidecar."""
    try:
        handle = os.open(path, _READ_FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a pipe or a socket
            return b""
        raise
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LONGEST_BYTES:
            return b""
        with os.fdopen(handle, "rb", closefd=False) as stream:
            return stream.read()
    finally:
        os.close(handle)


def _readable(paths: Iterable[Path]) -> Iterator[tuple[Path, bytes]]:
    for path in paths:
        try:
            data = _read(path)
        except OSError as error:
            log.info("passed over a sidecar path=%s reason=%s", path, error.strerror)
            continue
        if data is not None:
            yield path, data


def _listing(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _fitting(media_name: str, suffix: str) -> str:
    """`media_name` + `suffix`, shortened with a hash where the file system would refuse the length."""
    raw = os.fsencode(media_name)
    room = _NAME_LIMIT_BYTES - len(suffix)
    if len(raw) > room:
        digest = hashlib.sha256(raw).hexdigest()[:12].encode()
        raw = raw[: room - len(digest) - 1].decode("utf-8", "ignore").encode() + b"~" + digest
    return os.fsdecode(raw) + suffix
