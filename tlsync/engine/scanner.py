"""Compares the roots with the catalog. The scan is the truth; events only say where to look first.

Kept here: a file counts as missing only when its folder was read without error; `absence` decides the rest. What is
known is read beside the walk, page by page, so a scan takes no more memory for a million files than for a thousand.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import stat
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from tlsync.config import RootSettings
from tlsync.engine import health, looks
from tlsync.engine.absence import Absence, Gone, gone_of
from tlsync.engine.doubts import Doubts
from tlsync.engine.known_files import KnownFiles
from tlsync.engine.names import NameRules
from tlsync.engine.progress import Progress
from tlsync.engine.scan_batch import Batch
from tlsync.engine.sidecar_looks import SidecarLooks
from tlsync.engine.walk import Found, Walk, walk_root
from tlsync.errors import FileError
from tlsync.media import identity
from tlsync.models import FileId, IndexId, RootId, StatSignature
from tlsync.states import ON_PLATFORM, FileState
from tlsync.store import atomic
from tlsync.store.catalog import (
    HAS_RETRY,
    ID,
    LOOKS,
    PATH,
    SIDECAR,
    SIDECAR_LOOK,
    STATE,
    Catalog,
    FileRow,
    StaleMove,
    span_of,
)
from tlsync.store.contents import Contents
from tlsync.store.roots import RootRow, Roots
from tlsync.store.sidecars import Sidecars

log = logging.getLogger(__name__)


def _no_beat() -> None:
    """Nobody waits for this look."""


class Scanner:
    """Looks at roots, folders or single paths, and tells which files have work to do."""

    def __init__(
        self,
        catalog: Catalog,
        roots: Roots,
        contents: Contents,
        sidecars: Sidecars,
        progress: Progress,
        on_work: Callable[[Sequence[FileId], FileState], None],
        kinds: Collection[str],
    ) -> None:
        """
        Args:
            on_work: Called with files in one state that have a step to do.
            kinds: The texts that the settings want of each file.
        """
        self._catalog = catalog
        self._roots = roots
        self._contents = contents
        self._sidecars = sidecars
        self._progress = progress
        self._on_work = on_work
        self._kinds = kinds
        self._absence = Absence(catalog, roots)
        self.doubts = Doubts()
        self._rules: dict[RootId, NameRules] = {}
        self._loose: set[RootId] = set()
        """Roots whose file systems give inode numbers and change times that prove nothing."""
        self._complete: dict[RootId, IndexId | None] = {}
        """The index for which all files of a root are known to lack nothing: settings don't change while we run."""

    def add_root(self, root: RootRow, settings: RootSettings) -> None:
        self._rules[root.id] = NameRules(settings.include, settings.exclude)

    def scan(self, root: RootRow, folder: bytes = b"", beat: Callable[[], None] = _no_beat) -> Walk | None:
        """Compare a root, or one folder below it, with the catalog.

        Args:
            beat: Called again and again while the disk answers.

        Returns:
            The walk, which is over; None when the root is not online.
        """
        before = self._confirm(root)
        if before is None:
            log.info("root is offline, nothing is changed root=%s", root.path)
            return None
        beat()
        walk = walk_root(root.path, self._rules[root.id], folder, self._progress.scanned, beat)
        known = KnownFiles(self._catalog, root.id, folder)
        sidecars = SidecarLooks(self._sidecars, root.path)
        absent: list[Gone] = []
        with Batch(self._catalog, root.id, self._on_work) as batch:
            for run in walk:
                beat()
                self._compare_run(run, known, batch, sidecars, beat)
                batch.note_some()
                if known.passed:
                    absent += gone_of(known.passed)
                    known.passed.clear()
            for rows in known.rest():
                beat()
                absent += gone_of(rows)
            batch.note()
        for relative in walk.leftovers:
            atomic.sweep(root.path / os.fsdecode(relative))
        absent = [file for file in absent if walk.was_read(file.path)]
        self._absence.judge(root, absent, before.place, is_whole=not folder and not walk.unread)
        self._complete_texts(root, folder)
        if not folder:
            self._roots.scanned(root.id)
        return walk

    def _compare_run(
        self, run: list[Found], known: KnownFiles, batch: Batch, sidecars: SidecarLooks, beat: Callable[[], None]
    ) -> None:
        """Compare files that follow each other. For one that is as it was and done with, this is all that happens."""
        if known.has_none_from(run[0][0]):
            batch.new += run
            return
        for path, look in run:
            row = known.take(path)
            if row is None:
                batch.new.append((path, look))
                continue
            state = row[STATE]
            if row[LOOKS] == look:
                if state == "ineligible" or (state == "failed" and not row[HAS_RETRY]):
                    continue
                if state == "enriched":
                    if sidecars.is_as_left(path, row[SIDECAR], row[SIDECAR_LOOK]):
                        continue
                elif state != "missing":
                    batch.unfinished[FileState(state)].append(FileId(row[ID]))
                    continue
            beat()
            file = self._catalog.get(FileId(row[ID]))
            if file is not None:
                self._guarded(self._compare, file, look)

    def _complete_texts(self, root: RootRow, folder: bytes = b"", file: bytes = b"") -> None:
        """Take finished files on whose content lacks texts that the settings want by now."""
        index_id = self._roots.get(root.id).index_id
        if index_id is None or self._complete.get(root.id) == index_id:
            return
        span = (file, file + b"\0") if file else span_of(folder)
        for file_id in self._contents.files_that_lack(root.id, index_id, self._kinds, span):
            lacking = self._catalog.get(file_id)
            if lacking is not None and lacking.state == FileState.ENRICHED:
                self._guarded(self._move, lacking, FileState.READY, "the settings want more")
        if not folder and not file:
            self._complete[root.id] = index_id

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
        self.look_at_all(root, [path], beat)

    def look_at_all(self, root: RootRow, paths: Sequence[Path], beat: Callable[[], None] = _no_beat) -> None:
        """Look at paths that events named. New files are noted together."""
        with Batch(self._catalog, root.id, self._on_work) as batch:
            for path in paths:
                beat()
                relative = os.fsencode(path)[len(os.fsencode(root.path)) :].lstrip(b"/")
                if relative:
                    self._look(root, path, relative, batch, beat)
                else:
                    self.scan(root, beat=beat)
                batch.note_some()
            batch.note()

    def _look(self, root: RootRow, path: Path, relative: bytes, batch: Batch, beat: Callable[[], None]) -> None:
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
                batch.new.append((relative, signature))
            else:
                self._guarded(self._compare, file, signature)
                self._complete_texts(root, file=relative)

    def judge_doubted(self, root: RootRow, beat: Callable[[], None] = _no_beat) -> None:
        """Judge all paths that are doubted: files, or folders with all below them. Some may be there again."""
        doubted = [
            row for relative in sorted(self.doubts.take(root.id)) for row in self._known_at(root.id, relative, beat)
        ]
        before = self._confirm(root) if doubted else None
        if before is None:
            return  # a root that comes back is scanned
        gone: dict[bytes, Gone] = {}
        for row in doubted:
            beat()
            if _is_gone(root.path / os.fsdecode(row[PATH])):
                gone |= {file.path: file for file in gone_of([row])}
            elif row[STATE] != "missing":
                self._on_work([FileId(row[ID])], FileState(row[STATE]))
        if gone:
            self._absence.judge(root, list(gone.values()), before.place)

    def _known_at(self, root_id: RootId, relative: bytes, beat: Callable[[], None]) -> list[sqlite3.Row]:
        """What is known at a path: a file, or all files below a folder."""
        here = self._catalog.page(root_id, relative, relative + b"\0", 1)
        if here:
            return here
        below: list[sqlite3.Row] = []
        for rows in KnownFiles(self._catalog, root_id, relative).rest():
            beat()
            below += rows
        return below

    def _guarded(self, act: Callable[..., None], file: FileRow, *arguments: object) -> None:
        """A step may move the file at the same moment: then that step's word counts."""
        with suppress(StaleMove):
            act(file, *arguments)

    def _move(self, file: FileRow, to: FileState, reason: str, **facts: object) -> None:
        moved = self._catalog.move(file, to, reason, **facts)
        self._on_work([moved.id], moved.state)

    def _compare(self, file: FileRow, now: StatSignature) -> None:
        """A known file is there: has it changed?"""
        state = file.state
        if state in (FileState.DISCOVERED, FileState.SETTLING):
            self._on_work([file.id], state)
        elif state == FileState.MISSING:
            is_same = self._is_same(file, now)
            back_to = file.came_from if is_same and file.came_from else FileState.SETTLING
            self._move(file, back_to, "there again", signature=now)
            self._complete.pop(file.root_id, None)  # it may lack what others got while it was away
        elif not self._is_same(file, now):
            self._move(file, FileState.SETTLING, "changed", signature=now, attempts=0)
        elif state == FileState.ENRICHED:
            if not self._has_sidecar(file):
                self._move(file, FileState.READY, "the sidecar is written again")
        elif state != FileState.INELIGIBLE:
            self._on_work([file.id], state)

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


def _is_gone(path: Path) -> bool:
    """Whether the system says for certain that there is nothing, or something that is no file."""
    try:
        return not stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
