"""Orders of a person to the daemon that stand for a while: small private files in the state folder, which it looks at
all the time.

Files, and no notes among the requests: an order has to hold while no daemon runs and over restarts, and lifting it only
has to remove the file. The catalog has one writer, and an order must be possible while that is busy.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from tlsync.clock import Clock, from_text, to_text
from tlsync.errors import CatalogError
from tlsync.store.atomic import write_whole
from tlsync.store.state_folder import prepare_state_folder

UNREADABLE = "unreadable"
_LONGEST_BYTES = 16_384


class Order(NamedTuple):
    """`until` None: until somebody lifts it. `key` tells one order from the next; `UNREADABLE`: it can't be read."""

    key: str
    begun_at: datetime
    until: datetime | None = None
    text: str = ""

    def left_s(self, now: datetime) -> float | None:
        """Seconds to go by the wall clock, None for an order without an end.

        Never more than the whole span, whatever was done to the clock since.
        """
        if self.until is None:
            return None
        span_s = (self.until - self.begun_at).total_seconds()
        return min(max(0.0, (self.until - now).total_seconds()), span_s)


class OrderFile:
    """One kind of order in one state folder."""

    def __init__(self, state_dir: Path, name: str, text_key: str = "text") -> None:
        """
        Args:
            name: Of the file.
            text_key: What the order's text is called in it.
        """
        self._state_dir = state_dir
        self.path = state_dir / name
        self._text_key = text_key

    def give(self, now: datetime, until: datetime | None, text: str = "") -> Order:
        """Give an order; one that is there already is replaced.

        Raises:
            CatalogError: The state folder can't be written.
        """
        order = Order(os.urandom(8).hex(), now, until, text)
        document = {
            "v": 1,
            "key": order.key,
            "begun_at": to_text(now),
            "until": None if until is None else to_text(until),
            self._text_key: text,
        }
        import json

        prepare_state_folder(self._state_dir)
        try:
            write_whole(self.path, json.dumps(document).encode(), mode=0o600)
        except OSError as error:
            raise self._unwritable(error) from error
        return order

    def lift(self) -> bool:
        """End the order; says whether there was one.

        Raises:
            CatalogError: The state folder can't be written.
        """
        try:
            self.path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise self._unwritable(error) from error
        return True

    def find(self, now: datetime) -> Order | None:
        """The order that is in force by the wall clock.

        Raises:
            OSError: It can't be looked at.
        """
        order = self.read()
        return None if order is None or order.left_s(now) == 0 else order

    def read(self) -> Order | None:
        """The order that was given last, over or not. Raises as `find`."""
        try:
            with self.path.open("rb") as stream:
                text = stream.read(_LONGEST_BYTES)
            given_at = self.path.stat().st_mtime
        except (FileNotFoundError, NotADirectoryError):
            return None
        import json  # as good as always there is no order

        try:
            found = json.loads(text)
            until = None if found["until"] is None else from_text(found["until"])
            return Order(str(found["key"]), from_text(found["begun_at"]), until, str(found[self._text_key]))
        except (ValueError, KeyError, TypeError):
            return Order(UNREADABLE, datetime.fromtimestamp(given_at).astimezone())

    def _unwritable(self, error: OSError) -> CatalogError:
        return CatalogError(f"{self._state_dir}: can't be written: {error.strerror}", hint="check the state folder")


class OrderWatch:
    """Follows an order while tlsync runs. Once it was seen, its span is counted on a clock that nobody sets."""

    def __init__(self, file: OrderFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._key = ""
        self._ends_s = 0.0

    def current(self) -> Order | None:
        """The order in force, its end told by the wall clock as it is now. One that is over is removed.

        Raises:
            OSError: It can't be looked at; what held before holds.
            CatalogError: It is over, and can't be removed.
        """
        order = self._file.read()
        if order is None:
            return None
        left_s = order.left_s(self._clock.now())
        if left_s is None:
            return order
        if order.key != self._key:
            self._key, self._ends_s = order.key, self._clock.monotonic_s() + left_s
        left_s = self._ends_s - self._clock.monotonic_s()
        if left_s > 0:
            return order._replace(until=self._clock.now() + timedelta(seconds=left_s))
        if (now_there := self._file.read()) is not None and now_there.key == order.key:
            self._file.lift()
        return None
