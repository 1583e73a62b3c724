"""Two looks at tlsync → what happened between them: folders, pauses, troubles, and the end of all work. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tlsync.clock import to_text
from tlsync.config.settings import FILE_EVENTS
from tlsync.notices.events import Event, of_daemon
from tlsync.store.pause import Pause
from tlsync.store.roots import RootRow

NEEDS_A_PERSON = frozenset({"unauthorized", "quota", "catalog_busy", "safe_mode", "untrusted"})
"""Codes of trouble that waiting alone seldom mends: key, quota, a full disk, mistakes of tlsync, certificates."""
CAP = "cap_reached"

_ASKED_AGAIN = "; asked again"
_REARMED_AFTER_S = 600.0
"""A trouble that was gone for so long is told again when it comes back."""
_QUIET_S = 5.0
"""Nothing moved for so long: the next file of a copy would have come by now."""
_BUSY_AGAIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is wrong with everything."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Look:
    """How things are. `newest` is the number of the last move of a file, `moved` how many moves there were to each
    state since the last look."""

    roots: tuple[RootRow, ...]
    pause: Pause | None
    troubles: tuple[Trouble, ...]
    newest: int
    moved: Mapping[str, int] = field(default_factory=dict)


class Observer:
    """Remembers the last look."""

    def __init__(self, first: Look, is_busy: Callable[[Collection[RootRow]], bool]) -> None:
        """
        Args:
            is_busy: Whether a file below these roots is still on its way.
        """
        self._is_busy = is_busy
        self._online = {row.path: _is_online(row) for row in first.roots}
        self._pause = first.pause
        self._told: dict[str, float] = {}
        """Codes of troubles, and when each was there last."""
        self._newest = self._idle_at = first.newest
        self._moved_s = self._asked_s = float("-inf")
        self._counts: Counter[str] = Counter()

    def look(self, now: Look, at: datetime, now_s: float, *, is_end: bool = False) -> list[Event]:
        """What happened since the last look.

        Args:
            is_end: The pass is over: what is done is done, without waiting for quiet.
        """
        events = [event for row in now.roots if (event := self._of_root(row, at)) is not None]
        events += self._of_pause(now.pause, at)
        events += self._of_troubles(now.troubles, at, now_s)
        return events + self._of_work(now, at, now_s, is_end=is_end)

    def _of_root(self, row: RootRow, at: datetime) -> Event | None:
        was, self._online[row.path] = self._online.get(row.path), _is_online(row)
        is_now = self._online[row.path]
        if is_now is was or is_now is None or (is_now and was is None):
            return None
        if is_now:
            return of_daemon("root_online", at, root=row.path)
        hint = "connect its drive or server; tlsync goes on by itself"
        return of_daemon("root_offline", at, root=row.path, code=row.condition, reason=row.trouble, hint=hint)

    def _of_pause(self, pause: Pause | None, at: datetime) -> list[Event]:
        was, self._pause = self._pause, pause
        if (was and was.key) == (pause and pause.key):
            return []
        if pause is None:
            return [of_daemon("resumed", at)]
        until = f"until {to_text(pause.until)}" if pause.until else "until tlsync resume"
        return [of_daemon("paused", at, reason=f"{until}: {pause.reason}" if pause.reason else until)]

    def _of_troubles(self, troubles: Collection[Trouble], at: datetime, now_s: float) -> list[Event]:
        events = []
        for trouble in troubles:
            if trouble.code not in NEEDS_A_PERSON and trouble.code != CAP:
                continue
            is_news = trouble.code not in self._told
            self._told[trouble.code] = now_s
            if is_news:
                name = CAP if trouble.code == CAP else "trouble"
                reason = trouble.message.partition(_ASKED_AGAIN)[0]
                events.append(of_daemon(name, at, code=trouble.code, reason=reason, hint=trouble.hint))
        self._told = {code: seen_s for code, seen_s in self._told.items() if now_s - seen_s < _REARMED_AFTER_S}
        return events

    def _of_work(self, now: Look, at: datetime, now_s: float, *, is_end: bool) -> list[Event]:
        """All that can be done is done, after there was something to do. Folders that are away are not waited for."""
        if now.newest != self._newest:
            self._newest, self._moved_s, self._asked_s = now.newest, now_s, float("-inf")
            self._counts.update({state: number for state, number in now.moved.items() if state in FILE_EVENTS})
        is_quiet = is_end or (now_s - self._moved_s >= _QUIET_S and now_s - self._asked_s >= _BUSY_AGAIN_S)
        if now.newest <= self._idle_at or not is_quiet:
            return []
        self._asked_s = now_s
        if self._is_busy([row for row in now.roots if row.is_online]):
            return []
        self._idle_at = now.newest
        counts, self._counts = dict(sorted(self._counts.items())), Counter()
        reason = ", ".join(f"{number} {state}" for state, number in counts.items())
        return [of_daemon("idle", at, reason=reason, counts=counts)]


def _is_online(row: RootRow) -> bool | None:
    """None for a folder that was never looked at."""
    return None if not row.is_online and not row.trouble else row.is_online
