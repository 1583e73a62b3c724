"""A file that tlsync writes for the system and that people may edit: theirs is never overwritten or removed.

A mark in the file holds a digest of the rest, so that a file of an earlier version is told from one that was changed.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Literal

from tlsync.errors import ServiceError
from tlsync.store.atomic import write_whole

PLACE = "settings ?, text ?"
"""Stands once in a text where its mark goes."""

_MARK = re.compile(r"settings (?P<settings>[0-9a-f]{12}), text (?P<text>[0-9a-f]{16})")

Condition = Literal["absent", "ours", "edited", "other_settings"]
Outcome = Literal["written", "updated", "unchanged"]


def marked(text: str, settings_id: str) -> str:
    """The text with its mark."""
    return text.replace(PLACE, f"settings {settings_id}, text {_digest(text)}", 1)


def condition(path: Path, settings_id: str, encoding: str = "utf-8") -> Condition:
    """Whose the file is: ours and untouched, for these settings or others; or somebody's.

    Raises:
        ServiceError: It can't be read.
    """
    try:
        if path.is_symlink():
            return "edited"
        text = path.read_bytes().decode(encoding)
    except (FileNotFoundError, NotADirectoryError):
        return "absent"
    except UnicodeError:
        return "edited"
    except OSError as error:
        raise ServiceError(f"{path}: can't be read: {error.strerror}") from error
    mark = _MARK.search(text)
    if mark is None or _digest(text.replace(mark[0], PLACE, 1)) != mark["text"]:
        return "edited"
    return "ours" if mark["settings"] == settings_id else "other_settings"


def put(path: Path, text: str, settings_id: str, encoding: str = "utf-8") -> Outcome:
    """Write the file, if it is not there or is ours.

    Raises:
        ServiceError: It is somebody's, is for other settings, or can't be written.
    """
    found = condition(path, settings_id, encoding)
    if found == "edited":
        raise ServiceError(
            f"{path}: is there, and is not as tlsync writes it: left alone",
            hint="if its changes are not wanted any more, move it away and install again",
        )
    if found == "other_settings":
        raise ServiceError(
            f"{path}: is there for another settings file",
            hint="uninstall that one with its --config, or use --profile to have two",
        )
    data = marked(text, settings_id).encode(encoding)
    try:
        if found == "ours" and path.read_bytes() == data:
            return "unchanged"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise ServiceError(f"{path}: can't be written: {error.strerror}") from error
    return "written" if found == "absent" else "updated"


def remove(path: Path, settings_id: str, encoding: str = "utf-8") -> bool:
    """Remove the file, if it is ours; says whether it was there.

    Raises:
        ServiceError: It is somebody's, or is for other settings; or it can't be removed.
    """
    found = condition(path, settings_id, encoding)
    if found == "other_settings":
        raise ServiceError(f"{path}: is for another settings file", hint="uninstall it with its own --config")
    if found == "edited":
        raise ServiceError(f"{path}: was edited, so it is left there", hint="remove it yourself if it is not wanted")
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ServiceError(f"{path}: can't be removed: {error.strerror}") from error
    return found == "ours"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
