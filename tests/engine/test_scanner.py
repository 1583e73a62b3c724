"""The walk: what is found, what is passed over, and what is not taken for deleted."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tlsync.config import RootSettings
from tlsync.engine import health
from tlsync.engine.names import NameRules
from tlsync.engine.progress import Silent
from tlsync.engine.scanner import Scanner
from tlsync.engine.walk import walk_root
from tlsync.models import FileId, IndexId, MediaInfo
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.roots import RootRow
from tlsync.store.sidecars import Sidecars
from tlsync.store.store import Store

MEDIA = MediaInfo(kind="video", duration_s=5.0, container="mp4")


class Bench:
    """A root with files that are known to be on the platform."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.footage = folder / "footage"
        self.footage.mkdir()
        self.store = Store(folder / "state", clock)
        self.sidecars = Sidecars("beside", folder / "state")
        self.work: list[str] = []
        self.scanner = Scanner(
            self.store.catalog,
            self.store.roots,
            self.store.contents,
            self.sidecars,
            Silent(),
            self._note_work,
            kinds=(),
        )
        self.root: RootRow = self.store.roots.ensure(self.footage, "clips")
        self.scanner.add_root(self.root, RootSettings(path=self.footage))

    def _note_work(self, ids: Sequence[FileId], state: FileState) -> None:
        files = [self.store.catalog.get(file_id) for file_id in ids]
        assert {file.state for file in files if file} <= {state}
        self.work += [file.path.name for file in files if file]

    def scan(self) -> bool:
        self.work.clear()
        return self.scanner.scan(self.store.roots.get(self.root.id))

    def settle_all(self) -> None:
        """Take every file to `enriched`, with a sidecar."""
        for file in self.store.catalog.in_states(FileState.DISCOVERED):
            content = self.store.contents.add(file.signature.size_bytes, "f", MEDIA)
            file = self.store.catalog.move(file, FileState.SETTLING)
            file = self.store.catalog.move(file, FileState.IDENTIFIED, content_id=content.id)
            file = self.store.catalog.move(file, FileState.READY)
            sidecar = self.sidecars.wanted_path(file.path)
            sidecar.touch()
            look = self.sidecars.look_of(sidecar)
            self.store.catalog.move(file, FileState.ENRICHED, sidecar=sidecar, sidecar_look=look)

    def states(self) -> dict[str, str]:
        rows: dict[bytes, FileRow] = self.store.catalog.below(self.root.id)
        return {os.fsdecode(path): row.state.value for path, row in rows.items()}


@pytest.fixture
def bench(tmp_path: Path, fake_clock: FakeClock) -> Bench:
    return Bench(tmp_path, fake_clock)


def test_files_are_found_once_and_quietly_afterwards(bench: Bench) -> None:
    (bench.footage / "day").mkdir()
    for name in ("a.mp4", "day/b.mov", "day/notes.txt", "._a.mp4"):
        (bench.footage / name).write_text(name)
    bench.scan()
    assert sorted(bench.work) == ["a.mp4", "b.mov"]
    bench.settle_all()
    bench.scan()
    assert bench.work == []


def test_a_changed_file_settles_again(bench: Bench) -> None:
    clip = bench.footage / "a.mp4"
    clip.write_text("one")
    bench.scan()
    bench.settle_all()
    clip.write_text("two, longer")
    bench.scan()
    assert bench.states() == {"a.mp4": "settling"}


def test_a_missing_sidecar_is_noticed(bench: Bench) -> None:
    (bench.footage / "a.mp4").write_text("one")
    bench.scan()
    bench.settle_all()
    (bench.footage / "a.mp4.tlsync.json").unlink()
    bench.scan()
    assert bench.states() == {"a.mp4": "ready"}


def test_a_file_that_came_and_went_unrecognised_is_forgotten(bench: Bench) -> None:
    (bench.footage / "render.mp4").write_text("one")
    bench.scan()
    (bench.footage / "render.mp4").unlink()
    bench.scan()
    assert bench.states() == {}


