"""What a folder holds and what it would cost to sync it, told in a few seconds: for decisions before the first sync."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tlsync.checkup.folders import kind_of
from tlsync.config import DEFAULT_INCLUDE, Settings
from tlsync.engine import volumes
from tlsync.engine.names import NameRules
from tlsync.engine.planner import Planner
from tlsync.engine.walk import walk_root
from tlsync.errors import ConfigError
from tlsync.media.probe import Prober
from tlsync.patience import answers_within
from tlsync.store.reader import CatalogReader

_LOOK_S = 5.0
_COUNT_S = 20.0
_ESTIMATE_S = 15.0


@dataclass(frozen=True, slots=True)
class Survey:
    """A folder that can be watched. `files` and `size_bytes` are None where counting takes too long."""

    path: Path
    kind: str
    files: int | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the first sync sends at most. `is_whole`: every file was looked at; else it was reckoned from some."""

    files: int
    size_bytes: int
    minutes: float
    rejected: int
    is_whole: bool


def survey(folder: Path) -> Survey:
    """Look at a folder and count its footage.

    Raises:
        ConfigError: It is not there, can't be read, or does not answer.
    """

    def look(path: Path) -> volumes.Place | OSError:
        try:
            return volumes.look(path)
        except OSError as error:
            return error

    found = answers_within(_LOOK_S, look, [folder]).get(folder)
    if found is None:
        raise ConfigError(f"{folder}: its drive or server does not answer", hint="connect it, and try again")
    if isinstance(found, FileNotFoundError):
        raise ConfigError(f"{folder}: there is no such folder", hint="check the spelling, or connect its drive")
    if isinstance(found, NotADirectoryError):
        raise ConfigError(f"{folder}: is no folder", hint="name the folder that holds the clips")
    if isinstance(found, OSError):
        raise ConfigError(f"{folder}: can't be read: {found.strerror}", hint="give yourself the right to read it")
    counted = answers_within(_COUNT_S, _count, [folder]).get(folder)
    files, size_bytes = counted if counted is not None else (None, None)
    return Survey(folder, kind_of(found), files, size_bytes)


def _count(folder: Path) -> tuple[int, int]:
    walk = walk_root(folder, NameRules(DEFAULT_INCLUDE, ()), b"", lambda files: None)
    return len(walk.found), sum(signature.size_bytes for signature in walk.found.values())


def estimate(settings: Settings, surveys: Collection[Survey], patience_s: float = _ESTIMATE_S) -> Estimate:
    """Plan a sync for as long as somebody may be asked to wait, and reckon the rest by its size."""
    until_s = time.monotonic() + patience_s
    seen_files, seen_bytes = 0, 0
    files, size_bytes, minutes, rejected = 0, 0, 0.0, 0
    is_whole = True
    with CatalogReader(settings.state_dir) as reader, Prober() as prober:
        for item in Planner(settings, reader, prober).plan():
            seen_files += 1
            seen_bytes += item.size_bytes
            if item.action == "upload":
                files += 1
                size_bytes += item.size_bytes
                minutes += (item.duration_s or 0.0) / 60
            rejected += item.action == "reject"
            if time.monotonic() > until_s:
                is_whole = False
                break
    all_files = sum(survey.files or 0 for survey in surveys)
    all_bytes = sum(survey.size_bytes or 0 for survey in surveys)
    if is_whole or not seen_bytes or all_files <= seen_files:
        return Estimate(files, size_bytes, minutes, rejected, is_whole)
    by_number, by_size = all_files / seen_files, max(1.0, all_bytes / seen_bytes)
    return Estimate(
        round(files * by_number), round(size_bytes * by_size), minutes * by_size, round(rejected * by_number), False
    )
