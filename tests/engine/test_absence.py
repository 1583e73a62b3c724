"""Known files that are gone: missing, held back, or moved."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tests.engine.test_scanner import Bench
from tests.workshop import Workshop
from tlsync.engine import health
from tlsync.engine.doubts import Quiet
from tlsync.media.samples import make_clip
from tlsync.store.reader import CatalogReader
from tlsync.store.roots import RootRow


@pytest.fixture
def bench(tmp_path: Path, fake_clock: FakeClock) -> Bench:
    """A root with 100 known files in ten folders."""
    made = Bench(tmp_path, fake_clock)
    for number in range(100):
        path = made.footage / f"day{number // 10}" / f"{number}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_text("x" * (number + 1))
    with made.store.catalog.transaction():  # one commit instead of hundreds
        made.scan()
        made.settle_all()
    return made


def row(bench: Bench) -> RootRow:
    return bench.store.roots.get(bench.root.id)


def gone(bench: Bench) -> int:
    return list(bench.states().values()).count("missing")


def test_a_few_files_that_are_gone_are_missing(bench: Bench) -> None:
    for day in ("day0", "day1"):
        shutil.rmtree(bench.footage / day)
    bench.scan()
    assert gone(bench) == 20
    assert row(bench).held == ""


def test_a_mass_that_is_gone_is_held_and_said(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing becomes missing; the root says so, the log once, and it ends when the files are back."""
    for day in ("day0", "day1", "day2"):
        (bench.footage / day).rename(bench.footage.parent / day)
    for _ in range(3):
        bench.scan()
    assert gone(bench) == 0
    held = row(bench).held
    assert held.startswith("held: 30 of 100 known files are gone")
    assert f"tlsync forget --gone {bench.footage}" in held
    assert sum("not taken for missing" in record.getMessage() for record in caplog.records) == 1
    for day in ("day0", "day1", "day2"):
        (bench.footage.parent / day).rename(bench.footage / day)
    bench.scan()
    assert (gone(bench), row(bench).held) == (0, "")


def test_a_held_mass_that_is_forgotten_ends_the_hold(bench: Bench) -> None:
    for day in ("day0", "day1", "day2"):
        shutil.rmtree(bench.footage / day)
    bench.scan()
    for relative, file in bench.store.catalog.below(bench.root.id).items():
        if relative.startswith((b"day0", b"day1", b"day2")):
            bench.store.catalog.forget(file)
    bench.scan()
    assert (len(bench.states()), gone(bench), row(bench).held) == (70, 0, "")


def test_one_hint_about_a_folder_is_held_too(bench: Bench) -> None:
    big = bench.footage / "big"
    big.mkdir()
    for number in range(40):
        (big / f"{number}.mp4").write_text("y" * number)
    with bench.store.catalog.transaction():
        bench.scan()
        bench.settle_all()
    shutil.rmtree(big)
    bench.scanner.look(row(bench), big)
    bench.scanner.judge_doubted(row(bench))
    assert gone(bench) == 0
    assert row(bench).held.startswith("held: 40 of 140")


def test_many_hints_about_single_files_are_held_like_one_scan(bench: Bench) -> None:
    """As events tell of a folder that is removed, or of a share half of which goes away: file by file."""
    for day in ("day0", "day1", "day2"):
        shutil.rmtree(bench.footage / day)
        for number in range(int(day[3:]) * 10, int(day[3:]) * 10 + 10):
            bench.scanner.look(row(bench), bench.footage / day / f"{number}.mp4")
    assert gone(bench) == 0
    bench.scanner.judge_doubted(row(bench))
    assert gone(bench) == 0
    assert row(bench).held.startswith("held: 30 of 100")


def test_a_doubted_file_that_is_there_again_is_looked_at(bench: Bench) -> None:
    clip = bench.footage / "day0" / "0.mp4"
    away = clip.rename(clip.with_suffix(".away"))
    bench.scanner.look(row(bench), clip)
    away.rename(clip)
    bench.work.clear()
    bench.scanner.judge_doubted(row(bench))
    assert (gone(bench), bench.work) == (0, ["0.mp4"])


