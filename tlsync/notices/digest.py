"""Events → what a person reads about them in one notice. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tlsync.notices.events import Event
from tlsync.terminal_text import printable

TOLD = ("enriched", "failed", "root_offline", "root_online", "trouble", "cap_reached")
"""Events that a desktop wants."""
_NAMED = 3
_REMEMBERED = 1000
_LONGEST = 120


@dataclass(frozen=True, slots=True)
class Notice:
    """What is shown. Plain text; names in it are those of files, so they are hostile."""

    title: str
    body: str
    is_urgent: bool = False


class Digest:
    """Collects events of files until somebody shows them."""

    def __init__(self) -> None:
        self._ready = 0
        self._failed: dict[Path, str] = {}
        self._more_failed = 0

    def __bool__(self) -> bool:
        return bool(self._ready or self._failed)

    def add(self, events: Sequence[Event]) -> None:
        """Take events in; a file that failed and was done later counts as done."""
        for event in events:
            if event.path is None:
                continue
            if event.event == "enriched":
                self._ready += 1
                self._failed.pop(event.path, None)
            elif event.event == "failed":
                if event.path in self._failed or len(self._failed) < _REMEMBERED:
                    self._failed[event.path] = event.reason
                else:
                    self._more_failed += 1

    def notice(self) -> Notice:
        """All of it in one."""
        failed = len(self._failed) + self._more_failed
        parts = [f"{self._ready} {'clip' if self._ready == 1 else 'clips'} ready"] if self._ready else []
        parts += [f"{failed} failed"] if failed else []
        lines = [_short(f"{path.name}: {reason}") for path, reason in list(self._failed.items())[:_NAMED]]
        lines += [f"and {failed - _NAMED} more: tlsync status"] if failed > _NAMED else []
        return Notice(f"tlsync: {', '.join(parts)}", "\n".join(lines))


class Timing:
    """When a digest is shown: not before more may have come, and not sooner after the last one than was asked for."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._collected_s = min(60.0, every_s)
        self._first_s: float | None = None
        self._shown_s = float("-inf")

    def note_event(self, now_s: float) -> None:
        if self._first_s is None:
            self._first_s = now_s

    def note_shown(self, now_s: float) -> None:
        self._first_s, self._shown_s = None, now_s

    def is_due(self, now_s: float) -> bool:
        if self._first_s is None:
            return False
        return now_s - self._first_s >= self._collected_s and now_s - self._shown_s >= self._every_s


class Urgent:
    """What can't wait for a digest: troubles that need a person, and folders that stay away. Each is told once."""

    def __init__(self, away_s: float = 180.0) -> None:
        """
        Args:
            away_s: A folder that is back sooner was only unplugged for a moment.
        """
        self._away_s = away_s
        self._away: dict[Path, tuple[float, Event]] = {}

    def notices(self, events: Sequence[Event], now_s: float) -> list[Notice]:
        """What is to be shown now."""
        found = []
        for event in events:
            if event.event in ("trouble", "cap_reached"):
                body = "\n".join(filter(None, (_short(event.reason), _short(event.hint))))
                found.append(Notice("tlsync needs you", body, is_urgent=True))
            elif event.event == "root_offline" and event.root is not None:
                self._away.setdefault(event.root, (now_s, event))
            elif event.event == "root_online" and event.root is not None:
                self._away.pop(event.root, None)
        for root, (since_s, event) in list(self._away.items()):
            if now_s - since_s >= self._away_s:
                del self._away[root]
                found.append(Notice(f"tlsync: {_short(str(root))} is away", _short(event.reason), is_urgent=True))
        return found


def _short(text: str) -> str:
    text = printable(text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
