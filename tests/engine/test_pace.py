"""Rates come from what storage has confirmed, and survive chunks that take minutes."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import FakeClock
from tlsync.engine.pace import Pace
from tlsync.engine.progress import TransferBoard

CLIP = Path("/footage/a.mov")


def test_without_anything_confirmed_nothing_is_known() -> None:
    pace = Pace()
    for second in range(100):
        pace.note(second, {"a": 500})
    assert pace.rate("a") is None
    assert pace.rate("b") is None


def test_a_steady_upload_has_its_rate_and_a_halted_one_fades() -> None:
    pace = Pace()
    for second in range(100):
        pace.note(second, {"a": second // 4 * 400})
    rate = pace.rate("a")
    assert rate is not None and 85 <= rate <= 105
    for second in range(100, 200):
        pace.note(second, {"a": 99 // 4 * 400})
    slower = pace.rate("a")
    assert slower is not None and 0 < slower < 50


def test_a_change_of_speed_is_seen_within_half_a_minute() -> None:
    pace = Pace()
    for second in range(200):
        pace.note(second, {"a": second * 10})
    for second in range(35):
        pace.note(200 + second, {"a": 2000 + second * 1000})
    rate = pace.rate("a")
    assert rate is not None and rate > 850


def test_chunks_of_minutes_give_a_rate_all_the_same() -> None:
    pace = Pace()
    for second in range(1200):
        pace.note(second, {"a": second // 200 * 8_000_000})
    rate = pace.rate("a")
    assert rate is not None and 30_000 <= rate <= 42_000


def test_what_begins_anew_or_ends_is_forgotten() -> None:
    pace = Pace()
    pace.note(0, {"a": 0})
    pace.note(10, {"a": 1000})
    pace.note(11, {"a": 0})
    assert pace.rate("a") is None
    pace.note(21, {"a": 10})
    assert pace.rate("a") == 1.0
    pace.note(22, {})
    assert pace.rate("a") is None


def test_the_board_counts_over_files_and_not_what_an_earlier_run_sent(fake_clock: FakeClock) -> None:
    board = TransferBoard(fake_clock)
    board.confirmed(CLIP, 5000, 9000)
    fake_clock.advance(10)
    board.confirmed(CLIP, 6000, 9000)
    other = CLIP.with_name("b.mov")
    board.confirmed(other, 0, 9000)
    fake_clock.advance(10)
    board.confirmed(other, 2000, 9000)
    assert board.bytes_per_s() == 150
    assert [(one["bytes_done"], one["bytes_per_s"]) for one in board.report()] == [(6000, 50), (2000, 200)]
    board.drop(CLIP)
    assert [one["path"] for one in board.report()] == [str(other)]
    board.drop(other)
    assert board.bytes_per_s() == 0
