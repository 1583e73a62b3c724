"""Sidecars: where they are, and how they are written without ever overwriting somebody else's file.

Kept here: who reads a sidecar in order to write it holds the lock of all sidecars, so what another process
(`tlsync analyze --save` beside the daemon) puts into it is not lost.
"""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from tlsync.errors import FileError, FileVanished, SidecarBlocked
from tlsync.store import caption_files
from tlsync.store.atomic import write_whole
from tlsync.store.sidecar_files import fitting, listing, read, readable
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

_READ_ONLY = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_MOST_ORPHANS = 50


def look_from(found: os.stat_result) -> str:
    """How a sidecar looks; see `Sidecars.look_of`."""
    return f"{found.st_size} {found.st_mtime_ns}"


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
        name = fitting(media.name, SUFFIX)
        if self._location == "central":
            return self._central_path(media, name)
        if self._location == "hidden":
            return media.parent / HIDDEN_FOLDER / name
        return media.parent / name

    def is_in_place(self, recorded: Path, media: Path) -> bool:
        """Whether there is something where the catalog says that the sidecar is, and the settings want it there."""
        return recorded.exists() and recorded in self.places(media)

    def look_of(self, recorded: Path) -> str | None:
        """How a file looks without being read, None when there is none; what `is_present` compares."""
        try:
            found = recorded.lstat()
        except OSError:
            return None
        return look_from(found)

    def is_present(self, recorded: Path | None, media: Path, known_look: str | None) -> bool:
        """Whether the sidecar that the catalog mentions is still there, where the settings want it, and is ours.

        Args:
            known_look: As it looked when that was known. Another program may add `x-…` keys: then it is read.
        """
        if recorded is None or not self.is_in_place(recorded, media):
            return False
        if known_look is not None and self.look_of(recorded) == known_look:
            return True
        try:
            return is_ours(read(recorded) or b"")
        except OSError:
            return True  # it is there, and can't be asked now

    def near(self, media: Path) -> Iterator[tuple[Path, bytes]]:
        """What has the name of this media file's sidecar, in any of the places: where it is, and its bytes.

        The settings may have named another place before, here or on the machine that the file was copied from.
        Nothing of it is checked, and what can't be read is passed over.
        """
        name = fitting(media.name, SUFFIX)
        beside = (media.parent / name, media.parent / HIDDEN_FOLDER / name)
        yield from readable(dict.fromkeys((*self.places(media), *beside)))

    def orphans(self, folder: Path) -> Iterator[tuple[Path, bytes]]:
        """Sidecars in a folder whose media is not there (any more): it may have been renamed."""
        places = (folder, folder / HIDDEN_FOLDER)
        listed = [set(listing(place)) for place in places]
        there = listed[0]
        alone = [
            place / name
            for place, names in zip(places, listed, strict=True)
            for name in sorted(names)
            if name.endswith(SUFFIX) and name.removesuffix(SUFFIX) not in there
        ]
        yield from readable(alone[:_MOST_ORPHANS])

    def write(self, media: Path, document: Sidecar) -> Path:
        """Write a sidecar, unless the same is there already. A read-only folder falls back to the central place.

        Returns:
            Where it is.

        Raises:
            SidecarBlocked: A file that tlsync did not write has the name.
            FileVanished: The media's folder is not there.
            FileError: It can't be written now; the old one, if any, is whole.
        """
        wanted, fallback = self.places(media)
        try:
            return self._write_at(wanted, media, document)
        except OSError as error:
            if error.errno not in _READ_ONLY or wanted == fallback:
                raise self._unwritable(media, error) from error
            self._say_once(
                media.parent, "folder is read-only, its sidecars are in %s folder=%s", fallback.parent, media.parent
            )
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
                data = read(recorded)
                is_there = data is not None and is_ours(data) and self._copy_to_any(self.places(new_media), data)
            except OSError as error:
                raise self._unwritable(new_media, error) from error
            if is_there:
                self.remove(recorded, old_media)

    def remove(self, recorded: Path, media: Path) -> None:
        """Take away a sidecar (and captions) that tlsync wrote for a name that no longer exists."""
        try:
            data = read(recorded)
            if data is None or not is_ours(data):
                return
            for kind, digest in caption_files.noted_in(decode_extras(data)).items():
                captions = recorded.parent / caption_files.name_of(media, kind)
                if caption_files.is_ours(read(captions) or b"", digest):
                    captions.unlink()
            recorded.unlink()
        except OSError as error:
            log.warning("left an old sidecar path=%s reason=%s", recorded, error.strerror)

    def _readable_extra(self, recorded: Path, media: Path, key: str) -> tuple[bytes, dict[str, Any]]:
        try:
            data = read(recorded)
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

    def places(self, media: Path) -> tuple[Path, Path]:
        """Where the settings want the sidecar of a media file, and where it goes when its folder is read-only."""
        return self.wanted_path(media), self._central_path(media, fitting(media.name, SUFFIX))

    def _central_path(self, media: Path, name: str) -> Path:
        return self._central.joinpath(*media.parent.parts[1:], name)

    def _copy_to_any(self, places: tuple[Path, Path], data: bytes) -> bool:
        """Put a sidecar in the first place that can be written, unless one of ours is there; says whether one is."""
        for place in places:
            there = read(place)
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
            old = read(path)
            if old is not None and not is_ours(old):
                raise _blocked(path, media)
            extras = decode_extras(old) if old else {}
            # Before the sidecar, which says what they hold: after a stop in between they are what would be written.
            extras |= self._write_captions(path.parent, media, document, extras)
            data = encode(document, extras=extras, old=old)
            if data != old:
                self._put(path, data)
        return path

    def _write_captions(
        self, folder: Path, media: Path, document: Sidecar, extras: dict[str, Any]
    ) -> dict[str, dict[str, str]]:
        """Write the captions that are wanted; what is to be noted of them in the sidecar."""
        wanted = caption_files.made_of(document.transcription, self._caption_formats)
        noted = caption_files.noted_in(extras)
        for kind, data in wanted.items():
            path = folder / caption_files.name_of(media, kind)
            there = read(path)
            if there is not None and not caption_files.is_ours(there, noted.get(kind), data):
                self._say_once(path, "somebody made or corrected these captions, they are kept path=%s", path)
                continue
            if there != data:
                self._put(path, data)
            noted[kind] = caption_files.digest_of(data)
        return {caption_files.NOTED: noted} if noted else {}

    def _say_once(self, what: Path, message: str, *fields: object) -> None:
        if what not in self._said:
            self._said.add(what)
            log.warning(message, *fields)

    def _put(self, path: Path, data: bytes) -> None:
        """Write a file where its folder may still have to be made. Central ones are for their owner only."""
        is_central = self._central in path.parents
        if is_central:
            make_private(path.parent)
        elif path.parent.name == HIDDEN_FOLDER:
            with suppress(FileExistsError):
                path.parent.mkdir()  # not its parents: where they are gone, a folder was renamed or a drive went
        is_own = is_central or path.parent.name == HIDDEN_FOLDER
        write_whole(path, data, mode=0o600 if is_central else 0o644, is_own_folder=is_own)

    def _unwritable(self, media: Path, error: OSError) -> FileError:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return FileVanished(str(media), "its folder is no longer there")
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
