"""Opens the tree of a state folder, with the catalog, the kept answers and the thumbnails behind it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tlsync.clock import Clock, SystemClock
from tlsync.errors import Interrupted
from tlsync.mirror.kept_answers import KeptAnswers
from tlsync.mirror.listings import Listings
from tlsync.mirror.memo import Memo
from tlsync.mirror.thumbnails import Thumbnails
from tlsync.mirror.tree import Tree
from tlsync.store.clips import Clip, ClipFacts, ClipReader

if TYPE_CHECKING:
    from tlsync.api import TwelveLabs
    from tlsync.media.probe import Prober

_FOLDER = "mirror"


class View:
    """The index as a file tree, for Python programs and for what shows it.

    >>> with View(state_dir, connect) as view:                                  # doctest: +SKIP
    ...     for name, node in view.tree.at("footage/by-folder").list().items():
    ...         print(name, node.modified_ns)
    """

    def __init__(self, state_dir: Path, connect: Callable[[], TwelveLabs], *, clock: Clock | None = None) -> None:
        """
        Args:
            connect: Makes the client of the platform, once, when something is asked for that only it knows.

        Raises:
            CatalogError: The catalog can't be read.
        """
        clock = clock or SystemClock()
        self._clock = clock
        self._connect = connect
        self._lock = threading.Lock()
        self._client: TwelveLabs | None = None
        self._prober: Prober | None = None
        self._changes = 0
        self._is_closed = False
        self.catalog = ClipReader(state_dir)
        self.answers = KeptAnswers(state_dir / _FOLDER / "answers", clock, self._changed)
        self.memo = Memo(self.mark, clock)
        listings = Listings(self.answers, self.catalog, self._platform)
        sources = _Sources(self.answers.is_quiet, self._reader_of_media, self.catalog.facts, listings.thumbnail)
        self.thumbnails = Thumbnails(state_dir / _FOLDER / "thumbnails", sources, clock, self._changed)
        self.tree = Tree(self.catalog, listings, self.thumbnails, self.memo, made_ns=time.time_ns())

    def quiet(self) -> AbstractContextManager[None]:
        """Within it, this thread causes no call to the platform; what is known is shown."""
        return self.answers.quiet()

    def settle(self, patience_s: float) -> None:
        """Wait until the platform has answered what was asked and the wanted pictures are made, or for so long."""
        self.answers.settle(patience_s)
        self.thumbnails.settle(patience_s)
        self.memo.clear()

    def mark(self) -> object:
        """The same as long as neither the catalog nor an answer nor a picture has changed."""
        return self.catalog.version(), self._changes

    def wait_for_change(self, mark: object, stop: threading.Event, *, look_every_s: float, at_most_s: float) -> None:
        """Wait until the mark is another one, `stop` is set, or the time is over."""
        until_s = self._clock.monotonic_s() + at_most_s
        while self._clock.monotonic_s() < until_s and not self._clock.wait(stop, look_every_s):
            if self.mark() != mark:
                break
        self.memo.clear()

    def close(self) -> None:
        """End what is under way, and close everything."""
        self.answers.close()
        self.thumbnails.close()
        with self._lock:
            self._is_closed = True
            for part in (self._client, self._prober):
                if part is not None:
                    part.close()
        self.catalog.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _changed(self) -> None:
        self._changes += 1

    def _platform(self) -> TwelveLabs:
        with self._lock:
            self._check_open()
            if self._client is None:
                self._client = self._connect()
            return self._client

    def _reader_of_media(self) -> Prober:
        from tlsync.media.probe import Prober  # a listing needs none

        with self._lock:
            self._check_open()
            if self._prober is None:
                self._prober = Prober()
            return self._prober

    def _check_open(self) -> None:
        if self._is_closed:
            raise Interrupted("the tree was closed")


@dataclass(frozen=True, slots=True)
class _Sources:
    """See `thumbnails.Sources`."""

    is_quiet: Callable[[], bool]
    prober: Callable[[], Prober]
    facts: Callable[[Clip], ClipFacts | None]
    thumbnail: Callable[[str, str], bytes | None]
