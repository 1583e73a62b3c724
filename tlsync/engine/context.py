"""What the steps work with: settings, store, platform, clock. Made once by the engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from tlsync.api import TwelveLabs
from tlsync.clock import Clock
from tlsync.config import Settings
from tlsync.engine.caps import Caps
from tlsync.engine.effective_limits import limits_for, widest_limits
from tlsync.engine.progress import Progress
from tlsync.engine.prospects import Prospects
from tlsync.engine.tally import Tally
from tlsync.engine.throttle import Throttle
from tlsync.engine.workers import SystemWorkers, Workers
from tlsync.errors import Interrupted
from tlsync.media.limits import Limits
from tlsync.media.probe import Prober
from tlsync.models import ContentId, FileId, RootId
from tlsync.store.sidecars import Sidecars
from tlsync.store.store import Store

NOT_SENT_NOW = "new: not sent while the catalog is rebuilt"
"""What a file says that would be sent or indexed if `may_send` allowed it."""


class ContentLocks:
    """One lock per content, so that two files with one content never make the same remote call at once."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[ContentId, threading.Lock] = {}

    def of(self, content_id: ContentId) -> AbstractContextManager[object]:
        with self._guard:
            return self._locks.setdefault(content_id, threading.Lock())


@dataclass(frozen=True, slots=True)
class Context:
    """Shared by all steps; everything in it may be used from many threads."""

    settings: Settings
    store: Store
    client: TwelveLabs
    prober: Prober
    sidecars: Sidecars
    clock: Clock
    stop: threading.Event
    progress: Progress
    caps: Caps
    wake: Callable[[FileId], None]
    """Look at a file again now: something that it waited for has happened."""
    throttle: Throttle
    """One for all uploads."""
    prospects: Prospects
    may_send: bool = True
    """False while a catalog is rebuilt: what is known is linked, and nothing is uploaded."""
    is_held: Callable[[str], bool] = lambda lane: False
    """Whether a lane is held back: a step there that makes several remote calls makes no further one."""
    workers: Workers = field(default_factory=SystemWorkers)
    tally: Tally = field(default_factory=Tally)
    locks: ContentLocks = field(default_factory=ContentLocks)
    poll_intervals: dict[FileId, float] = field(default_factory=dict)
    follows: set[ContentId] = field(default_factory=set)
    """Contents that another machine was still working on when they were found there."""

    def limits_of(self, root_id: RootId) -> Limits:
        """What files of a root may be like, as far as is known before its index is there."""
        models = self.store.roots.get(root_id).index_models
        return limits_for(self.settings, models) if models else widest_limits(self.settings)

    def check_held(self, lane: str) -> None:
        """Raises:
        Interrupted: The lane is held back, for example by a pause. The step is done again after it.
        """
        if self.is_held(lane):
            raise Interrupted("held back")

    def next_poll_s(self, file_id: FileId) -> float:
        """The interval before a file's next poll: grows by half each time, to a minute at most."""
        last_s = self.poll_intervals.get(file_id)
        interval_s = self.settings.sync.poll_s if last_s is None else min(last_s * 1.5, max(60.0, last_s))
        self.poll_intervals[file_id] = interval_s
        return interval_s

    def polled(self, file_id: FileId) -> None:
        """What was polled for has come: start with the short interval next time."""
        self.poll_intervals.pop(file_id, None)


def shown(path: Path) -> str:
    """A path as text that can be stored and sent: what is not UTF-8 is shown as a replacement character."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
