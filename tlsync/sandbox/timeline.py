"""The states that a thing passes through, as instants that were fixed when it was made; pure.

Nothing runs in the background: the state is looked up when somebody asks. Instants are wall-clock
milliseconds, since they must mean the same after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Timeline(msgspec.Struct, frozen=True):
    """`phases` are (state, when it ends); None means never. After the last one the state is `end`."""

    start_ms: int
    phases: tuple[tuple[str, int | None], ...]
    end: str

    def status(self, now_ms: int) -> str:
        for state, until_ms in self.phases:
            if until_ms is None or now_ms < until_ms:
                return state
        return self.end

    def changed_ms(self, now_ms: int) -> int:
        """The last change of state up to now."""
        changed_ms = self.start_ms
        for _, until_ms in self.phases:
            if until_ms is None or now_ms < until_ms:
                break
            changed_ms = until_ms
        return changed_ms

    def ended_ms(self, now_ms: int) -> int | None:
        """When the end was reached; None when it is not yet."""
        return self.changed_ms(now_ms) if self.status(now_ms) == self.end else None

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()


def plan(start_ms: int, steps: Sequence[tuple[str, float]], end: str, *, is_stalled: bool = False) -> Timeline:
    """Lay states one after another, each with its length in seconds. A stalled one never leaves its last state."""
    phases: list[tuple[str, int | None]] = []
    at_ms = start_ms
    for state, length_s in steps:
        at_ms += round(length_s * 1000)
        phases.append((state, at_ms))
    if is_stalled and phases:
        phases[-1] = (phases[-1][0], None)
    return Timeline(start_ms, tuple(phases), end)


def at_once(start_ms: int, end: str) -> Timeline:
    """In its last state from the start."""
    return Timeline(start_ms, (), end)


def from_json(text: str) -> Timeline:
    return msgspec.json.decode(text, type=Timeline)
