"""When something is wrong for all files: how long to wait, and when a single pass gives up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from tlsync.clock import Clock
from tlsync.engine.progress import Progress
from tlsync.errors import CatalogError, RateLimited, TlsyncError

log = logging.getLogger(__name__)

_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 900.0
_PASS_PATIENCE_S = 60.0
_PASS_TRIES = 3
_FAULTS_THAT_ARE_GENERAL = 5


class Trouble:
    """Turns errors that concern everything into pauses. One trouble seen by ten threads is one trouble."""

    def __init__(
        self, clock: Clock, progress: Progress, pause: Callable[[float, bool], None], *, gives_up: bool
    ) -> None:
        """
        Args:
            pause: Stops lanes for so many seconds; the flag says whether also the local ones.
            gives_up: A single pass ends with the error where the daemon would wait.
        """
        self._clock = clock
        self._progress = progress
        self._pause = pause
        self._gives_up = gives_up
        self._lock = threading.Lock()
        self._row = 0
        self._faults_in_a_row = 0
        self._until_s = 0.0
        self.current: TlsyncError | None = None
        self.fatal: TlsyncError | None = None

    def report(self, error: TlsyncError) -> float:
        """Note an error; answers with the seconds after which the file may try again."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if now_s < self._until_s:
                return self._until_s - now_s
            self._row += 1
            wait_s = self._wait_s(error)
            self.current = error
            self._until_s = now_s + wait_s
            if self._gives_up and (not error.is_temporary or self._row >= _PASS_TRIES or wait_s > _PASS_PATIENCE_S):
                self.fatal = error
                return wait_s
        log.warning("waiting wait_s=%.0f reason=%s hint=%s", wait_s, error.message, error.hint)
        self._pause(wait_s, isinstance(error, CatalogError))
        self._progress.trouble(error, wait_s)
        return wait_s

    def fault(self, error: TlsyncError) -> None:
        """Note a fault of the platform with one file; many in a row are taken for a fault with all."""
        with self._lock:
            self._faults_in_a_row += 1
            is_general = self._faults_in_a_row >= _FAULTS_THAT_ARE_GENERAL
        if is_general:
            self.report(error)

    def over(self) -> None:
        """A remote step went well: the next trouble starts with a short wait."""
        with self._lock:
            self._row = 0
            self._faults_in_a_row = 0
            self.current = None

    def _wait_s(self, error: TlsyncError) -> float:
        if isinstance(error, RateLimited) and error.retry_after_s is not None:
            return error.retry_after_s
        if not error.is_temporary:
            return _LONGEST_WAIT_S
        return float(min(_LONGEST_WAIT_S, _FIRST_WAIT_S * 2 ** (self._row - 1)))
