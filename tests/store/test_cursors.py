"""Places in the history: nothing is lost behind one, nothing comes twice."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlite_utils import Database

from tlsync.clock import SystemClock
from tlsync.models import RootId, StatSignature
from tlsync.states import FileState as S
from tlsync.store import cursors as cursors_module
from tlsync.store.catalog import FileRow
from tlsync.store.migrations import catalog_schema
from tlsync.store.reader import CatalogReader
from tlsync.store.store import Store

LOOK = StatSignature(10, 1, 1, 1)


def root_of(store: Store) -> RootId:
    return store.roots.ensure(Path("/footage"), "clips").id


def add(store: Store, name: str) -> FileRow:
    return store.catalog.add(root_of(store), name.encode(), LOOK)


def test_moves_come_in_order_and_only_those_asked_for(store: Store) -> None:
    one = store.catalog.move(add(store, "one"), S.SETTLING)
    store.catalog.move(one, S.INELIGIBLE, "no media")
    store.catalog.move(add(store, "two"), S.FAILED, "broken", hint="mend it")
    found, upto = store.cursors.moves(0, (S.INELIGIBLE, S.FAILED), 10)
    assert [(move.path.name, move.to_state, move.from_state, move.reason, move.hint) for move in found] == [
        ("one", S.INELIGIBLE, S.SETTLING, "no media", ""),
        ("two", S.FAILED, S.DISCOVERED, "broken", "mend it"),
    ]
    assert upto == store.cursors.newest() == 5


def test_a_full_answer_goes_on_at_its_last_move(store: Store) -> None:
    for number in range(5):
        add(store, f"{number}")
    first, upto = store.cursors.moves(0, (S.DISCOVERED,), 2)
    rest, end = store.cursors.moves(upto, (S.DISCOVERED,), 10)
    assert [move.path.name for move in (*first, *rest)] == list("01234")
    assert end == 5


def test_a_long_stretch_without_wanted_moves_is_passed_piece_by_piece(store: Store, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(cursors_module, "_WINDOW", 2)
    for number in range(5):
        add(store, f"{number}")
    assert store.cursors.moves(0, (S.FAILED,), 10) == ([], 2)
    assert store.cursors.moves(2, (S.FAILED,), 10) == ([], 4)
    assert store.cursors.moves(4, (S.FAILED,), 10) == ([], 5)
    assert store.cursors.moves(5, (S.FAILED,), 10) == ([], 5)


def test_numbers_are_not_given_again_after_the_newest_rows_went(store: Store) -> None:
    """A rename deletes the arrival with its history; what comes next must not hide behind a place already kept."""
    add(store, "old")
    arrival = store.catalog.move(add(store, "new"), S.SETTLING)
    place = store.cursors.newest()
    store.catalog.forget(arrival)
    add(store, "next")
    found, _ = store.cursors.moves(place, (S.DISCOVERED,), 10)
    assert [move.path.name for move in found] == ["next"]


def test_an_older_catalog_keeps_its_history_and_its_indexes(tmp_path: Path) -> None:
    """The table is made anew, with all rows, and with whatever index it had."""
    state_dir = tmp_path / "state"
    state_dir.mkdir()
    connection = sqlite3.connect(state_dir / "catalog.db", isolation_level=None)
    steps = [step.name for step in catalog_schema._migrations]
    catalog_schema.apply(Database(connection), stop_before=steps[steps.index("cursors_schema")])
    connection.execute("INSERT INTO roots (path, index_name) VALUES (x'2f66', 'clips')")
    connection.execute(
        "INSERT INTO files (root_id, path, state, size_bytes, mtime_ns, ctime_ns, inode, changed_at)"
        " VALUES (1, x'61', 'settling', 1, 1, 1, 1, '2026-01-01T00:00:00.000Z')"
    )
    for number, state in ((3, "discovered"), (7, "settling")):
        connection.execute(
            "INSERT INTO history (id, file_id, at, to_state, reason) VALUES (?, 1, '2026-01-01T00:00:00.000Z', ?, '')",
            (number, state),
        )
    connection.close()
    with Store(state_dir, SystemClock()) as store:
        found, _ = store.cursors.moves(0, (S.DISCOVERED, S.SETTLING), 10)
        assert [(move.number, move.to_state) for move in found] == [(3, S.DISCOVERED), (7, S.SETTLING)]
    indexes = sqlite3.connect(state_dir / "catalog.db").execute(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'history'"
    )
    assert ("history_by_file",) in indexes.fetchall()


def test_a_new_reader_begins_now_and_a_known_one_where_it_was(store: Store) -> None:
    add(store, "before")
    assert store.cursors.begin(["a"]) == {"a": 1}
    add(store, "after")
    assert store.cursors.begin(["a", "b"]) == {"a": 1, "b": 2}
    store.cursors.keep("a", 2, "")
    assert store.cursors.begin(["a", "b"]) == {"a": 2, "b": 2}


def test_a_reader_that_left_the_settings_begins_anew(store: Store) -> None:
    store.cursors.begin(["a"])
    store.cursors.begin([])
    add(store, "meanwhile")
    assert store.cursors.begin(["a"]) == {"a": 1}


def test_trouble_is_found_by_those_who_only_look(store: Store, state_dir: Path) -> None:
    store.cursors.begin(["a", "b"])
    store.cursors.keep("a", 0, "the hook failed")
    with CatalogReader(state_dir) as reader:
        assert reader.notice_troubles() == ["the hook failed"]
    store.cursors.keep("a", 1, "")
    with CatalogReader(state_dir) as reader:
        assert reader.notice_troubles() == []


def test_busy_is_who_has_files_on_their_way(store: Store) -> None:
    root = root_of(store)
    assert not store.cursors.is_busy([root])
    file = add(store, "one")
    assert store.cursors.is_busy([root])
    assert not store.cursors.is_busy([])
    store.catalog.move(file, S.MISSING)
    assert not store.cursors.is_busy([root])


def test_moves_are_counted_by_their_state(store: Store) -> None:
    store.catalog.move(add(store, "one"), S.SETTLING)
    add(store, "two")
    assert store.cursors.counts(0, 3) == {"discovered": 2, "settling": 1}
    assert store.cursors.counts(2, 3) == {"discovered": 1}
