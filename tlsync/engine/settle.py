"""The quiet period of a file. Pure: time is an argument.

A file is settled when it has looked the same for the settle time, and for twice as long as the longest pause that its
writer was seen to make. Time in which nobody looked, as when a laptop sleeps, does not count: the writer may have
slept too.
"""

from __future__ import annotations

from dataclasses import dataclass

from tlsync.models import FileId, StatSignature

_LOOKS_PER_PERIOD = 4
"""At files that are written now or were lately, so that the pauses of their writers are seen."""
_PAUSE_PERIODS = 30
"""What comes after a longer rest is no longer the same writing."""
_ASLEEP_PERIODS, _ASLEEP_S = 2, 5.0
"""Nobody looked at any file for so many settle times, and so long: time stood still, or a volume hung."""
_COARSE_S = 2.0
"""The coarsest clock of a file system: two writes within it may leave one time (FAT)."""


@dataclass(slots=True)
class _Watch:
    signature: StatSignature
    first_seen_s: float
    changed_s: float
    looked_s: float
    longest_pause_s: float = 0.0
    is_active: bool = False
    is_looked_at_twice: bool = False


class SettleTracker:
    """Remembers since when each file has looked the same. Lost at a restart: the period starts again."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._watches: dict[FileId, _Watch] = {}
        self._waiting: set[FileId] = set()
        """Files that are looked at again and again: as long as there are any, looks follow each other closely."""
        self._looked_s = float("-inf")
        self._woke_s = float("-inf")

    def observe(
        self, file_id: FileId, signature: StatSignature, now_s: float, *, wall_s: float = 0.0, took_s: float = 0.0
    ) -> float:
        """Note how a file looks now.

        Args:
            now_s: On a clock that nobody sets, and that goes on while the computer sleeps.
            wall_s: On the clock that files are dated by, seconds since 1970.
            took_s: For how long the look itself was under way.

        Returns:
            Seconds until it will have been quiet for long enough; 0 when it is settled.
        """
        unseen_s = max(took_s, now_s - self._looked_s if self._waiting else 0.0)
        if unseen_s > max(_ASLEEP_PERIODS * self._settle_s, _ASLEEP_S):
            self._woke_s = now_s
        self.is_awake(now_s)
        age_s = abs(wall_s - signature.mtime_ns / 1e9)
        watch = self._watches.get(file_id)
        if watch is None:
            is_active = age_s < _PAUSE_PERIODS * self._settle_s
            watch = self._watches[file_id] = _Watch(signature, now_s, now_s, now_s, is_active=is_active)
        elif watch.signature != signature:
            # While the file rests nobody looks, and it is the change itself that wakes: the pause was that long.
            self._note_change(watch, signature, now_s, watch.looked_s if file_id in self._waiting else now_s)
        watch.looked_s = now_s
        self._waiting.add(file_id)
        wait_s = self.wait_s(file_id, now_s)
        if wait_s <= 0 and not watch.is_looked_at_twice:
            watch.is_looked_at_twice = True
            if age_s < _COARSE_S:
                return min(self._settle_s, _COARSE_S)
        return wait_s

    def is_awake(self, now_s: float) -> None:
        """Say that time passed as usual until now, although no file was looked at: one was read."""
        self._looked_s = max(self._looked_s, now_s)

    def wait_s(self, file_id: FileId, now_s: float, *, times: float = 1.0) -> float:
        """Seconds until a watched file will have been quiet for long enough, or for so many times that."""
        watch = self._watches[file_id]
        needed_s = max(self._settle_s, 2 * watch.longest_pause_s)
        return max(0.0, times * needed_s - (now_s - max(watch.changed_s, self._woke_s)))

    def next_look_s(self, file_id: FileId, wait_s: float) -> float:
        """When to look again at a file that has so long to wait."""
        is_active = self._watches[file_id].is_active
        return min(wait_s, self._settle_s / (_LOOKS_PER_PERIOD if is_active else 1))

    def seen(self, file_id: FileId) -> StatSignature | None:
        """How a file looked the last time."""
        watch = self._watches.get(file_id)
        return watch.signature if watch else None

    def watched_s(self, file_id: FileId, now_s: float) -> float:
        """For how long a file has been watched without having settled."""
        watch = self._watches.get(file_id)
        return now_s - watch.first_seen_s if watch else 0.0

    def restless_s(self, file_id: FileId) -> float:
        """For how long a file has gone on changing. One that only waits for its quiet period has not."""
        watch = self._watches.get(file_id)
        return watch.changed_s - watch.first_seen_s if watch else 0.0

    def rest(self, file_id: FileId) -> None:
        """The file settled, and is not whole: its writer may go on after a pause, which is remembered then."""
        self._waiting.discard(file_id)

    def forget(self, file_id: FileId) -> None:
        """Start anew at the next look."""
        self._waiting.discard(file_id)
        self._watches.pop(file_id, None)

    def _note_change(self, watch: _Watch, signature: StatSignature, now_s: float, quiet_until_s: float) -> None:
        pause_s = quiet_until_s - watch.changed_s
        if pause_s > _PAUSE_PERIODS * self._settle_s:
            watch.first_seen_s, watch.longest_pause_s = now_s, 0.0  # another story: somebody opened it again
        elif watch.changed_s >= self._woke_s:
            watch.longest_pause_s = max(watch.longest_pause_s, pause_s)
        watch.signature, watch.changed_s = signature, now_s
        watch.is_active, watch.is_looked_at_twice = True, False
