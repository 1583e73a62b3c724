"""A pause that somebody asked for: a small file in the state folder, which the daemon looks at all the time.

A file, and no note among the requests: it has to hold while no daemon runs and over restarts, and `resume` only has to
remove it. The catalog has one writer, and a pause must be possible while that is busy.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from tlsync.clock import Clock, from_text, to_text
from tlsync.errors import CatalogError
from tlsync.store.atomic import write_whole
from tlsync.store.state_folder import prepare_state_folder

_NAME = "pause.json"
_LONGEST_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Pause:
    """`until` None: until somebody lifts it. `key` tells one pause from the next."""

    key: str
    begun_at: datetime
    until: datetime | None = None
    reason: str = ""

    def left_s(self, now: datetime) -> float | None:
        """Seconds to go by the wall clock, None for a pause without an end.

        Never more than the whole span, whatever was done to the clock since.
        """
        if self.until is None:
            return None
        span_s = (self.until - self.begun_at).total_seconds()
        return min(max(0.0, (self.until - now).total_seconds()), span_s)


def begin(state_dir: Path, now: datetime, for_s: float | None, reason: str = "") -> Pause:
    """Ask for a pause; one that is there already is replaced.

    Raises:
        CatalogError: The state folder can't be written.
    """
    until = None if for_s is None else now + timedelta(seconds=for_s)
    pause = Pause(secrets.token_hex(8), now, until, reason)
    document = {
        "v": 1,
        "key": pause.key,
        "begun_at": to_text(now),
        "until": None if until is None else to_text(until),
        "reason": reason,
    }
    prepare_state_folder(state_dir)
    try:
        write_whole(state_dir / _NAME, json.dumps(document).encode(), mode=0o600)
    except OSError as error:
        raise CatalogError(f"{state_dir}: can't be written: {error.strerror}", hint="check the state folder") from error
    return pause


def lift(state_dir: Path) -> bool:
    """End the pause; says whether there was one.

    Raises:
        CatalogError: The state folder can't be written.
    """
    try:
        (state_dir / _NAME).unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise CatalogError(f"{state_dir}: can't be written: {error.strerror}", hint="check the state folder") from error
    return True


def find(state_dir: Path, now: datetime) -> Pause | None:
    """The pause that is in force by the wall clock. What is no longer readable holds all the same: it was asked for.

    Raises:
        OSError: It can't be looked at.
    """
    pause = read(state_dir)
    return None if pause is None or pause.left_s(now) == 0 else pause


def read(state_dir: Path) -> Pause | None:
    """The pause that was asked for last, over or not. Raises as `find`."""
    path = state_dir / _NAME
    try:
        with path.open("rb") as stream:
            text = stream.read(_LONGEST_BYTES)
        begun_at = path.stat().st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        found = json.loads(text)
        until = None if found["until"] is None else from_text(found["until"])
        return Pause(str(found["key"]), from_text(found["begun_at"]), until, str(found["reason"]))
    except (ValueError, KeyError, TypeError):
        instant = datetime.fromtimestamp(begun_at).astimezone()
        return Pause("unreadable", instant, None, f"{path} can't be read; tlsync resume removes it")


class PauseWatch:
    """Follows the pause while the daemon runs. Once it was seen, its span is counted on a clock that nobody sets."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._state_dir = state_dir
        self._clock = clock
        self._key = ""
        self._ends_s = 0.0

    def current(self) -> Pause | None:
        """The pause in force, its end told by the wall clock as it is now. One that is over is removed.

        Raises:
            OSError: It can't be looked at; what held before holds.
            CatalogError: It is over, and can't be removed.
        """
        pause = read(self._state_dir)
        if pause is None:
            return None
        left_s = pause.left_s(self._clock.now())
        if left_s is None:
            return pause
        if pause.key != self._key:
            self._key, self._ends_s = pause.key, self._clock.monotonic_s() + left_s
        left_s = self._ends_s - self._clock.monotonic_s()
        if left_s > 0:
            return replace(pause, until=self._clock.now() + timedelta(seconds=left_s))
        if (now_there := read(self._state_dir)) is not None and now_there.key == pause.key:
            lift(self._state_dir)
        return None
