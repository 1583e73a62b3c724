"""Compares the roots with the catalog. The scan is the truth; events only say where to look first.

Kept here: a file counts as missing only when its folder was read without error and its root is online
before and after.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tlsync.config import RootSettings
from tlsync.engine import health
from tlsync.engine.names import IGNORE_FILE, NameRules
from tlsync.engine.progress import Progress
from tlsync.errors import FileError
from tlsync.media import identity
from tlsync.models import RootId, StatSignature
from tlsync.states import ON_PLATFORM, FileState
from tlsync.store.catalog import Catalog, FileRow, StaleMove
from tlsync.store.contents import Contents
from tlsync.store.roots import RootRow, Roots
from tlsync.store.sidecars import Sidecars

log = logging.getLogger(__name__)

_TELL_EVERY = 200


@dataclass(slots=True)
class Walk:
    """What a walk saw: files by path below the root, and folders that could not be read."""

    found: dict[bytes, StatSignature] = field(default_factory=dict)
    unread: list[bytes] = field(default_factory=list)


class Scanner:
    """Looks at roots, folders or single paths, and tells which files have work to do."""

    def __init__(
        self,
        catalog: Catalog,
        roots: Roots,
        contents: Contents,
        sidecars: Sidecars,
        progress: Progress,
        on_work: Callable[[FileRow], None],
        is_lacking: Callable[[FileRow], bool],
    ) -> None:
        """
        Args:
            on_work: Called with every file that has a step to do.
            is_lacking: Whether an enriched file lacks something that the settings want.
        """
        self._catalog = catalog
        self._roots = roots
        self._contents = contents
        self._sidecars = sidecars
        self._progress = progress
        self._on_work = on_work
        self._is_lacking = is_lacking
        self._rules: dict[RootId, NameRules] = {}

    def add_root(self, root: RootRow, settings: RootSettings) -> None:
        self._rules[root.id] = NameRules(settings.include, settings.exclude)

    def scan(self, root: RootRow, folder: bytes = b"") -> bool:
        """Compare a root, or one folder below it, with the catalog.

        Returns:
            Whether the root is online.
        """
        if not health.check(root, self._roots, self._catalog):
            log.info("root is offline, nothing is changed root=%s", root.path)
            return False
        walk = walk_root(root.path, self._rules[root.id], folder, self._progress.scanned)
        known = self._catalog.below(root.id, folder)
        for relative, signature in walk.found.items():
            file = known.pop(relative, None)
            if file is None:
                self._on_work(self._catalog.add(root.id, relative, signature))
            else:
                self._guarded(self._compare, file, signature)
        absent = [file for relative, file in known.items() if not _is_below(relative, walk.unread)]
        if absent and health.check(self._roots.get(root.id), self._roots, self._catalog):
            for file in absent:
                self._guarded(self._absent, file)
        if not folder:
            self._roots.scanned(root.id)
        return True

    def look(self, root: RootRow, path: Path) -> None:
        """Look at one path that an event named: a file, a folder, or something that is gone."""
        relative = os.fsencode(path)[len(os.fsencode(root.path)) :].lstrip(b"/")
        if not relative:
            self.scan(root)
            return
        rules = self._rules[root.id]
        parts = relative.split(b"/")
        if not all(rules.takes_folder(b"/".join(parts[:depth])) for depth in range(1, len(parts))):
            return
        try:
            found = path.lstat()
        except OSError:
            self._gone(root, relative)
            return
        if stat.S_ISDIR(found.st_mode):
            if rules.takes_folder(relative):
                self.scan(root, relative)
        elif stat.S_ISREG(found.st_mode) and rules.takes_file(relative):
            signature = identity.signature(found)
            file = self._catalog.find(root.id, relative)
            if file is None:
                self._on_work(self._catalog.add(root.id, relative, signature))
            else:
                self._guarded(self._compare, file, signature)

    def _gone(self, root: RootRow, relative: bytes) -> None:
        """A path is not there any more: a file, or a folder with all below it."""
        file = self._catalog.find(root.id, relative)
        files = [file] if file else list(self._catalog.below(root.id, relative).values())
        if files and health.check(root, self._roots, self._catalog):
            for gone in files:
                self._guarded(self._absent, gone)

    def _guarded(self, act: Callable[..., None], file: FileRow, *arguments: object) -> None:
        """A step may move the file at the same moment: then that step's word counts."""
        with suppress(StaleMove):
            act(file, *arguments)

    def _compare(self, file: FileRow, now: StatSignature) -> None:
        """A known file is there: has it changed?"""
        state = file.state
        if state in (FileState.DISCOVERED, FileState.SETTLING):
            self._on_work(file)
        elif state == FileState.MISSING:
            is_same = _looks_same(file.signature, now)
            back_to = file.came_from if is_same and file.came_from else FileState.SETTLING
            self._on_work(self._catalog.move(file, back_to, "there again", signature=now))
        elif file.signature == now or self._is_only_touched(file, now):
            if state == FileState.ENRICHED and not self._sidecars.is_present(file.sidecar, file.path):
                self._on_work(self._catalog.move(file, FileState.READY, "the sidecar is written again"))
            elif state == FileState.ENRICHED and self._is_lacking(file):
                self._on_work(self._catalog.move(file, FileState.READY, "the settings want more"))
            elif state not in (FileState.ENRICHED, FileState.INELIGIBLE):
                self._on_work(file)
        else:
            self._on_work(self._catalog.move(file, FileState.SETTLING, "changed", signature=now, attempts=0))

    def _is_only_touched(self, file: FileRow, now: StatSignature) -> bool:
        """Size and time are the same, owner, mode or inode are not (chmod, a remount): its samples decide."""
        if not _looks_same(file.signature, now) or file.content_id is None or file.state not in ON_PLATFORM:
            return False
        try:
            with identity.open_media(file.path) as fd:
                is_same = identity.fingerprint(fd, now.size_bytes) == self._contents.get(file.content_id).fingerprint
        except FileError:
            return False
        if is_same:
            self._catalog.note(file, file.reason, signature=now)
        return is_same

    def _absent(self, file: FileRow) -> None:
        """A known file is not there, although its root is."""
        if file.state == FileState.MISSING:
            return
        if file.content_id is None:
            self._catalog.forget(file)  # nothing was known of it but its name
            return
        self._catalog.move(file, FileState.MISSING, "no longer there")


