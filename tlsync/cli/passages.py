"""Moves of files condensed to what people want to read: one passage from setting out to coming to rest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tlsync.cli.output import shown, size
from tlsync.cli.spans import count, span
from tlsync.clock import from_text
from tlsync.store.past import Move

_AT_REST = frozenset({"enriched", "ineligible", "failed", "missing"})
_UNDER_WAY = {
    "discovered": "seen",
    "settling": "waits until it is quiet",
    "identified": "to be sent",
    "uploading": "being sent",
    "uploaded": "being checked by the platform",
    "asset_ready": "to be indexed",
    "indexing": "being indexed",
    "ready": "texts to come",
}
_ORDER = tuple(_UNDER_WAY)


class Passage(NamedTuple):
    """Moves of one file, oldest first."""

    path: Path
    moves: list[Move]

    @property
    def at(self) -> str:
        """When the newest of them was."""
        return self.moves[-1].at

    @property
    def is_over(self) -> bool:
        """Whether the file came to rest."""
        return self.moves[-1].new in _AT_REST

    def text(self) -> str:
        """What happened, in short."""
        told = [step for step in (step_text(self.moves, number) for number in range(len(self.moves))) if step]
        if not self.is_over:
            told.append(_UNDER_WAY.get(self.moves[-1].new, self.moves[-1].new))
        return "; ".join(told)


def passages(backwards: Iterable[Move], *, since: str = "", limit: int) -> list[Passage]:
    """The last passages, in the order in which they ended.

    Args:
        backwards: Moves, newest first; no more of them are taken than needed.
        since: Leave out what ended before.
    """
    found: list[list[Move]] = []
    begun: dict[int, list[Move]] = {}
    for move in backwards:
        if move.at < since and move.file_id not in begun:
            if not begun:
                break
            continue
        moves = begun.get(move.file_id)
        if moves is None:
            if len(found) >= limit:
                if not begun:
                    break
                continue
            moves = begun[move.file_id] = []
            found.append(moves)
        moves.append(move)
        if move.old is None or move.old in _AT_REST:
            del begun[move.file_id]
    return [Passage(moves[0].path, moves[::-1]) for moves in reversed(found)]


def step_text(moves: Sequence[Move], number: int) -> str:
    """What one of the moves is worth telling; "" for those that nobody waits for."""
    move = moves[number]
    if move.new == "enriched":
        return count(move.texts, "text") if move.texts else "all done"
    if move.new in _AT_REST:
        word = {"failed": "failed", "ineligible": "not taken", "missing": "gone from its folder"}[move.new]
        return f"{word}: {shown(move.reason)}" if move.reason and move.new != "missing" else word
    if move.old == "uploading" and move.new in ("uploaded", "indexing"):
        return f"uploaded {size(move.size_bytes)}{_took(moves, number, 'uploading')}"
    if move.old == "indexing" and move.new == "ready":
        return f"indexed{_took(moves, number, 'indexing')}"
    is_known = move.old == "identified" and move.new != "uploading"
    is_back = move.old in _ORDER and _ORDER.index(move.new) < _ORDER.index(move.old)
    return shown(move.reason) if move.old in _AT_REST or is_known or is_back else ""


def _took(moves: Sequence[Move], number: int, state: str) -> str:
    """How long it was in a state before."""
    begun = next((move for move in reversed(moves[:number]) if move.new == state), None)
    if begun is None:
        return ""
    return f" in {span((from_text(moves[number].at) - from_text(begun.at)).total_seconds())}"
