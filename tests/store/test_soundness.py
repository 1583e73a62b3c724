"""What a catalog is believed: after a clean stop, after a crash, after somebody or something changed its file."""

from __future__ import annotations

import os
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tlsync.errors import CatalogDamaged, CatalogError
from tlsync.models import MediaInfo
from tlsync.store import soundness
from tlsync.store.damage import set_aside
from tlsync.store.reader import CatalogReader
from tlsync.store.store import Store

MEDIA = MediaInfo(kind="video", duration_s=5.0, container="mp4")


@pytest.fixture
def closed(state_dir: Path, fake_clock: FakeClock) -> Path:
    """The file of a catalog that was closed cleanly, with some rows."""
    with Store(state_dir, fake_clock) as store, store.catalog.transaction():
        for number in range(200):
            content = store.contents.add(number, f"f1-{number:064x}", MEDIA)
            store.contents.prove(content.id, f"{number:064x}")
    return state_dir / "catalog.db"


def checks(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every thorough check from now on."""
    made: list[Path] = []
    check = soundness.check
    monkeypatch.setattr(soundness, "check", lambda connection, path: (made.append(path), check(connection, path)))
    return made


def rot(catalog: Path, offset: int) -> None:
    """Flip a bit the way a disk does: no time changes."""
    before = catalog.stat()
    with catalog.open("r+b") as stream:
        stream.seek(offset)
        byte = stream.read(1)[0]
        stream.seek(offset)
        stream.write(bytes([byte ^ 4]))
    os.utime(catalog, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_clean_stop_is_believed_without_a_check(
    closed: Path, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = checks(monkeypatch)
    assert soundness.seal_path(closed).exists()
    with Store(closed.parent, fake_clock):
        assert not soundness.seal_path(closed).exists()
    assert not made


def test_after_a_crash_the_catalog_is_checked(
    closed: Path, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = checks(monkeypatch)
    crashed = tmp_path / "crashed"
    with Store(closed.parent, fake_clock) as store:
        store.begin_rebuilding()
        shutil.copytree(closed.parent, crashed)
    with Store(crashed, fake_clock) as store:
        assert store.is_rebuilding
    assert len(made) == 1


def test_a_week_after_the_last_check_there_is_another(
    closed: Path, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = checks(monkeypatch)
    fake_clock.advance(8 * 86400)
    for _ in range(2):
        Store(closed.parent, fake_clock).close()
    assert len(made) == 1
    with Store(closed.parent, fake_clock) as store:
        fake_clock.advance(8 * 86400)
        store.check_if_due()
        store.check_if_due()
    assert len(made) == 2


@pytest.mark.parametrize("share", [0.0, 0.1, 0.37, 0.62, 0.99])
def test_a_bit_that_rots_anywhere_is_found(closed: Path, fake_clock: FakeClock, share: float) -> None:
    rot(closed, int(closed.stat().st_size * share))
    before = closed.read_bytes()
    with pytest.raises(CatalogDamaged):
        Store(closed.parent, fake_clock)
    assert closed.read_bytes() == before


def test_a_row_that_no_longer_fits_its_index_is_found_after_a_crash(closed: Path, fake_clock: FakeClock) -> None:
    soundness.seal_path(closed).unlink()
    where = closed.read_bytes().rindex(b"%064x" % 77)
    rot(closed, where + 60)
    with pytest.raises(CatalogDamaged):
        Store(closed.parent, fake_clock)


def test_what_another_program_writes_at_once_is_told_from_rot(closed: Path, fake_clock: FakeClock) -> None:
    """Clocks of file systems tick slowly; the seal allows for that."""
    for number in range(5):
        Store(closed.parent, fake_clock).close()
        connection = sqlite3.connect(closed)
        connection.execute("INSERT INTO about VALUES (?, '')", (f"note {number}",))
        connection.commit()
        connection.close()
    Store(closed.parent, fake_clock).close()


def test_names_that_became_garbage_are_damage(closed: Path, fake_clock: FakeClock) -> None:
    """SQLite quotes them in its message, which is no text then."""
    soundness.seal_path(closed).unlink()
    data = closed.read_bytes()
    closed.write_bytes(data.replace(b"CREATE TABLE files", b"CREATE T\xc1BLE files", 1))
    with pytest.raises(CatalogDamaged):
        Store(closed.parent, fake_clock)


def test_what_another_program_wrote_is_checked_and_taken(
    closed: Path, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = checks(monkeypatch)
    connection = sqlite3.connect(closed)
    connection.execute("INSERT INTO about VALUES ('note', 'by hand')")
    connection.commit()
    connection.close()
    Store(closed.parent, fake_clock).close()
    assert len(made) == 1


def test_an_older_copy_is_checked_and_taken(
    closed: Path, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its bytes differ from what the seal says, and it is sound all the same."""
    made = checks(monkeypatch)
    copy = tmp_path / "copy.db"
    shutil.copy2(closed, copy)
    with Store(closed.parent, fake_clock) as store:
        store.contents.add(9999, "f1-new", MEDIA)
    shutil.copy2(copy, closed)
    Store(closed.parent, fake_clock).close()
    assert len(made) == 1


def test_a_table_that_lost_a_column_is_damage(closed: Path, fake_clock: FakeClock) -> None:
    connection = sqlite3.connect(closed)
    connection.execute("ALTER TABLE files RENAME COLUMN hint TO hynt")
    connection.commit()
    connection.close()
    with pytest.raises(CatalogDamaged, match="no hint in files"):
        Store(closed.parent, fake_clock)


def test_a_row_that_refers_to_nothing_is_damage(closed: Path, fake_clock: FakeClock) -> None:
    connection = sqlite3.connect(closed)
    connection.execute(
        "INSERT INTO assets (content_id, asset_id, filename, status, checked_at) VALUES (99999, 'a', '', '', '')"
    )
    connection.commit()
    connection.close()
    with pytest.raises(CatalogDamaged, match="refers to nothing"):
        Store(closed.parent, fake_clock)


def test_damage_that_shows_while_it_is_used_is_told_and_not_sealed(closed: Path, fake_clock: FakeClock) -> None:
    store = Store(closed.parent, fake_clock)
    size = closed.stat().st_size
    other = sqlite3.connect(closed)  # what a failing disk would do, through SQLite's own door
    page = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'contents_by_fingerprint'").fetchone()[0]
    other.execute("PRAGMA writable_schema = ON")
    other.execute("UPDATE sqlite_schema SET rootpage = ? WHERE name = 'contents'", (page,))
    other.execute("PRAGMA schema_version = 999")
    other.commit()
    other.close()
    with pytest.raises(CatalogDamaged):
        for number in range(200):
            store.contents.lookalikes(number, f"f1-{number:064x}")
    assert store.damage is not None
    store.close()
    assert not soundness.seal_path(closed).exists()
    assert closed.stat().st_size >= size


def test_a_seal_is_not_made_while_somebody_reads(closed: Path, fake_clock: FakeClock) -> None:
    """The WAL can't be folded in then; the next start checks."""
    store = Store(closed.parent, fake_clock)
    reader = sqlite3.connect(f"{closed.as_uri()}?mode=ro", uri=True, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM files").fetchone()
    store.begin_rebuilding()
    store.close()
    assert not soundness.seal_path(closed).exists()
    reader.close()
    with Store(closed.parent, fake_clock) as again:
        assert again.is_rebuilding


def test_who_only_reads_is_told_as_well(closed: Path) -> None:
    """Commands that look end with what to do, not with an error of SQLite."""
    data = bytearray(closed.read_bytes())
    page = data.index(b"%064x" % 150) // 4096
    data[page * 4096 : page * 4096 + 16] = bytes(16)
    closed.write_bytes(data)
    with CatalogReader(closed.parent) as reader, pytest.raises(CatalogError, match="can't be read"):
        for number in range(200):
            reader.is_known_content(number, f"f1-{number:064x}")


def test_all_files_are_set_aside_together(closed: Path, fake_clock: FakeClock) -> None:
    data = closed.read_bytes()
    Path(f"{closed}-wal").write_bytes(b"wal")
    Path(f"{closed}-shm").write_bytes(b"shm")
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    folder = set_aside(closed.parent, "damaged", now)
    assert folder == closed.parent / "catalog.damaged-20260102T030405Z"
    names = {"catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.seal"}
    assert {path.name for path in folder.iterdir()} == names
    assert (folder / "catalog.db").read_bytes() == data
    assert not list(closed.parent.glob("catalog.[ds][be]*"))
    assert folder.stat().st_mode & 0o077 == 0
    assert set_aside(closed.parent, "damaged", now) is None
    Store(closed.parent, fake_clock).close()
    assert set_aside(closed.parent, "damaged", now) == closed.parent / "catalog.damaged-20260102T030405Z-2"
