"""Which names below a root are footage: include patterns, exclude patterns, and what is never taken."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Sequence
from pathlib import Path

from pathspec import GitIgnoreSpec

from tlsync.errors import ConfigError

IGNORE_FILE = b".tlsyncignore"

_JUNK_SUFFIXES = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".filepart", ".tlsync-tmp", "~")
_JUNK_NAMES = frozenset({"thumbs.db", "desktop.ini", "$recycle.bin", "system volume information", "@eadir"})


def is_junk(name: str) -> bool:
    """Hidden, AppleDouble, temporary or system names: of files and of folders."""
    lowered = name.lower()
    return name.startswith((".", "~$")) or lowered.endswith(_JUNK_SUFFIXES) or lowered in _JUNK_NAMES


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
        self._excludes: list[tuple[str, GitIgnoreSpec]] = [("", _spec(exclude, "exclude"))]

    def read_ignore_file(self, folder: str, path: Path) -> None:
        """Take in the `.tlsyncignore` of a folder (named relative to the root, "" for the root itself)."""
        lines = path.read_bytes().decode("utf-8", "replace").splitlines()
        prefix = folder + "/" if folder else ""
        self._excludes = [entry for entry in self._excludes if entry[0] != prefix or prefix == ""]
        self._excludes.append((prefix, _spec(lines, str(path))))

    def takes_folder(self, relative: bytes) -> bool:
        """Whether to look into a folder."""
        shown = _shown(relative)
        return not is_junk(shown.rpartition("/")[2]) and not self._is_excluded(shown + "/")

    def takes_file(self, relative: bytes) -> bool:
        """Whether a file counts as footage by its name."""
        shown = _shown(relative)
        name = shown.rpartition("/")[2]
        if is_junk(name) or self._is_excluded(shown):
            return False
        return any(fnmatch.fnmatchcase(name.lower(), pattern) for pattern in self._include)

    def _is_excluded(self, shown: str) -> bool:
        return any(spec.match_file(shown[len(prefix) :]) for prefix, spec in self._excludes if shown.startswith(prefix))


def _shown(relative: bytes) -> str:
    return os.fsdecode(relative)


def _spec(lines: Sequence[str], where: str) -> GitIgnoreSpec:
    try:
        return GitIgnoreSpec.from_lines(lines)
    except ValueError as error:
        raise ConfigError(f"{where}: not a gitignore pattern: {error}") from error
