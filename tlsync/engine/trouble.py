"""What is wrong beyond one file: how long to wait, what people are told, and when a single pass gives up.

Trouble with everything (no network, the key, the catalog) stops the lanes. Trouble with one group of calls makes only
the files wait that need them. Each is told once, however many files and threads meet it, until it is over.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tlsync.clock import Clock
from tlsync.engine.progress import Progress
from tlsync.errors import (
    ApiError,
    CatalogBusy,
    CatalogError,
    Overloaded,
    PlatformDown,
    SafeMode,
    TlsyncError,
    Unreachable,
)

log = logging.getLogger(__name__)

_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 900.0
_LONGEST_OFFLINE_S = 60.0
"""While there is no network somebody looks so often: when it is back, everything should go on soon."""
_LONGEST_BUSY_S = 15.0
"""Looking whether the catalog's disk has room again costs nothing, and all else waits for it."""
_LONGEST_TOLD_S = 3600.0
_PASS_PATIENCE_S = 60.0
_PASS_TRIES = 3
_PATIENT_FROM_S = 30.0
_MISTAKES = 5
_MISTAKES_WITHIN_S = 600.0


class Gates(Protocol):
    """What the client knows of its groups of calls."""

    def held_s(self, group: str) -> float: ...
    def is_down(self, group: str) -> bool: ...


@dataclass(slots=True)
class _Group:
    error: TlsyncError
    since_s: float
    until_s: float
    row: int = 1


