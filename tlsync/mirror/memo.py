"""Remembers listings for a moment, as long as the catalog has not changed: walks ask for the same folder many times."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from tlsync.clock import Clock
from tlsync.mirror.nodes import File, Folder

T = TypeVar("T")

_LIFE_S = 2.0
"""How long a listing is good although the catalog may have changed: a daemon at work writes many times a second."""
_LONGEST_LIFE_S = 30.0
_MOST_BYTES = 64 * 2**20
_NODE_BYTES = 1200
"""About what a folder with all that it refers to takes; measured."""
_OTHER_BYTES = 200


class Memo:
    """A cache by key, bounded by about how much memory it takes; the newest value is kept however large it is.

    May be used from many threads; where two make the same, the later one counts.
    """

    def __init__(self, version: Callable[[], object], clock: Clock, *, most_bytes: int = _MOST_BYTES) -> None:
        """
        Args:
            version: Changes when something remembered may be out of date.
        """
        self._version = version
        self._clock = clock
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._kept_bytes = 0
        self._seen_version: object = None
        self._look_again_s = float("-inf")

    def get(self, key: str, make: Callable[[], T]) -> T:
        """What is remembered under a key, or made now."""
        now_s = self._clock.monotonic_s()
        version = self._current_version(now_s)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                age_s = now_s - kept.made_s
                if age_s < _LIFE_S or (kept.version == version and age_s < _LONGEST_LIFE_S):
                    self._kept.move_to_end(key)
                    return kept.value  # type: ignore[no-any-return]
        fresh = make()
        size_bytes = _size_of(fresh)
        with self._lock:
            self._drop(key)
            self._kept[key] = _Kept(now_s, version, fresh, size_bytes)
            self._kept_bytes += size_bytes
            while self._kept_bytes > self._most_bytes and len(self._kept) > 1:
                self._drop(next(iter(self._kept)))
        return fresh

    def clear(self) -> None:
        """Forget everything: something else than the catalog has changed."""
        with self._lock:
            self._kept.clear()
            self._kept_bytes = 0

    def _drop(self, key: str) -> None:
        old = self._kept.pop(key, None)
        if old is not None:
            self._kept_bytes -= old.size_bytes

    def _current_version(self, now_s: float) -> object:
        if now_s >= self._look_again_s:
            self._look_again_s = now_s + _LIFE_S / 2
            self._seen_version = self._version()
        return self._seen_version


@dataclass(frozen=True, slots=True)
class _Kept:
    made_s: float
    version: object
    value: Any
    size_bytes: int


def _size_of(value: object) -> int:
    """About the memory of a listing."""
    if isinstance(value, Mapping):
        return _OTHER_BYTES + sum(map(_size_of, value.values()))
    if isinstance(value, tuple | list):
        return _OTHER_BYTES + sum(map(_size_of, value))
    if isinstance(value, Folder):
        return _NODE_BYTES
    return value.room_bytes + _OTHER_BYTES if isinstance(value, File) else _OTHER_BYTES
