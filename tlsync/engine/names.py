"""Which names below a root are footage: include patterns, exclude patterns, and what is never taken."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

from tlsync.errors import ConfigError

IGNORE_FILE = b".tlsyncignore"

_ENDING = re.compile(r"\*\.[a-z0-9_-]+")
_JUNK_SUFFIXES = (
    *(b".tmp", b".temp", b".part", b".partial", b".crdownload", b".download", b".filepart", b".tlsync-tmp"),
    b"~",
)
_JUNK_NAMES = frozenset({b"thumbs.db", b"desktop.ini", b"$recycle.bin", b"system volume information", b"@eadir"})

_JUNK_ENDINGS = frozenset(name.rpartition(b".")[2] for name in (*_JUNK_SUFFIXES, *_JUNK_NAMES))
_HIDDEN = (b".", b"~$")


def is_junk(name: str) -> bool:
    """Hidden, AppleDouble, temporary or system names: of files and of folders."""
    return _is_junk(os.fsencode(name).lower())


def _is_junk(lowered: bytes) -> bool:
    return lowered.startswith(_HIDDEN) or lowered.endswith(_JUNK_SUFFIXES) or lowered in _JUNK_NAMES


class NameRules:
    """The include and exclude patterns of one root, together with the ignore files found in its folders."""

    def __init__(self, include: Sequence[str], exclude: Sequence[str]) -> None:
        """
        Args:
            include: Shell patterns for file names, `*.mp4`; case does not matter.
            exclude: gitignore patterns, relative to the root.

        Raises:
            ConfigError: An exclude pattern is malformed.
        """
        self._include = [pattern.lower() for pattern in include]
        simple = [pattern for pattern in self._include if _ENDING.fullmatch(pattern)]
        self._is_simple = len(simple) == len(self._include)
        self._endings = frozenset(pattern[2:].encode() for pattern in simple) - _JUNK_ENDINGS
        """Of patterns like `*.mp4`, as nearly all are: these need no trying out of one after the other."""
        self._excludes = _spec(exclude, "exclude") if exclude else None
        self._ignored: dict[str, GitIgnoreSpec] = {}

    def read_ignore_file(self, folder: str, path: Path) -> None:
        """Take in the `.tlsyncignore` of a folder (named relative to the root, "" for the root itself)."""
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
        self._ignored[folder + "/" if folder else ""] = _spec(lines, str(path))

    def drop_ignore_file(self, folder: bytes) -> None:
        """There is no `.tlsyncignore` in a folder, or no more."""
        if self._ignored:
            self._ignored.pop(_shown(folder + b"/") if folder else "", None)

    def takes_folder(self, relative: bytes) -> bool:
        """Whether to look into a folder."""
        return not _is_junk(relative.rpartition(b"/")[2].lower()) and not self.excludes(relative + b"/")

    def takes_file(self, relative: bytes) -> bool:
        """Whether a file counts as footage by its name."""
        return self.takes_name(relative.rpartition(b"/")[2]) and not self.excludes(relative)

    def takes_name(self, name: bytes) -> bool:
        """Whether a file may be footage by its own name; asked of every file at every scan."""
        lowered = name.lower()
        _, dot, ending = lowered.rpartition(b".")
        if dot and ending in self._endings:
            return not lowered.startswith(_HIDDEN)
        if self._is_simple and name.isascii() and ending not in _JUNK_ENDINGS:
            return False
        text = _shown(name).lower()  # of letters beyond ASCII bytes know no lower case
        return any(fnmatch.fnmatchcase(text, pattern) for pattern in self._include) and not _is_junk(lowered)

    def excludes(self, relative: bytes) -> bool:
        """Whether an exclude pattern or an ignore file leaves out this path; that of a folder ends in a slash."""
        if self._excludes is None and not self._ignored:
            return False
        shown = _shown(relative)
        if self._excludes is not None and self._excludes.match_file(shown):
            return True
        return any(spec.match_file(shown[len(at) :]) for at, spec in self._ignored.items() if shown.startswith(at))


def _shown(relative: bytes) -> str:
    return os.fsdecode(relative)


def _spec(lines: Sequence[str], where: str) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise ConfigError(f"{where}: not a gitignore pattern: {error}") from error
