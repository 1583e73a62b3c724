"""A small picture per clip, from its media or from the platform, kept in the state folder. Never made on a look."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tlsync.clock import Clock
from tlsync.errors import FileError, TlsyncError
from tlsync.mirror.library import RemoteClip
from tlsync.mirror.nodes import Picture
from tlsync.store.atomic import write_whole
from tlsync.store.clips import Clip, ClipFacts, Shelf

if TYPE_CHECKING:
    from tlsync.media.probe import Prober

log = logging.getLogger(__name__)

MAX_SIDE_PX = 320
_AT_SHARE = 0.1
"""Where in the clip the picture is taken: a little after the beginning, where the slate and the black are over."""
_AGAIN_AFTER_S = 600.0
"""A picture that could not be had is not tried again before."""
_PAUSE_S = 30.0
"""After the platform could not be reached, nothing more is asked of it for so long."""
_MOST_WAITING = 10_000
_MOST_FAILED = 100_000
_ENDS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG\r\n\x1a\n": ".png"}


class Sources(Protocol):
    """Where pictures come from. Every method may wait long, and is called in the background."""

    def is_quiet(self) -> bool:
        """Whether this thread must not cause any work."""
        ...

    def prober(self) -> Prober: ...

    def facts(self, clip: Clip) -> ClipFacts | None: ...

    def thumbnail(self, index_id: str, indexed_asset_id: str) -> bytes | None:
        """The platform's picture, JPEG or PNG; None if it has none."""
        ...


@dataclass(frozen=True, slots=True)
class _Wanted:
    key: str
    make: Callable[[], bytes | None]


class Thumbnails:
    """The cache of thumbnails, by content: copies share one, and a renamed clip keeps it."""

    def __init__(self, folder: Path, sources: Sources, clock: Clock, on_change: Callable[[], None]) -> None:
        """
        Args:
            folder: Where the pictures are kept; made when the first one is.
            on_change: Called when pictures were made, from another thread.
        """
        self._folder = folder
        self._sources = sources
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Condition()
        self._failed: dict[str, float] = {}
        """When a picture could not be had."""
        self._platform_failed_s = float("-inf")
        self._waiting: set[str] = set()
        # A slow network does not keep local pictures waiting, nor a slow disk those of the platform.
        self._queues: dict[bool, queue.SimpleQueue[_Wanted | None]] = {}

    def picture(self, clip: Clip) -> Picture | None:
        """The thumbnail of a clip, None while there is none."""
        return self._kept(_key(clip), clip.modified_ns)

    def remote_picture(self, clip: RemoteClip) -> Picture | None:
        return self._kept(clip.indexed_asset_id, clip.modified_ns)

    def want(self, clip: Clip, shelf: Shelf) -> None:
        """Have a video's thumbnail made in the background: from the media if it is there, else by the platform."""
        is_here = shelf.is_online and clip.state != "missing"
        fetch = partial(self._fetch, clip.index_id, clip.indexed_asset_id)
        make = partial(self._from_media, clip, shelf) if is_here else fetch
        self._want(_Wanted(_key(clip), make), is_remote=not is_here)

    def want_remote(self, index_id: str, clip: RemoteClip) -> None:
        """Have the platform's picture fetched in the background."""
        fetch = partial(self._fetch, index_id, clip.indexed_asset_id)
        self._want(_Wanted(clip.indexed_asset_id, fetch), is_remote=True)

    def settle(self, patience_s: float) -> None:
        """Wait until all that are wanted were made, or for so long. For commands that run once."""
        with self._lock:
            self._lock.wait_for(lambda: not self._waiting, patience_s)

    def close(self) -> None:
        """Let the threads end; what is in work is finished or given up by its source."""
        with self._lock:
            self._waiting.clear()
            for wanted in self._queues.values():
                wanted.put(None)

    def _want(self, wanted: _Wanted, *, is_remote: bool) -> None:
        if self._sources.is_quiet():
            return
        with self._lock:
            now_s = self._clock.monotonic_s()
            is_paused = is_remote and now_s - self._platform_failed_s < _PAUSE_S
            has_failed = now_s - self._failed.get(wanted.key, float("-inf")) < _AGAIN_AFTER_S
            if is_paused or has_failed or wanted.key in self._waiting or len(self._waiting) >= _MOST_WAITING:
                return
            self._waiting.add(wanted.key)
            if is_remote not in self._queues:
                self._queues[is_remote] = queue.SimpleQueue()
                name = "tlsync-pictures" if is_remote else "tlsync-thumbnails"
                threading.Thread(target=self._work, args=(self._queues[is_remote],), name=name, daemon=True).start()
            self._queues[is_remote].put(wanted)

    def _work(self, queued: queue.SimpleQueue[_Wanted | None]) -> None:
        while (wanted := queued.get()) is not None:
            if wanted.key not in self._waiting:
                continue  # closed
            is_made = self._make(wanted)
            with self._lock:
                self._waiting.discard(wanted.key)
                if not is_made:
                    self._failed[wanted.key] = self._clock.monotonic_s()
                    while len(self._failed) > _MOST_FAILED:
                        self._failed.pop(next(iter(self._failed)))
                self._lock.notify_all()
            if is_made:
                self._on_change()

    def _make(self, wanted: _Wanted) -> bool:
        """One picture into the cache; says whether there is one now."""
        if self._kept(wanted.key, 0) is not None:
            return True
        try:
            data = wanted.make()
            end = _end_of(data) if data else None
            if data is None or end is None:
                return False
            path = self._path(wanted.key, end)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(path, data, mode=0o600)
        except (TlsyncError, OSError) as error:
            log.info("no thumbnail of=%s reason=%s", wanted.key, error)
            return False
        except Exception:  # a picture is never worth the end of the thread that makes all of them
            log.exception("a thumbnail could not be made")
            return False
        return True

    def _from_media(self, clip: Clip, shelf: Shelf) -> bytes | None:
        facts = self._sources.facts(clip)
        if facts is None:
            return None
        media = Path(os.fsdecode(os.path.join(os.fsencode(shelf.path), clip.relative)))  # noqa: PTH118 (bytes)
        try:
            return self._sources.prober().read_frame_jpeg(media, facts.duration_s * _AT_SHARE, max_side_px=MAX_SIDE_PX)
        except FileError as error:
            log.info("no thumbnail from the media path=%s reason=%s", media, error)
            return self._fetch(clip.index_id, clip.indexed_asset_id)

    def _fetch(self, index_id: str, indexed_asset_id: str) -> bytes | None:
        if self._clock.monotonic_s() - self._platform_failed_s < _PAUSE_S:
            return None
        try:
            return self._sources.thumbnail(index_id, indexed_asset_id)
        except TlsyncError as error:
            if error.is_temporary or error.concerns == "everything":
                self._platform_failed_s = self._clock.monotonic_s()
            raise

    def _kept(self, key: str, modified_ns: int) -> Picture | None:
        for end in _ENDS.values():
            path = self._path(key, end)
            try:
                size_bytes = os.stat(path).st_size  # noqa: PTH116 (a text is enough, and quicker)
            except OSError:
                continue
            return Picture(f"thumbnail{end}", size_bytes, modified_ns, partial(_read, path))
        return None

    def _path(self, key: str, end: str) -> Path:
        return self._folder / key[:2] / f"{key}{end}"


def _key(clip: Clip) -> str:
    """Of a clip's picture: by content, else by its entry."""
    return clip.sha256 or clip.indexed_asset_id


def _end_of(data: bytes) -> str | None:
    """The extension of a picture, None for anything else."""
    return next((end for magic, end in _ENDS.items() if data.startswith(magic)), None)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
