"""What every way of telling has in common, and what goes wrong on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tlsync.notices.events import Event

Note = Callable[[str], None]
"""Is given what is wrong with a sender now, for people; "" when it did well."""


class Sender:
    """Hands events over. Called from one thread."""

    most_at_once: int = 1
    """How many events `deliver` takes."""

    def deliver(self, events: Sequence[Event], note: Note) -> None:
        """Hand events over, again and again if need be; when it returns they are done with, for better or worse.

        Raises:
            Interrupted: There was no time for it; they are delivered again by the next run.
        """
        raise NotImplementedError

    def tick(self, *, is_end: bool) -> None:
        """Called at least every second or so, and at the end."""

    @property
    def is_holding(self) -> bool:
        """Whether events that were delivered wait in here, and would be lost with the process."""
        return False

    def close(self) -> None:
        """Nothing is delivered any more. Called from any thread."""
