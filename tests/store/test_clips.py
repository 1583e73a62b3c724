from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.mirror.shelves import INDEX, NOON_NS, Entry, fill
from tlsync.errors import CatalogError
from tlsync.store import clips
from tlsync.store.clips import ClipReader


def names(reader: ClipReader, relative: bytes = b"") -> tuple[list[bytes], list[str]]:
    (shelf,) = reader.shelves()
    folders, found = reader.folder(shelf.root_id, relative)
    return folders, [clip.name for clip in found]


def test_a_folder_is_its_clips_and_the_folders_with_clips(tmp_path: Path) -> None:
    """Names that begin alike, and sort around the slash."""
    wanted = ["a.mp4", "a/1.mp4", "a/b/2.mp4", "a-b/3.mp4", "a0/4.mp4", "z.mp4"]
    fill(tmp_path, tmp_path / "F", [Entry(name, {}) for name in wanted])
    reader = ClipReader(tmp_path)
    assert names(reader) == ([b"a-b", b"a", b"a0"], ["a.mp4", "z.mp4"])
    assert names(reader, b"a") == ([b"b"], ["1.mp4"])
    reader.close()


def test_a_clip_is_a_file_with_a_place_in_the_index_of_its_root(tmp_path: Path) -> None:
    fill(tmp_path, tmp_path / "F", [Entry("in.mp4", {}), Entry("out.mp4", {})])
    with sqlite3.connect(tmp_path / "catalog.db") as connection:
        connection.execute("UPDATE indexed_assets SET indexed_asset_id = NULL WHERE content_id = 2")
    connection.close()
    reader = ClipReader(tmp_path)
    assert names(reader) == ([], ["in.mp4"])
    reader.close()


def test_days_and_topics_name_their_files(tmp_path: Path) -> None:
    gist = {"gist": {"topics": ["boats", "", 7, "boats"]}}
    fill(tmp_path, tmp_path / "F", [Entry("a.mp4", gist), Entry("b.mp4", {}, modified_ns=NOON_NS + 86400 * 10**9)])
    reader = ClipReader(tmp_path)
    days = reader.days(INDEX)
    assert list(days.values()) == [[1], [2]]
    assert reader.topics(INDEX) == {"": [1], "boats": [1]}
    assert [clip.name for clip in reader.clips(INDEX, files=[2, 1])] == ["a.mp4", "b.mp4"]
    assert [clip.name for clip in reader.clips(INDEX, contents=[1])] == ["a.mp4"]
    reader.close()


def test_a_listing_goes_along_the_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a drive with a million files, opening one folder must not read them all."""
    fill(tmp_path, tmp_path / "F", [Entry(f"{n}/x.mp4", {}) for n in range(50)])
    reader = ClipReader(tmp_path)
    seen: list[tuple[str, tuple[object, ...]]] = []
    real = reader._rows

    def rows(sql: str, *values: object) -> list[tuple[object, ...]]:
        seen.append((sql, values))
        return real(sql, *values)

    monkeypatch.setattr(reader, "_rows", rows)
    names(reader)
    names(reader, b"7")
    connection = sqlite3.connect(tmp_path / "catalog.db")
    for sql, values in seen[1:]:
        plan = (
            [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)] if "files.path" in sql else []
        )
        assert not [step for step in plan if "TEMP B-TREE" in step]
        assert not [step for step in plan if step.startswith("SCAN") and "roots" not in step]
        if plan:
            assert any("files USING INDEX" in step and "path>" in step for step in plan), plan
    connection.close()
    reader.close()


def test_a_catalog_that_comes_later_and_one_that_replaces_it(tmp_path: Path) -> None:
    reader = ClipReader(tmp_path)
    assert (reader.shelves(), reader.version()) == ([], (0, 0))
    fill(tmp_path, tmp_path / "F", [Entry("a.mp4", {})])
    before = reader.version()
    assert names(reader) == ([], ["a.mp4"])
    for path in tmp_path.glob("catalog.db*"):
        path.rename(tmp_path / f"old-{path.name}")
    assert reader.shelves() == []
    fill(tmp_path, tmp_path / "F", [Entry("b.mp4", {})])
    assert names(reader) == ([], ["b.mp4"])
    assert reader.version() != before
    reader.close()
    assert reader.shelves() == []


def test_a_damaged_catalog_is_told_and_a_sound_one_in_its_place_is_read(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"no database" * 1000)
    with pytest.raises(CatalogError, match="can't be read"):
        ClipReader(tmp_path)
    (tmp_path / "catalog.db").unlink()
    reader = ClipReader(tmp_path)
    (tmp_path / "catalog.db").write_bytes(b"no database" * 1000)
    with pytest.raises(CatalogError):
        reader.shelves()
    (tmp_path / "catalog.db").unlink()
    fill(tmp_path, tmp_path / "F", [Entry("a.mp4", {})])
    assert names(reader) == ([], ["a.mp4"])
    reader.close()


def test_more_ids_than_one_question_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "_BATCH", 3)
    fill(tmp_path, tmp_path / "F", [Entry(f"{n}.mp4", {}) for n in range(10)])
    reader = ClipReader(tmp_path)
    assert len(reader.clips(INDEX, files=list(range(1, 11)))) == 10
    reader.close()
