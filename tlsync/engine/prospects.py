"""Whether an upload is begun: it must be able to end in time, and so must those that are under way already.

Uploads share one line. Each that is begun makes the others slower, so one that would cost another its session waits
until that is done: over a limited line nothing is lost by sending one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from tlsync.clock import Clock
from tlsync.engine.feasibility import SESSION_S, refusal, would_take_s
from tlsync.errors import TooSlow
from tlsync.hours import ALWAYS, Hours
from tlsync.models import ContentId, FileId
from tlsync.store.catalog import FileRow
from tlsync.store.sessions import Sessions
from tlsync.timetable import UNLIMITED, Timetable

LOOK_AGAIN_S = 3600.0
_Upload = tuple[int, datetime]
"""Bytes that are left, and when its session ends."""
_HINT = "raise upload.bandwidth, widen upload.hours, or: tlsync bandwidth unlimited"


class Prospects:
    """May be used from many threads."""

    def __init__(self, sessions: Sessions, clock: Clock, timetable: Timetable | None, hours: Hours | None) -> None:
        self._sessions = sessions
        self._clock = clock
        self._lock = threading.Lock()
        self._timetable = timetable or UNLIMITED
        self._hours = hours or ALWAYS
        self._about_to_begin: dict[ContentId, int] = {}
        self._waiting: set[FileId] = set()

    def use(self, timetable: Timetable, hours: Hours) -> None:
        """Reckon with these from now on."""
        with self._lock:
            self._timetable, self._hours = timetable, hours

    @contextmanager
    def beginning(self, file: FileRow, content_id: ContentId) -> Iterator[str]:
        """While a session is opened for a file. Gives why it has to wait for others, "" if it need not.

        Raises:
            TooSlow: It can't end in time, whatever else is under way.
        """
        size_bytes = file.signature.size_bytes
        with self._lock:
            reason = self._judge(file, content_id)
            if reason:
                self._waiting.add(file.id)
            else:
                self._about_to_begin[content_id] = size_bytes
        try:
            yield reason
        finally:
            with self._lock:
                self._about_to_begin.pop(content_id, None)

    def call_in(self, *, but: FileId) -> list[FileId]:
        """An upload ended, that of file `but`: the files that waited for their turn; they no longer do."""
        with self._lock:
            called = [file_id for file_id in self._waiting if file_id != but]
            self._waiting.difference_update(called)
            return called

    def _judge(self, file: FileRow, content_id: ContentId) -> str:
        if self._timetable.is_unlimited:
            return ""
        now, size_bytes = self._clock.now(), file.signature.size_bytes
        reason = refusal(size_bytes, self._timetable, self._hours, now)
        if reason is not None:
            raise TooSlow(str(file.path), reason, hint=_HINT)
        others = {
            active.content_id: (active.left_bytes, active.expires_at or now + timedelta(seconds=SESSION_S))
            for active in self._sessions.under_way(now)
        }
        for other, left_bytes in self._about_to_begin.items():
            others.setdefault(other, (left_bytes, now + timedelta(seconds=SESSION_S)))
        others.pop(content_id, None)
        before = list(others.values())
        own = size_bytes, now + timedelta(seconds=SESSION_S)
        saved = [own, *(one for one in before if self._can_end(one, before, now))]
        if all(self._can_end(one, [*before, own], now) for one in saved):
            return ""
        who = "another upload is" if len(before) == 1 else "other uploads are"
        return f"waits until {who} done: together they would not end in time"

    def _can_end(self, one: _Upload, all_: list[_Upload], now: datetime) -> bool:
        """Whether an upload ends before its session, where all get equal shares: until then each has sent as much as
        it, or all that it had."""
        left_bytes, ends_at = one
        passed_bytes = sum(min(left_bytes, other_bytes) for other_bytes, _ in all_)
        takes_s = would_take_s(passed_bytes, self._timetable, self._hours, now)
        return takes_s <= (ends_at - now).total_seconds()
