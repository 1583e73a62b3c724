"""Remembers listings for a moment, as long as the catalog has not changed: walks ask for the same folder many times."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from tlsync.clock import Clock

T = TypeVar("T")

_LIFE_S = 2.0
"""How long a listing is good although the catalog may have changed: a daemon at work writes many times a second."""
_LONGEST_LIFE_S = 30.0
_MOST = 4096


class Memo:
    """A bounded cache by key. May be used from many threads; where two make the same, the later one counts."""

    def __init__(self, version: Callable[[], object], clock: Clock) -> None:
        """
        Args:
            version: Changes when something remembered may be out of date.
        """
        self._version = version
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, tuple[float, object, Any]] = OrderedDict()
        self._seen_version: object = None
        self._look_again_s = 0.0

    def get(self, key: str, make: Callable[[], T]) -> T:
        """What is remembered under a key, or made now."""
        now_s = self._clock.monotonic_s()
        version = self._current_version(now_s)
        with self._lock:
            made_s, made_version, value = self._kept.get(key, (float("-inf"), None, None))
            age_s = now_s - made_s
            if age_s < _LIFE_S or (made_version == version and age_s < _LONGEST_LIFE_S):
                self._kept.move_to_end(key)
                return value  # type: ignore[no-any-return]
        fresh = make()
        with self._lock:
            self._kept[key] = (now_s, version, fresh)
            self._kept.move_to_end(key)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return fresh

    def clear(self) -> None:
        """Forget everything: something else than the catalog has changed."""
        with self._lock:
            self._kept.clear()

    def _current_version(self, now_s: float) -> object:
        if now_s >= self._look_again_s:
            self._look_again_s = now_s + _LIFE_S / 2
            self._seen_version = self._version()
        return self._seen_version
