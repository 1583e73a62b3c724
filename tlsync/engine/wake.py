"""Notices that the computer slept, or that somebody set its clock: then everything is looked at anew."""

from __future__ import annotations

from tlsync.clock import Clock

_JUMP_S = 5.0


class WakeDetector:
    """Compares three clocks: the one on the wall, the one nobody sets, and the one that stands while asleep."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # A clock that does not say how long it was awake is taken for one that never sleeps.
        self._awake_s = getattr(clock, "awake_s", clock.monotonic_s)
        self._set_s, self._asleep_s = self._offsets()

    def check(self) -> str:
        """What happened since the last check, for people; "" when nothing did."""
        set_s, asleep_s = self._offsets()
        slept_s, moved_s = asleep_s - self._asleep_s, set_s - self._set_s
        self._set_s, self._asleep_s = set_s, asleep_s
        if slept_s > _JUMP_S:
            return f"the computer slept for {slept_s:.0f} s"
        if abs(moved_s) > _JUMP_S:
            return f"the clock was set {'forward' if moved_s > 0 else 'back'} by {abs(moved_s):.0f} s"
        return ""

    def _offsets(self) -> tuple[float, float]:
        now_s = self._clock.monotonic_s()
        return self._clock.now().timestamp() - now_s, now_s - self._awake_s()