def walk_root(root: Path, rules: NameRules, folder: bytes, tell: Callable[[int], None]) -> Walk:
    """Find the footage below a root (or one folder of it). Links are not followed; nothing is opened."""
    walk = Walk()
    base = os.fsencode(root)
    pending = [folder]
    while pending:
        relative = pending.pop()
        try:
            with os.scandir(os.path.join(base, relative)) as entries:  # noqa: PTH118 (bytes)
                listing = list(entries)
        except OSError as error:
            if relative or not isinstance(error, FileNotFoundError):
                log.warning("folder can't be read path=%s reason=%s", os.fsdecode(relative) or root, error.strerror)
            walk.unread.append(relative)
            continue
        for entry in listing:
            if entry.name == IGNORE_FILE and entry.is_file(follow_symlinks=False):
                rules.read_ignore_file(os.fsdecode(relative), Path(os.fsdecode(entry.path)))
        for below, signature in _look_through(listing, relative, rules, pending, walk):
            walk.found[below] = signature
            if len(walk.found) % _TELL_EVERY == 0:
                tell(len(walk.found))
    tell(len(walk.found))
    return walk


def _look_through(
    listing: list[os.DirEntry[bytes]], relative: bytes, rules: NameRules, pending: list[bytes], walk: Walk
) -> Iterator[tuple[bytes, StatSignature]]:
    for entry in listing:
        below = relative + b"/" + entry.name if relative else entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                if rules.takes_folder(below):
                    pending.append(below)
            elif entry.is_file(follow_symlinks=False) and rules.takes_file(below):
                yield below, identity.signature(entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            continue
        except OSError:
            walk.unread.append(below)


def _looks_same(old: StatSignature, new: StatSignature) -> bool:
    return (old.size_bytes, old.mtime_ns) == (new.size_bytes, new.mtime_ns)


def _is_below(relative: bytes, folders: list[bytes]) -> bool:
    return any(not folder or relative == folder or relative.startswith(folder + b"/") for folder in folders)