def test_absence_counts_only_in_folders_that_could_be_read(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that answers with an error hides its files; it does not delete them."""
    for name in ("good/a.mp4", "bad/b.mp4", "bad/deep/c.mp4"):
        (bench.footage / name).parent.mkdir(parents=True, exist_ok=True)
        (bench.footage / name).write_text(name)
    bench.scan()
    bench.settle_all()
    (bench.footage / "good/a.mp4").unlink()
    real = os.scandir

    def failing(path: bytes | int) -> object:
        if isinstance(path, bytes) and path.endswith(b"/bad"):
            raise OSError(5, "Input/output error")
        return real(path)

    monkeypatch.setattr("tlsync.engine.scanner.os.scandir", failing)
    bench.scan()
    assert bench.states() == {"good/a.mp4": "missing", "bad/b.mp4": "enriched", "bad/deep/c.mp4": "enriched"}


def test_a_removed_folder_is_missed_with_all_below_it(bench: Bench) -> None:
    for name in ("day/a.mp4", "day/deep/b.mp4", "day2/c.mp4"):
        (bench.footage / name).parent.mkdir(parents=True, exist_ok=True)
        (bench.footage / name).write_text(name)
    bench.scan()
    bench.settle_all()
    (bench.footage / "day").rename(bench.footage.parent / "elsewhere")
    row = bench.store.roots.get(bench.root.id)
    bench.scanner.look(row, bench.footage / "day")
    bench.scanner.judge_doubted(row)
    assert bench.states() == {"day/a.mp4": "missing", "day/deep/b.mp4": "missing", "day2/c.mp4": "enriched"}


def test_an_event_in_a_hidden_or_excluded_folder_is_passed_over(bench: Bench) -> None:
    (bench.footage / ".cache").mkdir()
    (bench.footage / ".cache" / "a.mp4").write_text("one")
    bench.scanner.look(bench.root, bench.footage / ".cache" / "a.mp4")
    assert bench.states() == {}


def test_another_volume_at_the_path_changes_nothing(bench: Bench) -> None:
    (bench.footage / "a.mp4").write_text("one")
    bench.scan()
    bench.settle_all()
    bench.footage.rename(bench.footage.with_name("unplugged"))
    bench.footage.mkdir()
    (bench.footage / "foreign.mp4").write_text("of another volume")
    assert not bench.scan()
    assert bench.states() == {"a.mp4": "enriched"}
    assert "another folder or volume" in bench.store.roots.get(bench.root.id).trouble


def test_the_walk_follows_no_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "private.mp4").write_text("private")
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(outside)
    (root / "link.mp4").symlink_to(outside / "private.mp4")
    (root / "loop").symlink_to(root)
    walk = walk_root(root, NameRules(["*.mp4"], []), b"", lambda files: None)
    assert walk.found == {}


def test_the_walk_goes_in_the_order_of_whole_paths(tmp_path: Path) -> None:
    """The catalog is read beside it in that order: a name before or after the slash makes the difference."""
    names = ["a/x.mp4", "a.mp4", "a-b/y.mp4", "a0.mp4", "b/c/d/z.mp4", "b/c.mp4", "b/cc.mp4", "z.mp4", "b/c/a.mp4"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / os.fsdecode(b"\xff\xfe")).mkdir()
    (tmp_path / os.fsdecode(b"\xff\xfe/\xff.mp4")).write_text("odd")
    walk = walk_root(tmp_path, NameRules(["*.mp4"], []), b"", lambda files: None)
    found = [path for run in walk for path, _ in run]
    assert found == sorted([*(name.encode() for name in names), b"\xff\xfe/\xff.mp4"])


def test_new_files_that_are_noted_meanwhile_are_all_told_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also beside known ones, which are read page by page at the same time."""
    monkeypatch.setattr("tlsync.engine.scan_batch._FIRST_BATCH", 2)
    monkeypatch.setattr("tlsync.engine.scan_batch._MOST_BATCH", 5)
    monkeypatch.setattr("tlsync.engine.known_files._PAGE_FILES", 3)
    for step in (3, 1):
        for number in range(0, 60, step):
            path = bench.footage / f"d{number % 10}" / f"{number:02}.mp4"
            path.parent.mkdir(exist_ok=True)
            if not path.exists():
                path.touch()
        bench.scan()
        assert sorted(bench.work) == [f"{number:02}.mp4" for number in range(60) if (number % 3 == 0) == (step == 3)]
        bench.settle_all()
    assert len(bench.states()) == 60


def test_a_catalog_of_many_pages_is_compared_whole(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """New, changed and vanished files are told apart on both sides of every page's end."""
    monkeypatch.setattr("tlsync.engine.known_files._PAGE_FILES", 3)
    for number in range(20):
        path = bench.footage / f"d{number % 4}" / f"{number:02}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_text("one")
    bench.scan()
    bench.settle_all()
    bench.scan()
    assert bench.work == []
    for number in (0, 3, 7, 19):
        (bench.footage / f"d{number % 4}" / f"{number:02}.mp4").unlink()
    (bench.footage / "d2" / "10.mp4").write_text("changed")
    for name in ("0.mp4", "d1/00.mp4", "d3/99.mp4", "z.mp4"):
        (bench.footage / name).write_text("new")
    bench.scan()
    states = bench.states()
    assert sorted(name for name, state in states.items() if state == "missing") == [
        "d0/00.mp4",
        "d3/03.mp4",
        "d3/07.mp4",
        "d3/19.mp4",
    ]
    assert sorted(bench.work) == ["0.mp4", "00.mp4", "10.mp4", "99.mp4", "z.mp4"]


@pytest.mark.parametrize("location", ["beside", "hidden", "central"])
def test_a_scan_with_nothing_changed_opens_and_writes_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    """No clip, no sidecar and no row is touched, wherever the sidecars are."""
    bench.sidecars._location = location  # type: ignore[assignment]
    for number in range(30):
        path = bench.footage / f"d{number % 3}" / f"{number}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_text("one")
        bench.sidecars.wanted_path(path).parent.mkdir(parents=True, exist_ok=True)
    bench.scan()
    bench.settle_all()
    opened: list[str] = []
    monkeypatch.setattr("tlsync.engine.scanner.health.note", bench_health(bench))  # which opens one, to ask the drive
    monkeypatch.setattr(
        bench.store.catalog, "get", lambda file_id: pytest.fail("a row was read again, which a change calls for")
    )
    _audited.append(lambda path: opened.append(path))
    try:
        bench.scan()
    finally:
        _audited.clear()
    assert bench.work == []
    assert [path for path in opened if path.startswith(str(bench.footage)) or path.endswith(".json")] == []


def bench_health(bench: Bench) -> Callable[..., health.Health]:
    found = health.note(bench.store.roots.get(bench.root.id), bench.store.roots)
    return lambda *_: found


def test_texts_that_the_settings_want_by_now_are_fetched_once(bench: Bench) -> None:
    for name in ("a.mp4", "b.mp4"):
        (bench.footage / name).write_text(name)
    bench.scan()
    bench.settle_all()
    bench.store.roots.set_index("clips", IndexId("i"), ())
    for file in bench.store.catalog.in_states(FileState.ENRICHED)[:1]:
        assert file.content_id is not None
        bench.store.contents.set_enrichment(file.content_id, IndexId("i"), "gist", {}, source="t", model=None)
    bench.scanner._kinds = ("gist",)
    bench.scan()
    assert bench.states() == {"a.mp4": "enriched", "b.mp4": "ready"}
    assert bench.work == ["b.mp4"]


def test_an_ignore_file_that_is_gone_counts_no_more(bench: Bench) -> None:
    (bench.footage / "a.mp4").write_text("one")
    ignore = bench.footage / ".tlsyncignore"
    ignore.write_text("a.mp4\n")
    bench.scan()
    assert bench.states() == {}
    ignore.unlink()
    bench.scan()
    assert bench.states() == {"a.mp4": "discovered"}


_audited: list[Callable[[str], None]] = []


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and _audited and isinstance(arguments[0], str | bytes):
        _audited[0](os.fsdecode(arguments[0]))


sys.addaudithook(_audit)
