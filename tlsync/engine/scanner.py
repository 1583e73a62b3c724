"""Compares the roots with the catalog. The scan is the truth; events only say where to look first.

Kept here: a file counts as missing only when its folder was read without error; `absence` decides the rest.
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
from tlsync.engine import health, looks
from tlsync.engine.absence import Absence
from tlsync.engine.doubts import Doubts
from tlsync.engine.names import IGNORE_FILE, NameRules
from tlsync.engine.progress import Progress
from tlsync.errors import FileError
from tlsync.media import identity
from tlsync.models import RootId, StatSignature
from tlsync.states import ON_PLATFORM, FileState
from tlsync.store import atomic
from tlsync.store.catalog import Catalog, FileRow, StaleMove
from tlsync.store.contents import Contents
from tlsync.store.roots import RootRow, Roots
from tlsync.store.sidecars import Sidecars

log = logging.getLogger(__name__)

_TELL_EVERY = 200
_TEMP_SUFFIX = os.fsencode(atomic.TEMP_SUFFIX)
_NOT_RECOGNISED = frozenset({FileState.DISCOVERED, FileState.SETTLING, FileState.IDENTIFIED})


def _no_beat() -> None:
    """Nobody waits for this look."""


@dataclass(slots=True)
class Walk:
    """What a walk saw: files and folders by path below the root, and folders that could not be read.

    Folders come with their inode number as their parent's listing gives it; that of the first is not known.
    """

    found: dict[bytes, StatSignature] = field(default_factory=dict)
    folders: dict[bytes, int] = field(default_factory=dict)
    unread: list[bytes] = field(default_factory=list)
    leftovers: set[bytes] = field(default_factory=set)
    """Folders in which a process of tlsync died while it wrote a sidecar, or one writes now."""


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
        self._absence = Absence(catalog, roots)
        self.doubts = Doubts()
        self._rules: dict[RootId, NameRules] = {}
        self._loose: set[RootId] = set()
        """Roots whose file systems give inode numbers and change times that prove nothing."""

    def add_root(self, root: RootRow, settings: RootSettings) -> None:
        self._rules[root.id] = NameRules(settings.include, settings.exclude)

    def scan(self, root: RootRow, folder: bytes = b"", beat: Callable[[], None] = _no_beat) -> Walk | None:
        """Compare a root, or one folder below it, with the catalog.

        Args:
            beat: Called again and again while the disk answers.

        Returns:
            What the walk saw; None when the root is not online.
        """
        before = self._confirm(root)
        if before is None:
            log.info("root is offline, nothing is changed root=%s", root.path)
            return None
        beat()
        walk = walk_root(root.path, self._rules[root.id], folder, self._progress.scanned, beat)
        for relative in walk.leftovers:
            atomic.sweep(root.path / os.fsdecode(relative))
        known = self._catalog.below(root.id, folder)
        arrived = []
        for relative, signature in walk.found.items():
            beat()
            file = known.pop(relative, None)
            if file is None or file.state in _NOT_RECOGNISED:
                arrived.append(signature)
            if file is None:
                self._on_work(self._catalog.add(root.id, relative, signature))
            else:
                self._guarded(self._compare, file, signature)
        absent = [file for relative, file in known.items() if not _is_below(relative, walk.unread)]
        is_whole = not folder and not walk.unread
        self._absence.judge(root, absent, before.place, arrived=arrived, is_whole=is_whole)
        if not folder:
            self._roots.scanned(root.id)
        return walk

    def _confirm(self, root: RootRow) -> health.Health | None:
        """What is at the root's path, if that is the root and it answers."""
        now = self._roots.get(root.id)
        if now.condition == "hung":
            return None
        found = health.note(now, self._roots)
        if not found.is_online:
            return None
        if found.place is not None and found.place.mount is not None and found.place.mount.has_loose_stats:
            self._loose.add(root.id)
        else:
            self._loose.discard(root.id)
        return found

    def look(self, root: RootRow, path: Path, beat: Callable[[], None] = _no_beat) -> None:
        """Look at one path that an event named: a file, or a folder. One that is gone is doubted."""
        beat()
        relative = os.fsencode(path)[len(os.fsencode(root.path)) :].lstrip(b"/")
        if not relative:
            self.scan(root, beat=beat)
            return
        rules = self._rules[root.id]
        parts = relative.split(b"/")
        if not all(rules.takes_folder(b"/".join(parts[:depth])) for depth in range(1, len(parts))):
            return
        try:
            found = path.lstat()
        except OSError:
            self.doubts.add(root.id, relative)
            return
        if stat.S_ISDIR(found.st_mode):
            if rules.takes_folder(relative):
                self.scan(root, relative, beat)
        elif stat.S_ISREG(found.st_mode) and rules.takes_file(relative):
            signature = identity.signature(found)
            file = self._catalog.find(root.id, relative)
            if file is None:
                self._on_work(self._catalog.add(root.id, relative, signature))
            else:
                self._guarded(self._compare, file, signature)

    def judge_doubted(self, root: RootRow, beat: Callable[[], None] = _no_beat) -> None:
        """Judge all paths that are doubted: files, or folders with all below them. Some may be there again."""
        known: dict[bytes, FileRow] = {}
        for relative in self.doubts.take(root.id):
            file = self._catalog.find(root.id, relative)
            known |= {relative: file} if file else self._catalog.below(root.id, relative)
        before = self._confirm(root) if known else None
        if before is None:
            return  # a root that comes back is scanned
        gone = []
        for file in known.values():
            beat()
            if _is_gone(file.path):
                gone.append(file)
            elif file.state != FileState.MISSING:
                self._on_work(file)
        if gone:
            self._absence.judge(root, gone, before.place)

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
            is_same = self._is_same(file, now)
            back_to = file.came_from if is_same and file.came_from else FileState.SETTLING
            self._on_work(self._catalog.move(file, back_to, "there again", signature=now))
        elif self._is_same(file, now):
            if state == FileState.ENRICHED and not self._has_sidecar(file):
                self._on_work(self._catalog.move(file, FileState.READY, "the sidecar is written again"))
            elif state == FileState.ENRICHED and self._is_lacking(file):
                self._on_work(self._catalog.move(file, FileState.READY, "the settings want more"))
            elif state not in (FileState.ENRICHED, FileState.INELIGIBLE):
                self._on_work(file)
        else:
            self._on_work(self._catalog.move(file, FileState.SETTLING, "changed", signature=now, attempts=0))

    def _has_sidecar(self, file: FileRow) -> bool:
        """Whether the sidecar is there and ours; how it looks is kept, so that it is read only when it was changed."""
        look = None if file.sidecar is None else self._sidecars.look_of(file.sidecar)
        is_present = self._sidecars.is_present(file.sidecar, file.path, file.sidecar_look)
        if is_present and look != file.sidecar_look:
            self._catalog.note(file, file.reason, sidecar_look=look)
        return is_present

    def _is_same(self, file: FileRow, now: StatSignature) -> bool:
        """Whether a known file still holds what it held; where its looks leave that open, its samples decide."""
        difference = looks.difference(file.signature, now, is_loose=file.root_id in self._loose)
        if difference != "maybe":
            return difference == "none"
        if file.content_id is None or (file.came_from or file.state) not in ON_PLATFORM:
            return False
        try:
            with identity.open_media(file.path) as fd:
                is_same = identity.fingerprint(fd, now.size_bytes) == self._contents.get(file.content_id).fingerprint
        except FileError:
            return False
        if is_same:
            self._catalog.note(file, file.reason, signature=now)
        return is_same


