"""A reader delivers all that is wanted, in order, and notes its place only afterwards."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.notices.conftest import Catalog, MakeReader, Memory
from tlsync.errors import Interrupted
from tlsync.notices.events import Event, of_daemon
from tlsync.notices.reader import Reader
from tlsync.states import FileState as S

AT = datetime(2026, 1, 2, tzinfo=UTC)


def rounds(reader: Reader, catalog: Catalog, *events: Event) -> None:
    reader.tell(catalog.store.cursors.newest(), events)
    while reader.round():
        pass


def place(catalog: Catalog, name: str = "reader") -> int:
    return catalog.store.cursors.begin([name])[name]


def test_only_what_comes_after_the_start_is_told(catalog: Catalog, make_reader: MakeReader) -> None:
    catalog.take("before.mp4")
    memory = Memory()
    reader = make_reader(memory)
    for number in range(7):
        catalog.take(f"{number}.mp4")
    rounds(reader, catalog)
    assert memory.told() == [f"enriched {number}.mp4" for number in range(7)]


def test_a_folder_limits_what_is_told(catalog: Catalog, make_reader: MakeReader) -> None:
    memory = Memory()
    reader = make_reader(memory, folder=Path("/footage/day"))
    catalog.take("a.mp4")
    catalog.take("day/b.mp4")
    rounds(reader, catalog)
    assert memory.told() == ["enriched b.mp4"]


def test_the_place_is_kept_once_a_second_while_events_are_told(catalog: Catalog, make_reader: MakeReader) -> None:
    reader = make_reader(Memory())
    catalog.take("a.mp4")
    rounds(reader, catalog)
    assert place(catalog) == 0
    catalog.clock.advance(1.0)
    rounds(reader, catalog)
    assert place(catalog) == catalog.store.cursors.newest()


def test_what_was_cut_off_is_told_again(catalog: Catalog, make_reader: MakeReader) -> None:
    """The process dies in the second delivery: the next one begins before that, and not before the first."""

    def stop_at_b(event: Event) -> str:
        if event.path == Path("/footage/b.mp4"):
            raise Interrupted("stopped")
        catalog.clock.advance(2.0)
        return ""

    memory = Memory(most_at_once=1, refuse=stop_at_b)
    reader = make_reader(memory)
    catalog.take("a.mp4")
    catalog.take("b.mp4")
    with pytest.raises(Interrupted):
        rounds(reader, catalog)
    again = Memory()
    rounds(make_reader(again), catalog)
    assert (memory.told(), again.told()) == (["enriched a.mp4"], ["enriched b.mp4"])


def test_what_a_sender_holds_does_not_count_as_told(catalog: Catalog, make_reader: MakeReader) -> None:
    memory = Memory(is_held=True)
    reader = make_reader(memory)
    catalog.take("a.mp4")
    rounds(reader, catalog)
    catalog.clock.advance(60.0)
    rounds(reader, catalog)
    assert place(catalog) == 0
    memory.is_held = False
    rounds(reader, catalog)
    assert place(catalog) == catalog.store.cursors.newest()


def test_trouble_is_noted_at_once_and_its_end_too(catalog: Catalog, make_reader: MakeReader) -> None:
    troubles = iter(["exit code 1", ""])
    noted: list[str] = []

    def refuse(event: Event) -> str:
        rows = catalog.store.cursors._db.rows("SELECT trouble FROM cursors")
        noted.append(rows[0]["trouble"])
        return next(troubles)

    reader = make_reader(Memory(refuse=refuse))
    catalog.take("a.mp4")
    catalog.take("b.mp4")
    rounds(reader, catalog)
    assert noted == ["", "exit code 1"]
    assert catalog.store.cursors._db.rows("SELECT trouble FROM cursors")[0]["trouble"] == ""


def test_a_sender_with_a_mistake_does_not_stand_still(
    catalog: Catalog, make_reader: MakeReader, caplog: pytest.LogCaptureFixture
) -> None:
    def break_at_a(event: Event) -> str:
        if event.path == Path("/footage/a.mp4"):
            raise ZeroDivisionError
        return ""

    memory = Memory(most_at_once=1, refuse=break_at_a)
    reader = make_reader(memory)
    catalog.take("a.mp4")
    catalog.take("b.mp4")
    rounds(reader, catalog)
    assert memory.told() == ["enriched b.mp4"]
    assert "could not be told" in caplog.text


def test_idle_comes_after_the_files_that_it_sums_up(catalog: Catalog, make_reader: MakeReader) -> None:
    memory = Memory(most_at_once=1)
    reader = make_reader(memory, on=("enriched", "idle", "paused"))
    catalog.take("a.mp4")
    catalog.take("b.mp4")
    rounds(reader, catalog, of_daemon("idle", AT), of_daemon("paused", AT), of_daemon("resumed", AT))
    assert memory.told() == ["paused -", "enriched a.mp4", "enriched b.mp4", "idle -"]


def test_what_is_linked_anew_is_no_news(catalog: Catalog, make_reader: MakeReader) -> None:
    memory = Memory()
    reader = make_reader(memory)
    catalog.take("a.mp4")
    reader.skip_to(catalog.store.cursors.newest())
    rounds(reader, catalog)
    catalog.take("b.mp4")
    rounds(reader, catalog)
    assert memory.told() == ["enriched b.mp4"]


def test_moves_that_nobody_wants_are_passed_by_with_few_commits(catalog: Catalog, make_reader: MakeReader) -> None:
    reader = make_reader(Memory(), on=("failed",))
    catalog.take("a.mp4", (S.SETTLING,))
    catalog.clock.advance(5.0)
    rounds(reader, catalog)
    assert place(catalog) == 0
    catalog.clock.advance(30.0)
    rounds(reader, catalog)
    assert place(catalog) == catalog.store.cursors.newest()


def test_the_thread_ends_when_all_is_told(catalog: Catalog, make_reader: MakeReader) -> None:
    memory = Memory()
    reader = make_reader(memory)
    catalog.take("a.mp4")
    reader.start()
    reader.end(catalog.store.cursors.newest())
    reader.join(30.0)
    assert reader.is_done
    assert memory.told() == ["enriched a.mp4"]
    assert place(catalog) == catalog.store.cursors.newest()
