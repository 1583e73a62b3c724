from __future__ import annotations

from collections.abc import Callable

from tests.conftest import FakeClock
from tlsync.mirror.memo import Memo
from tlsync.mirror.nodes import File


class Maker:
    def __init__(self, value: object = None) -> None:
        self.times = 0
        self.value = value

    def __call__(self) -> object:
        self.times += 1
        return self.value


def memo_of(clock: FakeClock, version: Callable[[], object] = lambda: 1, most_bytes: int = 1 << 20) -> Memo:
    return Memo(version, clock, most_bytes=most_bytes)


def test_a_value_is_made_once_while_nothing_changes(fake_clock: FakeClock) -> None:
    memo, maker = memo_of(fake_clock), Maker()
    for _ in range(20):
        memo.get("a", maker)
        fake_clock.advance(1)
    assert maker.times == 1
    fake_clock.advance(30)
    memo.get("a", maker)
    assert maker.times == 2


def test_a_change_is_seen_after_a_moment_and_not_at_once(fake_clock: FakeClock) -> None:
    """A daemon at work writes many times a second."""
    versions = iter(range(10_000))
    memo, maker = memo_of(fake_clock, lambda: next(versions)), Maker()
    for _ in range(100):
        memo.get("a", maker)
        fake_clock.advance(0.1)
    assert 4 <= maker.times <= 6


def test_what_was_not_used_for_longest_goes_first(fake_clock: FakeClock) -> None:
    memo = memo_of(fake_clock, most_bytes=3000)
    makers = {name: Maker({"file": File(b"x" * 900, 0)}) for name in "abc"}
    for name in "abac":
        memo.get(name, makers[name])
    memo.get("a", makers["a"])
    assert makers["a"].times == 1
    memo.get("b", makers["b"])
    assert makers["b"].times == 2


def test_a_value_larger_than_all_room_is_kept_while_it_is_the_newest(fake_clock: FakeClock) -> None:
    memo, large = memo_of(fake_clock, most_bytes=1000), Maker({"file": File(b"x" * 5000, 0)})
    memo.get("large", large)
    memo.get("large", large)
    assert large.times == 1
    memo.get("small", Maker())
    memo.get("large", large)
    assert large.times == 2
