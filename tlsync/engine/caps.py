"""The caps of the settings: what may still be sent and ordered, what is under way, and which files wait for room.

Kept here: at any moment what a day (or month) has used up, what is set aside for files under way, and what is let in
now are together within each cap. What is let in is set aside until it is spent, so workers can't take the same room.
An upload that goes on over midnight asks for room again before its next chunk; a chunk counts for the day on which it
began. So neither midnight nor a clock that is put on or back lets more through than a day's cap for that day.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from tlsync.config import CapSettings, PriceSettings
from tlsync.engine import prices as price_list
from tlsync.engine.cap_queue import CapQueue, Waiting
from tlsync.engine.cap_terms import Cap, Holding, caps_of, describe, words_for
from tlsync.engine.receipt import Receipt
from tlsync.errors import ApiError, CapReached, CatalogError
from tlsync.models import ContentId, FileId
from tlsync.store.spending import Amounts, Spending, Used

if TYPE_CHECKING:  # a search counts its cost, too, and needs no more of the catalog than it reads
    from tlsync.store.catalog import FileRow
    from tlsync.store.contents import Content

log = logging.getLogger(__name__)

_LONGEST_LOOK_S = 3600.0
"""Wall clocks jump; a look every so often keeps a jump from holding a file for longer."""
_SEEN_FOR_S = 2.0
_NOTHING = Amounts()


@dataclass(frozen=True, slots=True)
class _Place:
    """What is set aside for a content under way, on the day on which it was let in."""

    day: date
    need: Amounts


class Caps:
    """Asked before anything that is billed or capped. May be used from many threads."""

    def __init__(
        self,
        caps: CapSettings,
        prices: PriceSettings,
        spending: Spending,
        is_under_way: Callable[[ContentId], bool] = lambda content_id: True,
    ) -> None:
        """
        Args:
            is_under_way: Whether a content that was let in still is; else what was set aside for it is free again.
        """
        self._caps = caps_of(caps)
        self._prices = prices
        self._spending = spending
        self._is_under_way = is_under_way
        self._lock = threading.RLock()
        self._places: dict[ContentId, _Place] = {}
        self._queue = CapQueue()
        self._seen: tuple[date, float, Used] | None = None
        self._cleared_s = -math.inf
        self._has_complained = False

    # Uploads

    def let_in(self, file: FileRow, content: Content, left_bytes: int) -> None:
        """Set aside what a file takes until it is searchable and has its texts; what was set aside before is replaced.

        Args:
            left_bytes: What is still to be sent.

        Raises:
            CapReached: There is no room now.
        """
        duration_ms = price_list.to_ms(content.media.duration_s)
        money = price_list.indexing_micros(self._prices, duration_ms)
        money += price_list.text_micros(self._prices, duration_ms)
        self._let_in(content.id, Amounts(left_bytes, duration_ms, money))

    def begin_chunk(self, content_id: ContentId, size_bytes: int, repeated_bytes: int) -> date:
        """Before an attempt at a chunk: the day for which it counts.

        Args:
            repeated_bytes: What went out in an attempt that failed: it goes out again, and needs room of its own.

        Raises:
            CapReached: There is no room now.
        """
        with self._lock:
            place, today = self._places.get(content_id), self._spending.today()
            if place is None:
                self._let_in(content_id, Amounts(size_bytes))
            elif place.day != today or repeated_bytes:
                self._let_in(content_id, place.need + Amounts(repeated_bytes))
            return today

    def sent(self, content_id: ContentId, upload_id: str, day: date, size_bytes: int) -> None:
        """An attempt at a chunk is over, and so many bytes went out."""
        if size_bytes == 0:
            return
        with self._lock:
            self._note(lambda: self._spending.add_bytes(day, upload_id, size_bytes))
            place = self._places.get(content_id)
            if place is not None:
                left = max(0, place.need.size_bytes - size_bytes)
                self._places[content_id] = replace(place, need=replace(place.need, size_bytes=left))

    def let_go(self, content_id: ContentId) -> None:
        """A content is no longer under way: what was set aside for it is free."""
        with self._lock:
            self._places.pop(content_id, None)

    # Paid calls

    @contextmanager
    def order_indexing(self, content: Content, item: str) -> Iterator[Receipt]:
        """Around the call that has a content indexed. Raises as `order`."""
        duration_ms = price_list.to_ms(content.media.duration_s)
        money = price_list.indexing_micros(self._prices, duration_ms)
        with self.order("indexing", item, Amounts(0, duration_ms, money), content_id=content.id) as receipt:
            yield receipt

    def was_indexed(self, item: str) -> None:
        """An order whose answer was lost had its effect."""
        self._note(lambda: self._spending.settle("indexing", item))

    @contextmanager
    def order_text(self, content: Content, item: str) -> Iterator[Receipt]:
        """Around a call that asks for a text about a content. Raises as `order`."""
        duration_ms = price_list.to_ms(content.media.duration_s)
        need = Amounts(money_micros=price_list.text_micros(self._prices, duration_ms))
        with self.order("texts", item, need, content_id=content.id) as receipt:
            yield receipt
            if receipt.tokens is not None:
                receipt.money_micros = price_list.text_micros(self._prices, duration_ms, receipt.tokens)

    @contextmanager
    def order(
        self,
        what: str,
        item: str,
        need: Amounts,
        *,
        content_id: ContentId | None = None,
        is_beyond_caps: bool = False,
    ) -> Iterator[Receipt]:
        """Around a paid call: it is counted before it is made, and taken back if it was refused for certain.

        An answer that was lost, or a process that ended, leaves it counted; the same call again is not counted again.

        Raises:
            CapReached: There is no room for it now; it is not made.
        """
        receipt = Receipt()
        with self._lock:
            check = None if is_beyond_caps or not self._caps else lambda used: self._check(used, need, content_id)
            is_flushed = bool(self._caps)  # else nothing is decided by it, and no call has to wait for the disk
            currency = self._prices.currency
            self._note(lambda: self._spending.order(what, item, need, currency, check, is_flushed=is_flushed))
            place = self._places.get(content_id) if content_id is not None else None
            if content_id is not None and place is not None:
                self._places[content_id] = replace(place, need=_less(place.need, need))
        try:
            yield receipt
        except ApiError as error:
            if not error.maybe_applied:
                self._note(lambda: self._spending.take_back(what, item))
            raise
        if receipt.is_void:
            self._note(lambda: self._spending.take_back(what, item))
        elif not receipt.is_open:
            self._note(lambda: self._spending.settle(what, item, receipt.money_micros))

    # Files that wait

    def hold(self, file: FileRow, error: CapReached) -> float:
        """A file has to wait: seconds until the next look at it."""
        with self._lock:
            if file.content_id is not None:
                self._places.pop(file.content_id, None)
            need = error.need if isinstance(error, NoRoom) else _NOTHING
            return self._look_in_s(self._queue.join(file, need, error.cap))

    def holds_s(self, file: FileRow) -> float | None:
        """Seconds until it is worth another look at a file that waits; None: it may try now, or never waited."""
        with self._lock:
            held = self._queue.find(file.id)
            if held is None:
                return None
            if held.state != file.state:
                self._queue.leave(file.id)
                return None
            try:
                is_full = self._without_room(self._used(), held.need, file.content_id) is not None
                if is_full and self._spending.monotonic_s() - self._cleared_s > _SEEN_FOR_S:
                    self._cleared_s = self._spending.monotonic_s()
                    self._clear_out()
                    is_full = self._without_room(self._used(), held.need, file.content_id) is not None
            except CatalogError:
                is_full = True
            return self._look_in_s(held) if is_full else None

    def went_on(self, file_id: FileId) -> None:
        """A file that may have waited got further."""
        with self._lock:
            self._queue.leave(file_id)

    def held_by(self, file_id: FileId) -> CapReached | None:
        """Why a file waits for room, for another one that waits for it; None: it does not."""
        with self._lock:
            held = self._queue.find(file_id)
            if held is None:
                return None
            try:
                self._check(self._used(), held.need, None)
            except CapReached as error:
                return error
            return None

    def report(self, file_ids: Iterable[FileId]) -> list[dict[str, Any]]:
        """Each cap with the keys of `status --json`, and how many of these files it holds.

        Raises:
            CatalogError: The ledger can't be read.
        """
        with self._lock:
            if not self._caps:
                return []
            limits = {cap.name: cap for cap in self._caps}
            waiting = self._queue.among(file_ids)
            held = [Holding(one.cap, limits[one.cap].is_less_than(one.need)) for one in waiting]
            today, zone = self._spending.today(), self._spending.zone
            return [describe(cap, self._used(), today, zone, held) for cap in self._caps]

    def reached(self) -> list[dict[str, Any]]:
        """The caps that files wait for, with the keys of an error in `status --json`."""
        with self._lock:
            names = self._queue.caps
        return [
            {
                "code": CapReached.code,
                "message": f"caps.{cap.name} = {cap.said_limit} is reached: files wait for room",
                "hint": "tlsync status says how many, and until when",
            }
            for cap in self._caps
            if cap.name in names
        ]

    # Inside

    def _let_in(self, content_id: ContentId, need: Amounts) -> None:
        if not self._caps:
            return
        with self._lock:
            self._check(self._used(), need, content_id)  # quick for the many that have no room
            self._check(self._spending.used(self._prices.currency), need, content_id)
            self._places[content_id] = _Place(self._spending.today(), need)

    def _used(self) -> Used:
        """What is used up, at most a moment old: for many files that wait, and for `status`."""
        today, now_s = self._spending.today(), self._spending.monotonic_s()
        if self._seen is None or self._seen[0] != today or now_s - self._seen[1] > _SEEN_FOR_S:
            self._seen = today, now_s, self._spending.used(self._prices.currency)
        return self._seen[2]

    def _check(self, used: Used, need: Amounts, content_id: ContentId | None) -> None:
        """Raises:
        NoRoom: Some cap has no room beside what is used up and what is set aside for others.
        """
        cap = self._without_room(used, need, content_id)
        if cap is not None and self._clear_out():
            cap = self._without_room(used, need, content_id)
        if cap is None:
            return
        resets_at = None
        if not cap.is_less_than(need):
            resets_at = cap.resets_at(self._spending.today(), self._spending.zone)
        taken = cap.used(used) + cap.of(self._set_aside(content_id))
        message, hint = words_for(cap, cap.of(need), taken, resets_at, self._spending.zone)
        raise NoRoom(message, cap=cap.name, resets_at=resets_at, need=need, hint=hint)

    def _without_room(self, used: Used, need: Amounts, content_id: ContentId | None) -> Cap | None:
        """Of the caps without room the one that keeps something waiting for longest."""
        others = self._set_aside(content_id)
        full = [
            cap for cap in self._caps if cap.of(need) > 0 and cap.used(used) + cap.of(others) + cap.of(need) > cap.limit
        ]
        return max(full, key=lambda cap: (cap.is_less_than(need), cap.period == "month"), default=None)

    def _set_aside(self, content_id: ContentId | None) -> Amounts:
        """What is set aside for all others."""
        return sum((place.need for key, place in self._places.items() if key != content_id), _NOTHING)

    def _clear_out(self) -> bool:
        """Forget what was set aside for contents that ended in another way: failed, vanished, were forgotten."""
        over = [key for key in self._places if not self._is_under_way(key)]
        for key in over:
            del self._places[key]
        return bool(over)

    def _look_in_s(self, held: Waiting) -> float:
        cap = next((cap for cap in self._caps if cap.name == held.cap), None)
        if cap is None or cap.is_less_than(held.need):
            return _LONGEST_LOOK_S
        resets_at = cap.resets_at(self._spending.today(), self._spending.zone)
        return min(_LONGEST_LOOK_S, max(0.0, (resets_at - self._spending.now()).total_seconds())) + held.turn_s

    def _note(self, act: Callable[[], object]) -> None:
        """Without caps the ledger is for people only, and its disk holds nothing up."""
        try:
            self._seen = None
            act()
        except CatalogError as error:
            if self._caps:
                raise
            if not self._has_complained:
                self._has_complained = True
                log.warning("what is spent can't be noted reason=%s", error.message)


class NoRoom(CapReached):
    """As it is raised here: with what there was no room for."""

    def __init__(self, message: str, *, cap: str, resets_at: datetime | None, need: Amounts, hint: str) -> None:
        super().__init__(message, cap=cap, resets_at=resets_at, hint=hint)
        self.need = need


def _less(need: Amounts, spent: Amounts) -> Amounts:
    return Amounts(
        need.size_bytes,
        max(0, need.duration_ms - spent.duration_ms),
        max(0, need.money_micros - spent.money_micros),
    )
