"""The gate through which files change their state."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tlsync.errors import CatalogError
from tlsync.models import MediaInfo, StatSignature
from tlsync.states import FileState, may_move
from tlsync.store.catalog import FileRow, StaleMove
from tlsync.store.store import Store

SIGNATURE = StatSignature(size_bytes=10, mtime_ns=1, ctime_ns=2, inode=3)
MEDIA = MediaInfo(kind="video", duration_s=5.0, container="mp4", width=640, height=360, fps="25/1")


@pytest.fixture
def root_id(store: Store) -> int:
    return store.roots.ensure(Path("/footage"), "clips").id


def add(store: Store, root_id: int, name: str = "a.mp4") -> FileRow:
    return store.catalog.add(root_id, name.encode(), SIGNATURE)  # type: ignore[arg-type]


def histories(store: Store, file: FileRow) -> list[tuple[str | None, str]]:
    rows = store.catalog._db.rows("SELECT from_state, to_state FROM history WHERE file_id = ? ORDER BY id", file.id)
    return [(row[0], row[1]) for row in rows]


def test_a_new_file_is_discovered_with_its_history(store: Store, root_id: int) -> None:
    file = add(store, root_id)
    assert file.state == FileState.DISCOVERED
    assert file.path == Path("/footage/a.mp4")
    assert histories(store, file) == [(None, "discovered")]


def test_adding_a_known_path_changes_nothing(store: Store, root_id: int) -> None:
    file = store.catalog.move(add(store, root_id), FileState.SETTLING)
    assert add(store, root_id) == file


def test_a_move_notes_state_reason_facts_and_history(store: Store, root_id: int) -> None:
    file = store.catalog.move(add(store, root_id), FileState.SETTLING, "may still be written")
    file = store.catalog.move(file, FileState.INELIGIBLE, "too short", error_code="not_eligible", hint="make it longer")
    assert (file.state, file.reason, file.error_code, file.hint) == (
        FileState.INELIGIBLE, "too short", "not_eligible", "make it longer",
    )  # fmt: skip
    assert histories(store, file)[-1] == ("settling", "ineligible")


def test_a_move_that_the_table_forbids_is_refused(store: Store, root_id: int) -> None:
    file = add(store, root_id)
    with pytest.raises(ValueError, match="no way from discovered to enriched"):
        store.catalog.move(file, FileState.ENRICHED)
    assert store.catalog.get(file.id) == file


def test_a_move_from_a_state_that_is_no_longer_true_is_stale(store: Store, root_id: int) -> None:
    file = add(store, root_id)
    store.catalog.move(file, FileState.SETTLING)
    with pytest.raises(StaleMove):
        store.catalog.move(file, FileState.SETTLING)


def test_failed_remembers_where_it_came_from_also_when_it_goes_missing(store: Store, root_id: int) -> None:
    file = store.catalog.move(add(store, root_id), FileState.SETTLING)
    file = store.catalog.move(file, FileState.FAILED, "oops", error_code="x", attempts=1)
    assert file.came_from == FileState.SETTLING
    file = store.catalog.move(file, FileState.MISSING)
    assert file.came_from == FileState.SETTLING
    assert file.error_code is None


def test_a_transaction_is_all_or_nothing(store: Store, root_id: int) -> None:
    file = add(store, root_id)
    with pytest.raises(RuntimeError), store.catalog.transaction():
        store.catalog.move(file, FileState.SETTLING)
        raise RuntimeError("power cut")
    assert store.catalog.get(file.id) == file


def test_names_that_are_not_text_are_kept_byte_by_byte(store: Store, root_id: int) -> None:
    raw = b"caf\xe9 \xff\n.mp4"
    file = store.catalog.add(root_id, raw, SIGNATURE)  # type: ignore[arg-type]
    found = store.catalog.find(root_id, raw)  # type: ignore[arg-type]
    assert found == file
    assert list(store.catalog.below(root_id)) == [raw]  # type: ignore[arg-type]


def test_below_takes_a_folder_and_not_its_namesakes(store: Store, root_id: int) -> None:
    for name in ("day", "day/a.mp4", "day/b/c.mp4", "day2/a.mp4", "day.mp4", "day0.mp4"):
        add(store, root_id, name)
    assert sorted(store.catalog.below(root_id, b"day")) == [b"day/a.mp4", b"day/b/c.mp4"]  # type: ignore[arg-type]


def test_relocate_keeps_ids_and_history_of_the_old_row(store: Store, root_id: int) -> None:
    content = store.contents.add(10, "fp", MEDIA)
    old = store.catalog.move(add(store, root_id, "old.mp4"), FileState.SETTLING)
    old = store.catalog.move(old, FileState.IDENTIFIED, content_id=content.id)
    old = store.catalog.move(old, FileState.READY)
    old = store.catalog.move(old, FileState.MISSING, "no longer there")
    arrived = add(store, root_id, "new.mp4")
    moved = store.catalog.relocate(old, arrived)
    assert (moved.id, moved.path.name, moved.state) == (old.id, "new.mp4", FileState.READY)
    assert store.catalog.get(arrived.id) is None
    assert len(histories(store, moved)) == 6


def test_counts_name_every_state(store: Store, root_id: int) -> None:
    add(store, root_id)
    counts = store.catalog.counts()
    assert set(counts) == set(FileState)
    assert sum(counts.values()) == counts[FileState.DISCOVERED] == 1


@pytest.mark.parametrize("old", list(FileState))
def test_any_state_may_fail_or_go_missing(old: FileState) -> None:
    for new in (FileState.FAILED, FileState.MISSING):
        assert may_move(old, new) == (old != new)


def test_a_catalog_of_a_newer_tlsync_is_refused_untouched(state_dir: Path, store: Store) -> None:
    store.close()
    connection = sqlite3.connect(state_dir / "catalog.db")
    connection.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('tlsync', 'from_the_future', '')"
    )
    connection.commit()
    connection.close()
    with pytest.raises(CatalogError, match="newer tlsync"):
        Store(state_dir, store.catalog._clock)


def test_a_file_that_is_no_database_is_a_clear_error(state_dir: Path, store: Store) -> None:
    store.close()
    for leftover in state_dir.glob("catalog.db*"):
        leftover.unlink()
    (state_dir / "catalog.db").write_bytes(b"this is not a database, whatever its name says" * 100)
    with pytest.raises(CatalogError, match="damaged"):
        Store(state_dir, store.catalog._clock)


def test_a_catalog_belongs_to_one_platform(store: Store) -> None:
    store.bind("https://api.example.com/v1.3")
    store.bind("https://api.example.com/v1.3")
    with pytest.raises(CatalogError, match=r"belongs to https://api\.example\.com"):
        store.bind("http://127.0.0.1:1/v1.3")


def test_state_files_are_for_their_owner_only(state_dir: Path, store: Store) -> None:
    add(store, store.roots.ensure(Path("/footage"), "clips").id)
    for path in state_dir.glob("catalog.db*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_another_index_name_forgets_the_index_id(store: Store) -> None:
    root = store.roots.ensure(Path("/footage"), "clips")
    store.roots.set_index("clips", "65f0b0000000000000000a01", ("marengo3.0",))  # type: ignore[arg-type]
    assert store.roots.ensure(Path("/footage"), "clips").index_id == "65f0b0000000000000000a01"
    assert store.roots.ensure(Path("/footage"), "others").index_id is None
    assert store.roots.get(root.id).index_name == "others"
