"""Finds the footage below a folder: every file with its looks, in the order of paths, one folder after the other.

Kept here: nothing but ignore files is opened, links are not followed, and no more than the folders on the way to the
present one are in memory.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import chain
from operator import itemgetter
from pathlib import Path

from tlsync.engine.names import IGNORE_FILE, NameRules
from tlsync.media import identity
from tlsync.models import StatSignature
from tlsync.store import atomic

log = logging.getLogger(__name__)

Found = tuple[bytes, StatSignature]
"""A file: its path below the root, and how it looks."""

_Entry = Found | tuple[bytes, int]
_PATH = itemgetter(0)
_TELL_EVERY = 200
_TEMP_SUFFIX = os.fsencode(atomic.TEMP_SUFFIX)


def _no_beat() -> None:
    """Nobody waits for this look."""


class Walk:
    """One walk, which happens while it is iterated: it gives runs of files, ordered by their whole paths as bytes."""

    def __init__(
        self,
        root: Path,
        rules: NameRules,
        folder: bytes,
        tell: Callable[[int], None],
        beat: Callable[[], None] = _no_beat,
    ) -> None:
        """
        Args:
            folder: Below the root, where to begin; empty for the root itself.
            tell: Told now and then how many files were found so far.
            beat: Called again and again while the disk answers.
        """
        self._root = root
        self._base = os.fsencode(root)
        self._rules = rules
        self._folder = folder
        self._tell = tell
        self._beat = beat
        self.folders: dict[bytes, int] = {}
        """Folders with their inode number as their parent's listing gives it; that of the first is not known."""
        self.unread: set[bytes] = set()
        """Folders and files of which the disk gave an error."""
        self.leftovers: set[bytes] = set()
        """Folders in which a process of tlsync died while it wrote a sidecar, or one writes now."""

    def __iter__(self) -> Iterator[list[Found]]:
        count = told = 0
        for run in self._runs():
            count += len(run)
            if count - told >= _TELL_EVERY:
                told = count
                self._tell(count)
            yield run
        self._tell(count)

    @cached_property
    def found(self) -> dict[bytes, StatSignature]:
        """Everything at once, for those who need it so."""
        return {path: look for run in self for path, look in run}

    def _runs(self) -> Iterator[list[Found]]:
        """Go into a folder where its path comes in the order; what is around it waits."""
        entered: list[Iterator[_Entry]] = []
        files, folders = self._read(self._folder, 0)
        while True:
            if folders:
                entered.append(iter(sorted(chain(files, folders), key=_PATH)))
            elif files:
                files.sort(key=_PATH)
                yield files
            run: list[Found] = []
            while entered:
                path, look = next(entered[-1], (b"", None))
                if look is None:
                    entered.pop()
                elif isinstance(look, int):
                    files, folders = self._read(path[:-1], look)
                    break
                else:
                    run.append((path, look))
            else:
                if run:
                    yield run
                return
            if run:
                yield run

    def _read(self, relative: bytes, inode: int) -> tuple[list[Found], list[tuple[bytes, int]]]:
        """What is in a folder: files with their looks, and folders (with a slash behind) with their inodes."""
        self._beat()
        try:
            with os.scandir(os.path.join(self._base, relative)) as entries:  # noqa: PTH118 (bytes)
                listing = list(entries)
        except OSError as error:
            if relative or not isinstance(error, FileNotFoundError):
                shown = os.fsdecode(relative) or self._root
                log.warning("folder can't be read path=%s reason=%s", shown, error.strerror)
            self.unread.add(relative)
            return [], []
        self.folders[relative] = inode
        self._heed_ignore_file(relative, listing)
        return self._sort_out(relative, listing)

    def _heed_ignore_file(self, relative: bytes, listing: list[os.DirEntry[bytes]]) -> None:
        for entry in listing:
            if entry.name == IGNORE_FILE and entry.is_file(follow_symlinks=False):
                self._rules.read_ignore_file(os.fsdecode(relative), Path(os.fsdecode(entry.path)))
                return
        self._rules.drop_ignore_file(relative)

    def _sort_out(
        self, relative: bytes, listing: list[os.DirEntry[bytes]]
    ) -> tuple[list[Found], list[tuple[bytes, int]]]:
        files: list[Found] = []
        folders: list[tuple[bytes, int]] = []
        prefix = relative + b"/" if relative else b""
        takes_name, excludes, signature = self._rules.takes_name, self._rules.excludes, identity.signature
        for entry in listing:
            name = entry.name
            try:
                if takes_name(name) and entry.is_file(follow_symlinks=False):
                    below = prefix + name
                    if not excludes(below):
                        files.append((below, signature(entry.stat(follow_symlinks=False))))
                elif entry.is_dir(follow_symlinks=False):
                    if self._rules.takes_folder(prefix + name):
                        folders.append((prefix + name + b"/", entry.inode()))
                elif name.endswith(_TEMP_SUFFIX):
                    self.leftovers.add(relative)
            except FileNotFoundError:
                continue
            except OSError:
                self.unread.add(prefix + name)
        return files, folders

    def was_read(self, path: bytes) -> bool:
        """Whether the walk would have found this file, if it were there."""
        if not self.unread:
            return True
        parts = path.split(b"/")
        above = (b"/".join(parts[:depth]) for depth in range(len(parts) + 1))
        return not any(place in self.unread for place in above)


def walk_root(
    root: Path, rules: NameRules, folder: bytes, tell: Callable[[int], None], beat: Callable[[], None] = _no_beat
) -> Walk:
    """A walk through a root, or one folder of it; see `Walk`."""
    return Walk(root, rules, folder, tell, beat)