def test_a_file_in_whose_place_a_folder_is_is_missing(bench: Bench) -> None:
    clip = bench.footage / "day0" / "0.mp4"
    clip.unlink()
    clip.mkdir()
    bench.scanner.doubts.add(bench.root.id, b"day0/0.mp4")
    bench.scanner.judge_doubted(row(bench))
    assert gone(bench) == 1


def test_doubts_are_judged_once_no_more_are_coming() -> None:
    quiet = Quiet()
    assert [quiet.is_due(count, now_s) for count, now_s in ((0, 0.0), (1, 5.0), (2, 5.5), (2, 6.0))] == [False] * 4
    assert quiet.is_due(2, 6.5)
    assert not quiet.is_due(0, 6.6)


def test_doubts_that_come_without_end_are_judged_by_and_by() -> None:
    quiet = Quiet()
    due = [now_s for now_s in range(1, 30) if quiet.is_due(now_s, now_s - 0.5 * (now_s % 2))]
    assert due and due[0] <= 12


def test_a_hint_elsewhere_does_not_end_a_hold(bench: Bench) -> None:
    """Only a look at the whole root knows that nothing is amiss any more."""
    for day in ("day0", "day1", "day2"):
        shutil.rmtree(bench.footage / day)
    bench.scan()
    (bench.footage / "day5" / "50.mp4").unlink()
    bench.scanner.look(row(bench), bench.footage / "day5" / "50.mp4")
    bench.scanner.judge_doubted(row(bench))
    assert gone(bench) == 1
    assert row(bench).held


def test_as_many_new_files_of_the_same_sizes_look_like_a_move(bench: Bench) -> None:
    for day in ("day0", "day1", "day2"):
        (bench.footage / day).rename(bench.footage / f"renamed {day}")
    bench.scan()
    assert gone(bench) == 0
    assert "30 new ones are as large: they were probably moved" in row(bench).held
    bench.scan()
    assert "probably moved" in row(bench).held


def test_absence_does_not_count_when_the_mounts_changed_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    (bench.footage / "day0" / "0.mp4").unlink()
    real, looks = health.look_at, 0

    def look_at(root: RootRow, roots: object) -> health.Health:
        nonlocal looks
        looks += 1
        found = real(root, bench.store.roots)
        assert found.place is not None
        return replace(found, place=replace(found.place, inode=looks))

    monkeypatch.setattr(health, "look_at", look_at)
    bench.scan()
    assert gone(bench) == 0
    monkeypatch.undo()
    bench.scan()
    assert gone(bench) == 1


def test_a_file_that_can_not_be_asked_for_is_not_gone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = bench.footage / "day0" / "0.mp4"
    clip.unlink()
    real = Path.lstat

    def failing(path: Path) -> os.stat_result:
        if path == clip:
            raise OSError(116, "Stale file handle")
        return real(path)

    monkeypatch.setattr(Path, "lstat", failing)
    bench.scanner.look(row(bench), clip)
    bench.scanner.judge_doubted(row(bench))
    assert gone(bench) == 0


def test_a_renamed_folder_with_many_clips_is_followed_although_absence_is_held(workshop: Workshop) -> None:
    """Each file is recognised at its new place; nothing is sent again, and the hold ends by itself."""
    (workshop.footage / "day").mkdir()
    first = make_clip(workshop.footage / "day" / "0.mp4", duration_s=4.0, width=360, height=360)
    for number in range(1, 24):
        copy = workshop.footage / "day" / f"{number}.mp4"
        shutil.copyfile(first, copy)
        with copy.open("ab") as stream:
            stream.write((12 + number).to_bytes(4, "big") + b"free" + bytes(4 + number))
    assert workshop.sync().enriched == 24
    sessions = workshop.server.ledger.count("multipart_upload.create")
    (workshop.footage / "day").rename(workshop.footage / "renamed")
    workshop.sync()
    workshop.sync()
    assert workshop.states() == {f"renamed/{number}.mp4": "enriched" for number in range(24)}
    assert workshop.server.ledger.count("multipart_upload.create") == sessions
    with CatalogReader(workshop.state_dir) as reader:
        assert reader.roots()[0]["note"] == ""
