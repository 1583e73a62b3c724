"""The catalog as commands read it while the daemon writes."""

from __future__ import annotations

import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tlsync.errors import CatalogError
from tlsync.models import MediaInfo, StatSignature
from tlsync.states import FileState
from tlsync.store.reader import CatalogReader
from tlsync.store.store import Store

MEDIA = MediaInfo(kind="video", duration_s=5.0, container="mp4")
SIGNATURE = StatSignature(10, 1, 2, 3)


@pytest.fixture
def reader(store: Store, state_dir: Path) -> CatalogReader:
    """Two roots, of which one name begins with the other's."""
    for root, names in {
        "/footage": [b"a.mp4", b"day/b.mp4", b"day/deep/c.mp4", b"day2/d.mp4", b"day.mp4", b"caf\xe9/e.mp4"],
        "/footage2": [b"a.mp4"],
    }.items():
        row = store.roots.ensure(Path(root), "clips")
        for name in names:
            store.catalog.add(row.id, name, SIGNATURE)
    return CatalogReader(state_dir)


@pytest.mark.parametrize(
    ("below", "found"),
    [
        ("/footage/day", ["/footage/day/b.mp4", "/footage/day/deep/c.mp4"]),
        ("/footage/day/b.mp4", ["/footage/day/b.mp4"]),
        ("/footage2", ["/footage2/a.mp4"]),
        ("/elsewhere", []),
        ("/footage/none", []),
    ],
)
def test_files_at_or_below_a_path(reader: CatalogReader, below: str, found: list[str]) -> None:
    assert [str(view.path) for view in reader.files(Path(below))] == found


@pytest.mark.parametrize("below", [None, "/footage/day", "/footage2", "/elsewhere", "/"])
def test_the_lines_of_a_listing_are_those_of_the_files(store: Store, reader: CatalogReader, below: str | None) -> None:
    row = store.catalog.find(store.roots.ensure(Path("/footage"), "clips").id, b"day/b.mp4")
    assert row is not None
    store.catalog.move(row, FileState.FAILED, reason="broken")
    folder = None if below is None else Path(below)
    for states in ((), (FileState.FAILED,)):
        files = reader.files(folder, states=states)
        expected = [(str(one.path), one.state, one.reason, one.size_bytes, one.duration_s) for one in files]
        assert reader.lines(folder, states=states) == expected


def test_a_path_above_the_roots_takes_all(reader: CatalogReader) -> None:
    assert len(reader.files(Path("/"))) == len(reader.files()) == 7


def test_a_file_is_found_by_its_exact_path(reader: CatalogReader) -> None:
    odd = Path(os.fsdecode(b"/footage/caf\xe9/e.mp4"))
    view = reader.file(odd)
    assert view is not None
    assert (view.path, view.state) == (odd, FileState.DISCOVERED)
    assert reader.file(Path("/footage/day")) is None


def test_states_and_paths_combine(store: Store, reader: CatalogReader) -> None:
    (file,) = [file for file in store.catalog.in_states(FileState.DISCOVERED) if file.path.name == "b.mp4"]
    store.catalog.move(file, FileState.SETTLING)
    views = reader.files(Path("/footage/day"), states=(FileState.SETTLING,))
    assert [view.path.name for view in views] == ["b.mp4"]


def test_files_of_an_indexed_asset_put_missing_ones_last(store: Store, reader: CatalogReader) -> None:
    index, asset = "65f0b0000000000000000a01", "65f0b0000000000000000b02"
    store.roots.set_index("clips", index, ())  # type: ignore[arg-type]
    content = store.contents.add(10, "fp", MEDIA)
    store.contents.set_indexed(content.id, index, asset, "ready")  # type: ignore[arg-type]
    for name, ends_missing in (("a.mp4", True), ("b.mp4", False)):
        file = next(f for f in store.catalog.in_states(FileState.DISCOVERED) if f.path.name == name)
        file = store.catalog.move(file, FileState.SETTLING)
        file = store.catalog.move(file, FileState.IDENTIFIED, content_id=content.id)
        if ends_missing:
            store.catalog.move(file, FileState.MISSING)
    found = reader.files_of_indexed_asset(index, asset)
    assert [view.path.name for view in found] == ["b.mp4", "a.mp4"]
    assert reader.files_of_indexed_asset("65f0b0000000000000000a99", asset) == []


def test_the_daemon_counts_as_gone_when_it_is_silent(store: Store, reader: CatalogReader) -> None:
    store.heartbeat.beat(os.getpid(), {"transfers": []})
    now = datetime.now(UTC)
    daemon = reader.daemon(now)
    assert daemon is not None
    assert daemon["pid"] == os.getpid()
    assert reader.daemon(now + timedelta(minutes=1)) is None
    store.heartbeat.stop()
    assert reader.daemon(now) is None


def test_without_a_catalog_everything_is_empty(tmp_path: Path) -> None:
    reader = CatalogReader(tmp_path / "nowhere")
    assert (reader.exists, reader.files(), reader.roots(), sum(reader.counts().values())) == (False, [], [], 0)
    assert not (tmp_path / "nowhere").exists()


def test_a_catalog_that_is_just_being_made_is_like_none(tmp_path: Path) -> None:
    """Its file is there a moment before its tables."""
    connection = sqlite3.connect(tmp_path / "catalog.db")
    connection.execute("PRAGMA journal_mode = WAL")
    try:
        reader = CatalogReader(tmp_path)
        assert (reader.exists, reader.files()) == (False, [])
    finally:
        connection.close()


def test_a_damaged_catalog_is_told(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"no database" * 100)
    with pytest.raises(CatalogError, match="can't be read"):
        CatalogReader(tmp_path)


def test_a_reader_can_not_write(reader: CatalogReader) -> None:
    with pytest.raises(sqlite3.OperationalError):
        reader._rows("DELETE FROM files")
