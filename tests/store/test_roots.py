"""What the catalog knows of roots, also when it was made by an earlier version or can't be opened as usual."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tlsync.clock import SystemClock
from tlsync.store import reader as reader_module
from tlsync.store.reader import CatalogReader
from tlsync.store.store import Store


def as_it_was(state_dir: Path, *, is_online: bool) -> None:
    """A catalog with one root, of the version before roots had a condition."""
    with Store(state_dir, SystemClock()) as store:
        row = store.roots.ensure(Path("/footage"), "clips")
        if is_online:
            store.roots.set_health(row.id, "online", "", ends_hang=False)
    connection = sqlite3.connect(state_dir / "catalog.db", isolation_level=None)
    for column in ("volume", "condition", "held", "note"):
        connection.execute(f"ALTER TABLE roots DROP COLUMN {column}")
    connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'third_schema'")
    connection.close()


@pytest.mark.parametrize("is_online", [True, False])
def test_an_earlier_catalog_gets_the_new_columns(state_dir: Path, is_online: bool) -> None:
    as_it_was(state_dir, is_online=is_online)
    with Store(state_dir, SystemClock()) as store:
        row = store.roots.ensure(Path("/footage"), "clips")
    assert row.condition == ("online" if is_online else "offline")
    assert (row.volume, row.held, row.note) == (None, "", "")


def test_an_earlier_catalog_is_read_as_it_is(state_dir: Path) -> None:
    """`status` after an update, before the daemon was started again."""
    as_it_was(state_dir, is_online=True)
    with CatalogReader(state_dir) as reader:
        root = reader.roots()[0]
    assert (root["online"], root["condition"], root["note"]) == (True, "online", "")


def test_a_catalog_on_a_full_disk_is_read_with_a_note(
    store: Store, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader shares a small file with the writer; where that can't be made, the catalog itself is read."""
    store.roots.ensure(Path("/footage"), "clips")
    store.close()
    real = reader_module._connect

    def no_room(path: Path, how: str) -> sqlite3.Connection:
        if how == "mode=ro":
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMSIZE
            raise error
        return real(path, how)

    monkeypatch.setattr(reader_module, "_connect", no_room)
    with CatalogReader(state_dir) as reader:
        assert [root["path"] for root in reader.roots()] == ["/footage"]
        assert "disk full" in reader.note


def test_adopting_forgets_what_a_root_was_known_by(store: Store) -> None:
    row = store.roots.ensure(Path("/footage"), "clips")
    store.roots.set_identity(row.id, volume="uuid:aa", inode=7)
    store.roots.hold(row.id, "held: 30 of 100 known files are gone")
    store.roots.adopt(row.id)
    after = store.roots.get(row.id)
    assert (after.volume, after.inode, after.held) == (None, None, "")
