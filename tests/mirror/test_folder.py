from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.mirror.shelves import NOON_NS, Entry, fill
from tlsync.errors import ConfigError
from tlsync.mirror.folder import FolderMirror, Outcome
from tlsync.mirror.kept_answers import Known
from tlsync.mirror.manifest import FILE_NAME
from tlsync.mirror.view import View


def no_platform() -> object:
    raise AssertionError("nobody is asked")


class Stand:
    """A catalog with clips, and the folder that mirrors it. Each run is like a new process."""

    def __init__(self, folder: Path) -> None:
        self.state_dir = folder / "state"
        self.footage = folder / "Footage"
        self.target = folder / "mirror"
        self.clip = self.target / "clips" / "by-folder" / "Footage" / "lake.mp4"

    def fill(self, *entries: Entry) -> None:
        fill(self.state_dir, self.footage, entries)

    def run(self, is_stopped: Callable[[], bool] = lambda: False, *, with_links: bool = True) -> Outcome:
        with View(self.state_dir, no_platform) as view:  # type: ignore[arg-type]
            view.answers.get = lambda *a, **k: _NOTHING  # type: ignore[method-assign]
            return FolderMirror(view, self.target, with_links=with_links).run(is_stopped)

    def sql(self, statement: str, *values: object) -> None:
        connection = sqlite3.connect(self.state_dir / "catalog.db")
        with connection:
            connection.execute(statement, values)
        connection.close()

    def names(self) -> set[str]:
        return {str(path.relative_to(self.target)) for path in self.target.rglob("*")} - {FILE_NAME}


_NOTHING = Known([], is_old=False, trouble="")


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    yield Stand(tmp_path)