def walk_root(
    root: Path, rules: NameRules, folder: bytes, tell: Callable[[int], None], beat: Callable[[], None] = _no_beat
) -> Walk:
    """Find the footage below a root (or one folder of it). Links are not followed; nothing is opened."""
    walk = Walk()
    base = os.fsencode(root)
    pending = [(folder, 0)]
    while pending:
        relative, inode = pending.pop()
        beat()
        try:
            with os.scandir(os.path.join(base, relative)) as entries:  # noqa: PTH118 (bytes)
                listing = list(entries)
        except OSError as error:
            if relative or not isinstance(error, FileNotFoundError):
                log.warning("folder can't be read path=%s reason=%s", os.fsdecode(relative) or root, error.strerror)
            walk.unread.append(relative)
            continue
        walk.folders[relative] = inode
        for entry in listing:
            if entry.name.endswith(_TEMP_SUFFIX):
                walk.leftovers.add(relative)
            if entry.name == IGNORE_FILE and entry.is_file(follow_symlinks=False):
                rules.read_ignore_file(os.fsdecode(relative), Path(os.fsdecode(entry.path)))
        for below, signature in _look_through(listing, relative, rules, pending, walk):
            walk.found[below] = signature
            if len(walk.found) % _TELL_EVERY == 0:
                tell(len(walk.found))
    tell(len(walk.found))
    return walk


def _look_through(
    listing: list[os.DirEntry[bytes]],
    relative: bytes,
    rules: NameRules,
    pending: list[tuple[bytes, int]],
    walk: Walk,
) -> Iterator[tuple[bytes, StatSignature]]:
    for entry in listing:
        below = relative + b"/" + entry.name if relative else entry.name
        try:
            if entry.is_dir(follow_symlinks=False):
                if rules.takes_folder(below):
                    pending.append((below, entry.inode()))
            elif entry.is_file(follow_symlinks=False) and rules.takes_file(below):
                yield below, identity.signature(entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            continue
        except OSError:
            walk.unread.append(below)


def _is_gone(path: Path) -> bool:
    """Whether the system says for certain that there is nothing, or something that is no file."""
    try:
        return not stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def _is_below(relative: bytes, folders: list[bytes]) -> bool:
    return any(not folder or relative == folder or relative.startswith(folder + b"/") for folder in folders)
