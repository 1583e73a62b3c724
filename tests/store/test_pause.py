"""A pause lasts as long as was asked for, whatever happens to clocks, processes and the file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tlsync.errors import CatalogError
from tlsync.store.pause import PauseWatch, begin, find, lift

HOUR_S = 3600.0


class JumpyClock(FakeClock):
    """Somebody sets the wall clock; the other one goes on."""

    def jump(self, seconds: float) -> None:
        self._start += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> JumpyClock:
    return JumpyClock()


def test_it_ends_by_itself_and_leaves_nothing(tmp_path: Path, clock: JumpyClock) -> None:
    begin(tmp_path, clock.now(), 2 * HOUR_S, "on a call")
    watch = PauseWatch(tmp_path, clock)
    found = watch.current()
    assert found is not None
    assert (found.until, found.reason) == (clock.now() + timedelta(hours=2), "on a call")
    clock.advance(2 * HOUR_S - 1)
    assert watch.current() is not None
    clock.advance(1)
    assert watch.current() is None
    assert list(tmp_path.iterdir()) == []


def test_without_an_end_it_lasts_until_it_is_lifted(tmp_path: Path, clock: JumpyClock) -> None:
    begin(tmp_path, clock.now(), None)
    watch = PauseWatch(tmp_path, clock)
    clock.advance(1000 * HOUR_S)
    assert watch.current() is not None
    assert lift(tmp_path) is True
    assert watch.current() is None
    assert lift(tmp_path) is False


@pytest.mark.parametrize("jump_s", [5 * HOUR_S, -5 * HOUR_S, 1e8, -1e8])
def test_setting_the_clock_changes_nothing_while_it_is_followed(
    tmp_path: Path, clock: JumpyClock, jump_s: float
) -> None:
    begin(tmp_path, clock.now(), HOUR_S)
    watch = PauseWatch(tmp_path, clock)
    assert watch.current() is not None
    clock.jump(jump_s)
    clock.advance(HOUR_S / 2)
    found = watch.current()
    assert found is not None
    assert found.until == clock.now() + timedelta(hours=0.5)  # told by the clock as it is now
    clock.advance(HOUR_S / 2)
    assert watch.current() is None
    clock.jump(-2 * jump_s)
    assert PauseWatch(tmp_path, clock).current() is None  # and it does not come back


def test_a_restart_goes_on_with_what_is_left(tmp_path: Path, clock: JumpyClock) -> None:
    begin(tmp_path, clock.now(), HOUR_S)
    assert PauseWatch(tmp_path, clock).current() is not None
    clock.advance(HOUR_S / 2)
    watch = PauseWatch(tmp_path, clock)
    assert watch.current() is not None
    clock.advance(HOUR_S / 2)
    assert watch.current() is None


def test_a_clock_set_back_before_a_restart_costs_the_span_once_more_and_not_years(
    tmp_path: Path, clock: JumpyClock
) -> None:
    begin(tmp_path, clock.now(), HOUR_S)
    clock.jump(-1e8)
    watch = PauseWatch(tmp_path, clock)
    assert watch.current() is not None
    clock.advance(HOUR_S)
    assert watch.current() is None


def test_a_new_pause_replaces_the_old_one(tmp_path: Path, clock: JumpyClock) -> None:
    watch = PauseWatch(tmp_path, clock)
    begin(tmp_path, clock.now(), HOUR_S)
    assert watch.current() is not None
    begin(tmp_path, clock.now(), 3 * HOUR_S, "longer")
    clock.advance(2 * HOUR_S)
    found = watch.current()
    assert found is not None and found.reason == "longer"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"until": 7}', b"\xff\xfe", b'{"key": "x", "until": "tomorrow"}'])
def test_what_is_no_longer_readable_holds_and_says_how_to_end_it(
    tmp_path: Path, clock: JumpyClock, text: bytes
) -> None:
    """Somebody asked for it: going on would be the worse mistake."""
    (tmp_path / "pause.json").write_bytes(text)
    for found in (find(tmp_path, clock.now()), PauseWatch(tmp_path, clock).current()):
        assert found is not None and found.until is None
        assert "tlsync resume removes it" in found.reason
    assert lift(tmp_path) is True


def test_no_folder_is_no_pause(tmp_path: Path, clock: JumpyClock) -> None:
    assert find(tmp_path / "nowhere", clock.now()) is None
    assert lift(tmp_path / "nowhere") is False


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, clock: JumpyClock) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(CatalogError, match="can't be used"):
        begin(tmp_path / "state", clock.now(), None)
    assert find(tmp_path / "state", clock.now()) is None
