"""How fast uploads are, from the bytes that storage has confirmed."""

from __future__ import annotations

from collections.abc import Mapping

_WINDOW_S = 30.0
_LEAST_MARKS = 5
"""On a slow line a chunk takes minutes; fewer than these say little, however old they are."""


class Pace:
    """Rates over the last half minute or the last chunks. Chunks are confirmed whole, so a shorter look would jump."""

    def __init__(self) -> None:
        self._marks: dict[str, list[tuple[float, int]]] = {}
        self._now_s = 0.0

    def note(self, now_s: float, done_bytes: Mapping[str, int]) -> None:
        """What is confirmed now of each upload; others are over."""
        self._now_s = now_s
        self._marks = {path: self._marks.get(path, []) for path in done_bytes}
        for path, done in done_bytes.items():
            marks = self._marks[path]
            if marks and done < marks[-1][1]:  # begun anew
                marks.clear()
            if not marks or done > marks[-1][1]:
                marks.append((now_s, done))
            while len(marks) > _LEAST_MARKS and marks[1][0] <= now_s - _WINDOW_S:
                marks.pop(0)

    def rate(self, path: str) -> float | None:
        """Bytes a second; None until something was confirmed while we looked."""
        marks = self._marks.get(path, [])
        if len(marks) < 2:
            return None
        start_s, start_bytes = marks[0]
        return (marks[-1][1] - start_bytes) / max(1e-9, self._now_s - start_s)
