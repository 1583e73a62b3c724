"""Materialises the tree as plain files and links, and keeps them true. Only what it made is ever changed or removed.

Kept here: no media byte is written; a file that somebody else put there or changed is left as it is and named.
"""

from __future__ import annotations

import os
import secrets
import stat
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tlsync.errors import ConfigError
from tlsync.mirror.manifest import FILE_NAME, Made, MadeFolder, load, save
from tlsync.mirror.nodes import File, Folder, Link, Node, Picture
from tlsync.mirror.tree import LOADING, OFFLINE
from tlsync.mirror.view import View
from tlsync.store.atomic import TEMP_SUFFIX

_ANSWER_PATIENCE_S = 60.0
_PICTURES_PATIENCE_S = 3600.0


@dataclass(slots=True)
class Outcome:
    """What a run did, counted in files and links. `left`: paths that are not ours any more, or never were."""

    made: int = 0
    changed: int = 0
    removed: int = 0
    same: int = 0
    left: list[str] = field(default_factory=list)


class FolderMirror:
    """One mirrored folder. Not for two processes at a time."""

    def __init__(self, view: View, target: Path, *, with_links: bool = True) -> None:
        """
        Args:
            with_links: Make symbolic links; else, and where the disk has none, small `.url` files.

        Raises:
            ConfigError: The folder holds something else.
        """
        self._view = view
        self._target = target
        self._manifest = load(target)
        self._with_links = with_links and _has_links(target)
        self._outcome = Outcome()
        self._was_broken_off = False

    def run(self, is_stopped: Callable[[], bool] = lambda: False) -> Outcome:
        """Bring the folder to what the tree is now.

        Raises:
            ConfigError: It can't be written; what was done is kept.
        """
        self._outcome = Outcome()
        self._was_broken_off = self._manifest.is_underway
        try:
            self._pass(is_stopped)
            self._view.thumbnails.settle(0 if is_stopped() else _PICTURES_PATIENCE_S)
            self._view.memo.clear()
            self._pass(is_stopped)
        except OSError as error:
            where = error.filename if isinstance(error.filename, str) else self._target
            raise ConfigError(
                f"{where}: can't be written: {error.strerror}", hint="free some space there, or name another folder"
            ) from error
        return self._outcome

    def _pass(self, is_stopped: Callable[[], bool]) -> None:
        counted = self._outcome
        before = (counted.made, counted.changed, counted.removed)
        counted.same = 0
        self._bring(self._target, self._view.tree.root, self._manifest.top, is_stopped)
        if self._manifest.is_underway or before != (counted.made, counted.changed, counted.removed):
            self._manifest.is_underway = is_stopped()
            save(self._target, self._manifest)

    def _begin(self) -> None:
        """Say in the manifest that a run is under way, before the first change."""
        if not self._manifest.is_underway:
            self._manifest.is_underway = True
            save(self._target, self._manifest)

    def _bring(self, at: Path, node: Folder, made: MadeFolder, is_stopped: Callable[[], bool]) -> None:
        """One folder and what is below it."""
        present = _names(at)
        stamp = node.stamp() if node.stamp is not None else None
        if stamp is not None and stamp == made.stamp and made.files.keys() <= present:
            self._outcome.same += len(made.files)
            return
        entries = self._entries(at, node)
        for name, entry in entries.items():
            if is_stopped():
                return
            if isinstance(entry, Folder):
                below = made.folders.get(name)
                if below is None or name not in present:
                    if name in made.files:
                        self._remove(at, name, made)
                    below = self._make_folder(at / name, name in present)
                    if below is None:
                        continue
                    made.folders[name] = below
                self._bring(at / name, entry, below, is_stopped)
            else:
                if name in made.folders:
                    self._remove_folder(at / name, name, made)
                self._put(at, name, entry, made, present)
        if OFFLINE not in node.list():
            self._tidy(at, made, entries)
        made.stamp = stamp

    def _entries(self, at: Path, node: Folder) -> Mapping[str, Node]:
        """What belongs into a folder. The platform's answer is waited for; notes about waiting are not mirrored."""
        listed = node.list()
        if LOADING in listed:
            self._view.settle(_ANSWER_PATIENCE_S)
            listed = node.list()
        kept = {name: entry for name, entry in listed.items() if name not in (LOADING, OFFLINE)}
        if self._with_links:
            return kept
        named: dict[str, Node] = {}
        for name, entry in kept.items():
            if isinstance(entry, Link):
                named[f"{name}.url"] = _shortcut(at, entry)
            else:
                named[name] = entry
        return named

    def _put(self, at: Path, name: str, entry: Node, made: MadeFolder, present: set[str]) -> None:
        data = _bytes_of(entry)
        wanted = Made(
            "link" if isinstance(entry, Link) else "file",
            0 if isinstance(entry, Link) else len(data),
            entry.modified_ns,
            zlib.crc32(data),
        )
        known = made.files.get(name)
        if name in present:
            if known == wanted and not self._is_damaged(at / name, known):
                self._outcome.same += 1
                return
            if not self._is_ours(at / name, known):
                self._leave(at / name)
                return
        self._begin()
        if isinstance(entry, Link):
            _make_link(at / name, entry.target)
        else:
            _write(at / name, data, entry.modified_ns)
        made.files[name] = wanted
        if known is None:
            self._outcome.made += 1
        else:
            self._outcome.changed += 1

    def _tidy(self, at: Path, made: MadeFolder, entries: Mapping[str, Node]) -> None:
        """Take away what the tree no longer has."""
        for name in [name for name in made.files if name not in entries]:
            self._remove(at, name, made)
        for name in [name for name in made.folders if name not in entries]:
            self._remove_folder(at / name, name, made)

    def _remove(self, at: Path, name: str, made: MadeFolder) -> None:
        self._begin()
        known = made.files.pop(name)
        if self._is_ours(at / name, known):
            with suppress(FileNotFoundError):
                (at / name).unlink()
            self._outcome.removed += 1
        else:
            self._leave(at / name)

    def _remove_folder(self, at: Path, name: str, made: MadeFolder) -> None:
        below = made.folders.pop(name)
        for file in list(below.files):
            self._remove(at, file, below)
        for folder in list(below.folders):
            self._remove_folder(at / folder, folder, below)
        self._begin()
        with suppress(OSError):  # not empty: somebody put something into it, which stays
            at.rmdir()

    def _make_folder(self, at: Path, is_there: bool) -> MadeFolder | None:
        """A folder of ours; one that is there already serves, but not a file or a link of somebody else."""
        if is_there and not stat.S_ISDIR(at.lstat().st_mode):
            self._leave(at)
            return None
        self._begin()
        at.mkdir(exist_ok=True)
        return MadeFolder()

    def _leave(self, path: Path) -> None:
        if str(path) not in self._outcome.left:
            self._outcome.left.append(str(path))

    def _is_ours(self, path: Path, known: Made | None) -> bool:
        """Whether a path is as it was made, so that it may be replaced or removed."""
        try:
            found = path.lstat()
        except FileNotFoundError:
            return True
        if known is None:
            return self._was_broken_off and not stat.S_ISDIR(found.st_mode)
        if known.kind == "link":
            return stat.S_ISLNK(found.st_mode) and zlib.crc32(os.fsencode(path.readlink())) == known.check
        is_as_made = (found.st_size, found.st_mtime_ns) == (known.size_bytes, known.modified_ns)
        # After a power cut a file may be empty that was renamed into place: it was not flushed, since it can be redone.
        return stat.S_ISREG(found.st_mode) and (is_as_made or found.st_size == 0 or self._was_broken_off)

    def _is_damaged(self, path: Path, known: Made) -> bool:
        return known.kind == "file" and known.size_bytes > 0 and path.lstat().st_size == 0


