"""One bandwidth limit over all uploads: a token bucket that holds a fifth of a second, and whose rate may change.

Whoever wants to send takes a place in one line of bytes, so that workers get equal shares. The line moves on at the
rate that is in force, also for those who wait in it already.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from tlsync.clock import Clock
from tlsync.errors import Interrupted

_BURST_S = 0.2
_PIECE_S = 0.1
_LEAST_PIECE_BYTES = 4096
_LEAST_WAIT_S = 1e-6
"""Less is rounding, which no clock would ever show as passed."""
_LOOK_S = 0.2
"""A new rate is heeded after so long at the latest."""
_CHUNK_S = 60.0
"""At most so many chunks are under way at a time as a minute's bytes hold: shared by more, a slow line would finish
none before its URL expires, and each would be lost at a break."""


class Throttle:
    """Lets bytes through at a rate; without a rate, at once. May be used from many threads."""

    def __init__(self, bytes_per_s: float | None, clock: Clock, stop: threading.Event) -> None:
        self._rate = bytes_per_s
        self._clock = clock
        self._stop = stop
        self._lock = threading.Lock()
        self._taken_bytes = 0.0
        """End of the line: all that was asked for so far."""
        self._allowed_bytes = 0.0
        """How much of the line may have left by `_at_s`."""
        self._at_s = clock.monotonic_s()
        self._chunks: dict[object, Hashable] = {}
        """Whose chunks are under way."""

    @property
    def rate(self) -> float | None:
        """Bytes per second; None for no limit."""
        return self._rate

    def set_rate(self, bytes_per_s: float | None) -> None:
        """From now on, also for bytes that wait already."""
        with self._lock:
            self._move_on()
            self._rate = bytes_per_s

    def pass_bytes(self, count: int) -> None:
        """Wait until `count` bytes may go.

        Raises:
            Interrupted: tlsync is stopping.
        """
        with self._lock:
            self._move_on()
            place = self._taken_bytes
            self._taken_bytes += count
            wait_s = self._wait_s(place)
        while self._stop.is_set() or wait_s > _LEAST_WAIT_S:
            if self._clock.wait(self._stop, min(wait_s, _LOOK_S)):
                raise Interrupted("stopped between two blocks of a chunk")
            with self._lock:
                self._move_on()
                wait_s = self._wait_s(place)

    def pieces(self, block: bytes) -> Iterator[bytes]:
        """A block in pieces that are small where the line is slow, each when it may go: no long silence on the wire,
        which storage would take for a dead connection. Raises as `pass_bytes`."""
        begin = 0
        while begin < len(block):
            rate = self._rate
            length = len(block) if rate is None else max(_LEAST_PIECE_BYTES, int(rate * _PIECE_S))
            piece = block[begin : begin + length]
            self.pass_bytes(len(piece))
            yield piece
            begin += length

    @contextmanager
    def chunk(self, owner: Hashable, size_bytes: int) -> Iterator[None]:
        """Wait for a turn to send a chunk, and have it: the slower the line, the fewer at a time.

        Args:
            owner: On whose behalf, for `abandon`.

        Raises:
            Interrupted: tlsync is stopping.
        """
        turn = object()
        while not self._admit(turn, owner, size_bytes):
            if self._clock.wait(self._stop, _LOOK_S):
                raise Interrupted("stopped before a chunk was begun")
        try:
            yield
        finally:
            with self._lock:
                self._chunks.pop(turn, None)

    def abandon(self, is_stuck: Callable[[Hashable], bool]) -> None:
        """Give the turns of some owners to others: their chunks hang in reading."""
        with self._lock:
            self._chunks = {turn: owner for turn, owner in self._chunks.items() if not is_stuck(owner)}

    def _admit(self, turn: object, owner: Hashable, size_bytes: int) -> bool:
        with self._lock:
            are_enough = self._rate is not None and (len(self._chunks) + 1) * size_bytes > self._rate * _CHUNK_S
            if self._chunks and are_enough:
                return False
            self._chunks[turn] = owner
            return True

    def _move_on(self) -> None:
        """Let the line move as far as the time since the last look says. The lock is held."""
        now_s = self._clock.monotonic_s()
        if self._rate is None:
            self._allowed_bytes = self._taken_bytes
        else:
            moved_bytes = self._allowed_bytes + self._rate * (now_s - self._at_s)
            self._allowed_bytes = min(moved_bytes, self._taken_bytes + self._rate * _BURST_S)
        self._at_s = now_s

    def _wait_s(self, place: float) -> float:
        if self._rate is None:
            return 0.0
        return (place - self._allowed_bytes) / self._rate
