"""The quiet period of a file. Pure: time is an argument."""

from __future__ import annotations

from dataclasses import dataclass

from tlsync.models import FileId, StatSignature


@dataclass(slots=True)
class _Watch:
    signature: StatSignature
    quiet_since_s: float
    first_seen_s: float


class SettleTracker:
    """Remembers since when each file has looked the same. Lost at a restart: the period starts again."""

    def __init__(self, settle_s: float) -> None:
        self._settle_s = settle_s
        self._watches: dict[FileId, _Watch] = {}

    def observe(self, file_id: FileId, signature: StatSignature, now_s: float) -> float:
        """Note how a file looks now.

        Returns:
            Seconds until it will have been quiet for long enough; 0 when it is settled.
        """
        watch = self._watches.get(file_id)
        if watch is None:
            watch = self._watches[file_id] = _Watch(signature, now_s, now_s)
        elif watch.signature != signature:
            watch.signature = signature
            watch.quiet_since_s = now_s
        return max(0.0, watch.quiet_since_s + self._settle_s - now_s)

    def restless_s(self, file_id: FileId, now_s: float) -> float:
        """For how long a file has been watched without having settled."""
        watch = self._watches.get(file_id)
        return now_s - watch.first_seen_s if watch else 0.0

    def forget(self, file_id: FileId) -> None:
        """Start the period again at the next look."""
        self._watches.pop(file_id, None)
