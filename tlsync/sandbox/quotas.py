"""Rate limits: the headers that some answers carry, and the 429 of a limit that was switched on."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from tlsync.sandbox.settings import RateLimit

REPORTED = frozenset({"summarize", "gist", "generate", "analyze", "search.create"})
"""Methods whose 200 answers carry the headers, and whose 429 is documented without a body (contract, 1.8)."""
REPORTED_LIMIT = RateLimit(3000, 24 * 3600)


@dataclass(slots=True)
class _Window:
    ends_ms: int
    used: int = 0


class Quotas:
    """Counts calls per method in windows that begin with their first call. Safe to use from any thread."""

    def __init__(self, limits: Mapping[str, RateLimit]) -> None:
        self._limits = dict(limits)
        self._windows: dict[str, _Window] = {}
        self._lock = threading.Lock()

    def take(self, name: str, now_ms: int) -> tuple[dict[str, str], int | None]:
        """Count a call: the headers for its answer, and the seconds to wait if it is one too many."""
        limit = self._limits.get(name) or (REPORTED_LIMIT if name in REPORTED else None)
        if limit is None:
            return {}, None
        with self._lock:
            window = self._windows.get(name)
            if window is None or now_ms >= window.ends_ms:
                window = self._windows[name] = _Window(now_ms + round(limit.window_s * 1000))
            is_over = name in self._limits and window.used >= limit.calls
            window.used += not is_over
            headers = {
                "x-ratelimit-limit": str(limit.calls),
                "x-ratelimit-remaining": str(max(0, limit.calls - window.used)),
                "x-ratelimit-used": str(window.used),
                "x-ratelimit-reset": str(-(-window.ends_ms // 1000)),
            }
            return headers, -(-(window.ends_ms - now_ms) // 1000) if is_over else None
