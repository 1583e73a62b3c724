"""Whatever comes in whatever order, what the ledger says of a day and a month is within the caps."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.engine.caps_desk import CapsDesk, content, file
from tlsync.engine.cap_terms import caps_of
from tlsync.errors import CapReached, Interrupted, Rejected, Unreachable
from tlsync.models import ContentId
from tlsync.store.spending import Amounts, Used
from tlsync.store.spending_reader import SpendingReader

_CHUNK_BYTES = 40
_HOUR_S = 3600


_TOP = {
    "minutes_per_day": 8,
    "minutes_per_month": 20,
    "bytes_per_day": 400,
    "bytes_per_month": 1000,
    "money_per_day": 14,
    "money_per_month": 40,
}


@st.composite
def some_caps(draw: st.DrawFn) -> dict[str, Any]:
    names = draw(st.lists(st.sampled_from(sorted(_TOP)), min_size=1, max_size=2, unique=True))
    return {name: draw(st.integers(_TOP[name] // 3, _TOP[name])) for name in names}


def assert_within(desk: CapsDesk) -> None:
    """Every day and month of the ledger, not only today's."""
    usages = SpendingReader(desk.folder).days(desk.spending.today().replace(year=2020))
    caps = caps_of(desk.caps_settings)
    for cap in caps:
        sums: dict[str, int] = {}
        for usage in usages:
            period = usage.day if cap.period == "day" else usage.day[:7]
            sums[period] = sums.get(period, 0) + cap.of(usage.amounts)
        for period, total in sums.items():
            assert total <= cap.limit, f"{cap.name} = {cap.limit}: {total} in {period}"


def life_of(desk: CapsDesk, number: int, luck: Random) -> Iterator[None]:
    """A file's way, one move at a time; it ends where a cap, the platform or the line ends it."""
    one = content(number, minutes=luck.choice([0.5, 1, 2, 3]), size_bytes=luck.choice([30, 100, 250]))
    caps = desk.caps
    with suppress(CapReached, Rejected, Unreachable, Interrupted):
        caps.let_in(file(number), one, one.size_bytes)
        yield
        caps.let_in(file(number), one, one.size_bytes)
        for sent in range(0, one.size_bytes, _CHUNK_BYTES):
            size_bytes, wasted = min(_CHUNK_BYTES, one.size_bytes - sent), 0
            while True:
                day = caps.begin_chunk(one.id, size_bytes, wasted)
                yield
                is_cut = luck.random() < 0.2
                wasted = luck.randrange(size_bytes) if is_cut else size_bytes
                caps.sent(one.id, f"upload{number}", day, wasted)
                yield
                if not is_cut:
                    break
        for order in (caps.order_indexing, caps.order_text):
            with order(one, f"{order.__name__} {number}") as receipt:
                yield
                fate = luck.random()
                if fate < 0.1:
                    raise Rejected("no")
                if fate < 0.2:
                    raise Unreachable("lost", maybe_applied=True)
                receipt.tokens = luck.randrange(4000) if order is caps.order_text else None
            yield
    desk.gone.add(one.id)


@settings(max_examples=60)
@given(st.integers(0, 2**32), some_caps())
@example(66, {"bytes_per_day": 300})  # a clock that is put back in the middle of an upload
def test_caps_hold_under_any_interleaving(seed: int, caps: dict[str, Any]) -> None:
    """Files, retries, crashes, questions by hand, midnights, and a clock that somebody sets."""
    luck = Random(seed)
    fast = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=fast if fast.is_dir() else None) as folder:
        desk = CapsDesk(Path(folder), caps)
        try:
            lives: list[Iterator[None]] = []
            for number in range(70):
                fate = luck.random()
                if fate < 0.35:
                    lives.append(life_of(desk, number, luck))
                elif fate < 0.55:
                    desk.clock.advance(_HOUR_S * luck.choice([1, 26, 26, 24 * 20, -26, -26]))
                elif fate < 0.58:
                    lives.clear()  # killed: what is in memory is gone
                    desk.restart()
                elif fate < 0.65:
                    with suppress(CapReached), desk.caps.order("search", f"q{number}", Amounts(money_micros=250_000)):
                        pass
                for life in luck.sample(lives, min(len(lives), 4)):
                    with suppress(StopIteration):
                        next(life)
                assert_within(desk)
        finally:
            desk.spending.close()


def test_caps_hold_with_many_threads_and_two_processes(tmp_path: Path) -> None:
    desk = CapsDesk(tmp_path, {"minutes_per_day": 7, "bytes_per_day": 900, "money_per_day": 13})
    beside = CapsDesk(tmp_path, {"money_per_day": 13})
    mistakes: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for turn in range(4):
                for _ in life_of(desk, thread * 100 + turn, Random(thread * 100 + turn)):
                    pass
                with suppress(CapReached), beside.caps.order("search", f"{thread}-{turn}", Amounts(0, 0, 250_000)):
                    pass
        except BaseException as error:
            mistakes.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = desk.spending.used("USD")
    assert not mistakes
    assert used != Used()
    assert_within(desk)
    desk.spending.close()
    beside.spending.close()


def test_the_test_can_fail(tmp_path: Path) -> None:
    """Bytes that nobody asked room for are found."""
    desk = CapsDesk(tmp_path, {"bytes_per_day": 10})
    desk.caps.sent(ContentId(1), "u1", desk.spending.today(), 11)
    try:
        assert_within(desk)
    except AssertionError:
        return
    finally:
        desk.spending.close()
    raise AssertionError("11 bytes were taken for 10")
