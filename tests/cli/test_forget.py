"""Letting go of files changes the catalog, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync
from tests.workshop import Workshop
from tlsync.engine.forgetting import Manner
from tlsync.store.process_lock import only_one
from tlsync.store.requests import take_all

MakeClip = Callable[..., Path]


@pytest.fixture
def clips(workshop: Workshop, make_clip: MakeClip, tlsync: Tlsync) -> list[Path]:
    (workshop.footage / "day").mkdir()
    made = [
        make_clip(workshop.footage / name, duration_s=5.0 + number)
        for number, name in enumerate(["a.mp4", "day/b.mp4", "day/c.mp4"])
    ]
    assert tlsync("sync").code == 0
    return made


def test_a_forgotten_file_is_linked_when_it_is_seen_again(
    tlsync: Tlsync, workshop: Workshop, clips: list[Path]
) -> None:
    puts = workshop.server.ledger.put_bytes()
    outcome = tlsync("forget", str(workshop.footage / "day"), "--yes", "--json")
    assert (outcome.code, outcome.json) == (0, {"v": 1, "forgotten": 2, "asked_daemon": False})
    assert "2 file(s)" in outcome.err
    assert set(workshop.states()) == {"a.mp4"}
    assert all(clip.exists() and Path(f"{clip}.tlsync.json").exists() for clip in clips)
    again = tlsync("sync", "--json").json
    assert (again["enriched"], again["uploaded"]) == (3, 0)
    assert workshop.server.ledger.put_bytes() == puts


def test_sidecars_go_only_when_asked_and_only_ours(tlsync: Tlsync, workshop: Workshop, clips: list[Path]) -> None:
    kept = Path(f"{clips[1]}.tlsync.json")
    kept.write_text('{"mine": true}')
    assert tlsync("forget", str(workshop.footage), "--sidecars", "--yes").code == 0
    assert not Path(f"{clips[0]}.tlsync.json").exists()
    assert kept.exists()
    assert all(clip.exists() for clip in clips)


def test_only_what_is_gone_is_forgotten_when_that_is_asked(
    tlsync: Tlsync, workshop: Workshop, clips: list[Path]
) -> None:
    clips[1].unlink()
    assert tlsync("forget", "--gone", str(workshop.footage), "--yes", "--json").json["forgotten"] == 1
    assert set(workshop.states()) == {"a.mp4", "day/c.mp4"}
    assert tlsync("forget", "--gone", str(workshop.footage), "--yes").code == 4


def test_files_of_a_drive_that_is_away_are_not_gone(tlsync: Tlsync, workshop: Workshop, clips: list[Path]) -> None:
    away = workshop.footage.rename(workshop.footage.with_name("away"))
    assert tlsync("forget", "--gone", str(workshop.footage), "--yes", "--json").json["forgotten"] == 0
    away.rename(workshop.footage)
    assert set(workshop.states()) == {"a.mp4", "day/b.mp4", "day/c.mp4"}


def test_nothing_is_forgotten_without_consent(tlsync: Tlsync, workshop: Workshop, clips: list[Path]) -> None:
    assert tlsync("forget", str(clips[0])).code == 2
    assert len(workshop.states()) == 3


def test_an_unknown_path_is_told(tlsync: Tlsync, clips: list[Path], tmp_path: Path) -> None:
    assert tlsync("forget", str(tmp_path / "other"), "--yes").code == 4


def test_files_that_are_gone_on_purpose_are_forgotten(tlsync: Tlsync, workshop: Workshop, clips: list[Path]) -> None:
    clips[0].unlink()
    assert tlsync("forget", str(clips[0]), "--yes").code == 0
    outcome = tlsync("sync", "--json")
    assert (outcome.code, outcome.json["files"]) == (0, 2)


def test_another_volume_is_taken_for_the_root_when_the_root_is_forgotten(
    tlsync: Tlsync, workshop: Workshop, clips: list[Path], make_clip: MakeClip
) -> None:
    workshop.footage.rename(workshop.footage.parent / "old disk")
    workshop.footage.mkdir()
    make_clip(workshop.footage / "fresh.mp4", duration_s=8.0)
    assert tlsync("sync").code in (3, 4)
    assert tlsync("forget", str(workshop.footage), "--yes").code == 0
    outcome = tlsync("sync", "--json")
    assert (outcome.code, outcome.json["files"], outcome.json["enriched"]) == (0, 1, 1)


def test_a_running_daemon_is_asked(tlsync: Tlsync, workshop: Workshop, clips: list[Path]) -> None:
    with only_one(workshop.state_dir):
        outcome = tlsync("forget", str(clips[0]), "--sidecars", "--yes", "--json")
    assert outcome.json == {"v": 1, "forgotten": None, "asked_daemon": True}
    (request,) = take_all(workshop.state_dir)
    assert (Manner.of(request.action), request.paths) == (Manner(with_sidecars=True), (clips[0],))
