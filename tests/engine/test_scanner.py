"""The walk: what is found, what is passed over, and what is not taken for deleted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tlsync.config import RootSettings
from tlsync.engine.names import NameRules
from tlsync.engine.progress import Silent
from tlsync.engine.scanner import Scanner, walk_root
from tlsync.models import MediaInfo
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
            lambda file: self.work.append(file.path.name),
            lambda file: False,
        )
        self.root: RootRow = self.store.roots.ensure(self.footage, "clips")
        self.scanner.add_root(self.root, RootSettings(path=self.footage))

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
