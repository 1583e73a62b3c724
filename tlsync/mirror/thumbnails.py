"""A small JPEG per clip, from the local media, kept in the state folder. Made in the background, never on a look."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from tlsync.errors import TlsyncError
from tlsync.media.probe import Prober
from tlsync.mirror.nodes import Picture
from tlsync.store.atomic import write_whole
from tlsync.store.clips import Clip, ClipFacts, Shelf

log = logging.getLogger(__name__)

MAX_SIDE_PX = 320
_AT_SHARE = 0.1
"""Where in the clip the picture is taken: a little after the beginning, where the slate and the black are over."""
_MOST_WAITING = 10_000


class Thumbnails:
    """The cache of thumbnails, by content: copies share one, and a renamed clip keeps it."""

    def __init__(self, folder: Path, prober: Callable[[], Prober], on_change: Callable[[], None]) -> None:
        """
        Args:
            folder: Where the pictures are kept; made when the first one is.
            prober: Gives the reader of media; called in the background, when the first picture is wanted.
            on_change: Called when pictures were made, from another thread.
        """
        self._folder = folder
        self._prober = prober
        self._on_change = on_change
        self._lock = threading.Condition()
        self._hopeless: set[int] = set()
        """Contents that no picture could be made of; tried again in the next run."""
        self._wanted: queue.SimpleQueue[tuple[Clip, ClipFacts, Shelf]] = queue.SimpleQueue()
        self._waiting: set[int] = set()
        self._thread: threading.Thread | None = None

    def picture(self, clip: Clip) -> Picture | None:
        """The thumbnail of a clip, None while there is none."""
        path = self._path(clip)
        if path is None:
            return None
        try:
            size_bytes = path.stat().st_size
        except OSError:
            return None
        return Picture(size_bytes, clip.modified_ns, partial(_read, path))

    def want(self, clip: Clip, facts: ClipFacts, shelf: Shelf) -> None:
        """Have a thumbnail made in the background, if the media is there and has a picture."""
        if facts.kind != "video" or not shelf.is_online or clip.state == "missing" or clip.sha256 is None:
            return
        with self._lock:
            if clip.content_id in self._waiting | self._hopeless or len(self._waiting) >= _MOST_WAITING:
                return
            self._waiting.add(clip.content_id)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="tlsync-thumbnails", daemon=True)
                self._thread.start()
        self._wanted.put((clip, facts, shelf))

    def make(self, clip: Clip, facts: ClipFacts, shelf: Shelf) -> bool:
        """Make a thumbnail now; says whether there is one."""
        path = self._path(clip)
        if path is None or facts.kind != "video":
            return False
        if path.exists():
            return True
        media = Path(os.fsdecode(os.path.join(os.fsencode(shelf.path), clip.relative)))  # noqa: PTH118 (bytes)
        try:
            data = self._prober().read_frame_jpeg(media, facts.duration_s * _AT_SHARE, max_side_px=MAX_SIDE_PX)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, data, mode=0o600)
        except (TlsyncError, OSError) as error:
            log.info("no thumbnail path=%s reason=%s", media, error)
            return False
        return True

    def settle(self, patience_s: float) -> None:
        """Wait until all that are wanted were made, or for so long. For commands that run once."""
        with self._lock:
            self._lock.wait_for(lambda: not self._waiting, patience_s)

    def _work(self) -> None:
        while True:
            clip, facts, shelf = self._wanted.get()
            made = False
            with suppress(Exception):  # a picture is never worth the end of the thread that makes all of them
                made = self.make(clip, facts, shelf)
            with self._lock:
                self._waiting.discard(clip.content_id)
                if not made:
                    self._hopeless.add(clip.content_id)
                is_last = not self._waiting
                self._lock.notify_all()
            if made or is_last:
                self._on_change()

    def _path(self, clip: Clip) -> Path | None:
        sha256 = clip.sha256
        return self._folder / sha256[:2] / f"{sha256}.jpg" if sha256 else None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