def _names(folder: Path) -> set[str]:
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if entry.name != FILE_NAME}
    except FileNotFoundError:
        return set()


def _bytes_of(entry: Node) -> bytes:
    if isinstance(entry, Link):
        return os.fsencode(entry.target)
    if isinstance(entry, Picture):
        return entry.read()
    return entry.data if isinstance(entry, File) else b""


def _write(path: Path, data: bytes, modified_ns: int) -> None:
    """Whole or not at all, but not flushed: all of it can be made again."""
    temp = path.with_name(f".{secrets.token_hex(8)}{TEMP_SUFFIX}")
    try:
        with temp.open("xb") as stream:
            stream.write(data)
        os.utime(temp, ns=(modified_ns, modified_ns))
        temp.replace(path)
    except BaseException:
        with suppress(OSError):
            temp.unlink()
        raise


def _shortcut(at: Path, link: Link) -> File:
    """A link in the folder `at` as a file that Windows and most desktops open."""
    target = Path(os.path.normpath(at / link.target))  # an absolute target stands alone
    return File(f"[InternetShortcut]\r\nURL={target.absolute().as_uri()}\r\n".encode(), link.modified_ns)


def _make_link(path: Path, target: str) -> None:
    temp = path.with_name(f".{secrets.token_hex(8)}{TEMP_SUFFIX}")
    temp.symlink_to(target)
    try:
        temp.replace(path)
    except BaseException:
        with suppress(OSError):
            temp.unlink()
        raise


def _has_links(folder: Path) -> bool:
    """Whether the disk can hold symbolic links: FAT can't, and Windows asks for a right that few have."""
    probe = folder / f".{secrets.token_hex(8)}{TEMP_SUFFIX}"
    try:
        probe.symlink_to("x")
        probe.unlink()
    except (OSError, NotImplementedError):
        return False
    return True