class Trouble:
    """Turns errors into pauses and waits. One trouble seen by ten threads is one trouble."""

    def __init__(
        self,
        clock: Clock,
        progress: Progress,
        pause: Callable[[float, bool], None],
        gates: Gates,
        *,
        gives_up: bool,
    ) -> None:
        """
        Args:
            pause: Stops lanes for so many seconds; the flag says whether also the local ones.
            gives_up: A single pass ends with the error where the daemon would wait.
        """
        self._clock = clock
        self._progress = progress
        self._pause = pause
        self._gates = gates
        self.gives_up = gives_up
        self._lock = threading.Lock()
        self._row = 0
        self._reported_s = 0.0
        self._until_s = 0.0
        self._told: type[TlsyncError] | None = None
        self._general: TlsyncError | None = None
        self._groups: dict[str, _Group] = {}
        self._mistakes: deque[float] = deque(maxlen=_MISTAKES)
        self._safe_mode: SafeMode | None = None
        self.fatal: TlsyncError | None = None

    def report(self, error: TlsyncError) -> float:
        """Note an error that concerns everything; answers with the seconds after which the file may try again."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if now_s < self._until_s:
                return self._until_s - now_s
            self._row += 1
            wait_s = _wait_s(error, self._row)
            is_news = self._told is not type(error)
            self._told, self._general = type(error), error
            self._reported_s, self._until_s = now_s, now_s + wait_s
            if self.gives_up and (not error.is_temporary or self._row >= _PASS_TRIES or wait_s > _PASS_PATIENCE_S):
                self.fatal = error
                return wait_s
        self._tell(error, wait_s, is_news=is_news)
        self._pause(wait_s, isinstance(error, CatalogError | Overloaded))
        return wait_s

    def hold(self, error: ApiError) -> float:
        """Note an error that concerns one group of calls; answers with the seconds its files should wait."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            known = self._groups.get(error.group)
            is_news = known is None or type(known.error) is not type(error)
            if known is None:
                known = self._groups[error.group] = _Group(error, now_s, now_s + _wait_s(error, 1))
            elif now_s >= known.until_s:
                known.row += 1
                known.error, known.until_s = error, now_s + _wait_s(error, known.row)
            wait_s = known.until_s - now_s
            if self.gives_up:
                if not isinstance(error, PlatformDown) and (not error.is_temporary or wait_s > _PASS_PATIENCE_S):
                    self.fatal = error
                    return wait_s
                if now_s - known.since_s > _PATIENT_FROM_S:
                    wait_s = max(wait_s, _PATIENT_FROM_S + 1)  # a single pass does not wait for it any longer
        self._tell(error, wait_s, is_news=is_news)
        return wait_s

    def over(self, began_s: float | None = None) -> list[str]:
        """A remote step went well that began at `began_s`: trouble from before it may be over.

        Answers with the groups whose files need not wait any more.
        """
        with self._lock:
            now_s = self._clock.monotonic_s()
            if began_s is None or began_s >= self._reported_s:
                self._row = 0
                self._general = self._told = None
            freed = []
            for name, group in list(self._groups.items()):
                if self._gates.held_s(name) > 0 or (group.until_s <= now_s and self._gates.is_down(name)):
                    continue
                freed.append(name)
                if self._gates.is_down(name):
                    group.until_s = now_s  # one call may find out
                else:
                    del self._groups[name]
            return freed

    def mend(self, kind: type[TlsyncError]) -> bool:
        """What caused the trouble was mended by somebody; says whether there is such trouble."""
        with self._lock:
            if not isinstance(self._general, kind):
                return False
            self._row, self._until_s = 0, 0.0
            self._general = self._told = None
            return True

    def mistake(self) -> None:
        """A step failed in a way nobody foresaw. After several nothing is changed on the platform in this run."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            self._mistakes.append(now_s)
            are_many = len(self._mistakes) == _MISTAKES and now_s - self._mistakes[0] <= _MISTAKES_WITHIN_S
            if not are_many or self._safe_mode is not None:
                return
            self._safe_mode = SafeMode(
                f"tlsync made {_MISTAKES} mistakes within {_MISTAKES_WITHIN_S / 60:.0f} min: "
                "nothing more is sent to the platform in this run",
                hint="please report them with the log, then start tlsync again",
            )
            if self.gives_up:
                self.fatal = self._safe_mode
        log.error("safe mode reason=%s hint=%s", self._safe_mode.message, self._safe_mode.hint)

    @property
    def is_safe_mode(self) -> bool:
        return self._safe_mode is not None

    @property
    def current(self) -> TlsyncError | None:
        """The worst that is wrong now."""
        with self._lock:
            groups = [group.error for group in self._groups.values()]
            return self._safe_mode or self._general or (groups[0] if groups else None)

    def describe(self) -> list[dict[str, Any]]:
        """All that is wrong now, for `status`: in plain words, and when it is looked at again."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            found: list[tuple[TlsyncError, float | None]] = []
            if self._safe_mode is not None:
                found.append((self._safe_mode, None))
            if self._general is not None:
                found.append((self._general, self._until_s - now_s))
            found += [(group.error, group.until_s - now_s) for group in self._groups.values()]
        return [_description(error, wait_s) for error, wait_s in found]

    def _tell(self, error: TlsyncError, wait_s: float, *, is_news: bool) -> None:
        if is_news:
            log.warning("waiting wait_s=%.0f reason=%s hint=%s", wait_s, error.message, error.hint)
            self._progress.trouble(error, wait_s)
        else:
            log.debug("still waiting wait_s=%.0f reason=%s", wait_s, error.message)


def _wait_s(error: TlsyncError, row: int) -> float:
    if isinstance(error, ApiError) and error.retry_after_s is not None:
        return min(error.retry_after_s, _LONGEST_TOLD_S)
    if not error.is_temporary:
        return _LONGEST_WAIT_S
    longest_s = _LONGEST_OFFLINE_S if isinstance(error, Unreachable) else _LONGEST_WAIT_S
    if isinstance(error, CatalogBusy):
        longest_s = _LONGEST_BUSY_S
    return float(min(longest_s, _FIRST_WAIT_S * 2 ** min(row - 1, 20)))


def _description(error: TlsyncError, wait_s: float | None) -> dict[str, Any]:
    message = error.message
    if type(error) is Unreachable:  # its message names the call that found out
        message = f"the platform can't be reached ({message})"
    if wait_s is not None:
        span = f"in {wait_s:.0f} s" if wait_s < 90 else f"in {wait_s / 60:.0f} min"
        message += f"; asked again {span if wait_s > 0 else 'now'}"
    return {"code": error.code, "message": message, "hint": error.hint}