def test_the_tree_becomes_files_with_the_times_of_the_clips(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"))
    outcome = stand.run()
    assert outcome.made > 8
    assert (stand.clip / "summary.txt").read_text() == "A boat crosses a lake.\n"
    assert (stand.clip / "summary.txt").stat().st_mtime_ns == NOON_NS
    assert str((stand.clip / "media").readlink()) == str(stand.footage / "lake.mp4")
    assert (stand.target / "clips/by-topic/boats/lake.mp4").resolve() == stand.clip


def test_a_second_run_writes_nothing(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"), Entry("a/b.mp4"))
    made = stand.run().made
    manifest = (stand.target / FILE_NAME).stat().st_mtime_ns
    again = stand.run()
    assert (again.made, again.changed, again.removed, again.same) == (0, 0, 0, made)
    assert (stand.target / FILE_NAME).stat().st_mtime_ns == manifest


def test_a_new_text_of_the_same_length_is_written(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"))
    stand.run()
    stand.sql(
        "UPDATE enrichments SET value = '\"A goat crosses a lake.\"', fetched_at = '2026-03-03T00:00:00.000Z'"
        " WHERE kind = 'summary'"
    )
    outcome = stand.run()
    assert (outcome.made, outcome.changed, outcome.removed) == (0, 1, 0)
    assert (stand.clip / "summary.txt").read_text() == "A goat crosses a lake.\n"


def test_what_left_the_tree_is_removed(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"), Entry("day/other.mp4"))
    stand.run()
    stand.sql("DELETE FROM files WHERE path = ?", b"day/other.mp4")
    assert stand.run().removed > 0
    assert not any("day" in name or "other" in name for name in stand.names())
    assert (stand.clip / "info.json").exists()


def test_what_somebody_else_put_there_stays(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"), Entry("day/other.mp4"))
    stand.run()
    other = stand.target / "clips/by-folder/Footage/day/other.mp4"
    (other / "mine.txt").write_text("my notes")
    (other / "summary.txt").write_text("my own words")
    stand.sql("DELETE FROM files WHERE path = ?", b"day/other.mp4")
    outcome = stand.run()
    assert (other / "mine.txt").read_text() == "my notes"
    assert (other / "summary.txt").read_text() == "my own words"
    assert outcome.left == [str(other / "summary.txt")]
    assert sorted(os.listdir(other)) == ["mine.txt", "summary.txt"]


def test_a_file_in_the_way_is_left_and_named(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"))
    stand.run()
    stand.fill(Entry("new.mp4"))
    (stand.clip.parent / "new.mp4").write_text("not a folder")
    outcome = stand.run()
    assert str(stand.clip.parent / "new.mp4") in outcome.left
    assert (stand.clip.parent / "new.mp4").read_text() == "not a folder"


def test_a_folder_with_something_else_in_it_is_refused(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"))
    stand.target.mkdir()
    (stand.target / "holiday.jpg").touch()
    with pytest.raises(ConfigError, match="not empty"):
        stand.run()
    assert os.listdir(stand.target) == ["holiday.jpg"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"v": 9}', "[" * 5000])
def test_a_damaged_manifest_changes_nothing(stand: Stand, text: str) -> None:
    stand.fill(Entry("lake.mp4"))
    stand.run()
    (stand.target / FILE_NAME).write_text(text)
    before = stand.names()
    with pytest.raises(ConfigError):
        stand.run()
    assert stand.names() == before


def test_a_run_that_was_broken_off_is_taken_up(stand: Stand) -> None:
    """At every point: afterwards the folder is as after one whole run, and nothing of it is taken for another's."""
    stand.fill(Entry("lake.mp4"), Entry("a/b.mp4"), Entry("c.mp4"))
    wanted = None
    for stop_after in range(0, 60, 7):
        looks = iter(range(stop_after))
        stand.run(lambda looks=looks: next(looks, None) is None)  # type: ignore[misc]
    outcome = stand.run()
    assert outcome.left == []
    wanted = stand.names()
    assert {"clips/by-folder/Footage/c.mp4/info.json", "clips/by-topic/water/b.mp4"} <= wanted
    assert stand.run().made == 0


def test_a_killed_run_leaves_names_that_are_ours(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    """The manifest says that a run was under way, so the next one does not take its files for somebody's."""
    stand.fill(Entry("lake.mp4"))
    calls = iter(range(12))

    def write(*arguments: object) -> None:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        real(*arguments)  # type: ignore[arg-type]

    from tlsync.mirror import folder

    real = folder._write
    monkeypatch.setattr(folder, "_write", write)
    with pytest.raises(KeyboardInterrupt):
        while True:
            stand.run()
            stand.fill(Entry("more.mp4"))
    monkeypatch.setattr(folder, "_write", real)
    outcome = stand.run()
    assert outcome.left == []
    assert stand.run().made == 0


def test_an_emptied_file_is_written_again(stand: Stand) -> None:
    """A power cut can leave an empty file where one was renamed into place."""
    stand.fill(Entry("lake.mp4"))
    stand.run()
    os.truncate(stand.clip / "summary.txt", 0)
    stand.sql("UPDATE enrichments SET fetched_at = '2026-03-03T00:00:00.000Z'")
    stand.run()
    assert (stand.clip / "summary.txt").read_text() == "A boat crosses a lake.\n"


def test_without_links_there_are_shortcuts(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"))
    stand.run(with_links=False)
    assert not any(path.is_symlink() for path in stand.target.rglob("*"))
    assert (stand.footage / "lake.mp4").as_uri() in (stand.clip / "media.url").read_text()
    shortcut = (stand.target / "clips/by-topic/boats/lake.mp4.url").read_text()
    assert shortcut == f"[InternetShortcut]\nURL={stand.clip.as_uri()}\n"
    assert stand.run(with_links=False).made == 0


def test_no_media_is_copied(stand: Stand) -> None:
    stand.fill(Entry("lake.mp4"))
    stand.footage.mkdir()
    (stand.footage / "lake.mp4").write_bytes(b"x" * 1_000_000)
    stand.run()
    assert sum(path.lstat().st_size for path in stand.target.rglob("*") if not path.is_symlink()) < 100_000
