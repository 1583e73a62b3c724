"""A lost or damaged catalog costs nothing but a look at the files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync
from tests.workshop import Workshop
from tlsync.models import Cue

MakeClip = Callable[..., Path]


@pytest.fixture
def clips(workshop: Workshop, make_clip: MakeClip, tlsync: Tlsync) -> list[Path]:
    """Two clips that were synced."""
    made = [
        make_clip(workshop.footage / f"{name}.mp4", duration_s=5.0 + number, cues=(Cue(0.5, 2.0, name),))
        for number, name in enumerate(["harbour", "gull"])
    ]
    assert tlsync("sync").code == 0
    return made


def sent(workshop: Workshop) -> tuple[int, int, int]:
    """Bytes put, sessions opened, entries made: what must not grow."""
    ledger = workshop.server.ledger
    return ledger.put_bytes(), ledger.count("multipart_upload.create"), ledger.count("indexes.indexed_assets.create")


def texts(workshop: Workshop) -> int:
    return sum(workshop.server.ledger.count(name) for name in ("summarize", "gist", "analyze"))


def rot(catalog: Path) -> None:
    before = catalog.stat()
    data = bytearray(catalog.read_bytes())
    data[len(data) // 2] ^= 1
    catalog.write_bytes(data)
    os.utime(catalog, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_rebuild_links_everything_and_sends_nothing(tlsync: Tlsync, workshop: Workshop, clips: list[Path]) -> None:
    before, asked = sent(workshop), texts(workshop)
    sidecars = [Path(f"{clip}.tlsync.json").read_bytes() for clip in clips]
    outcome = tlsync("rebuild", "--yes", "--json")
    assert outcome.code == 0, outcome.err
    assert (outcome.json["linked"], outcome.json["new"], outcome.json["unproven"]) == (2, [], [])
    assert (Path(outcome.json["set_aside"]) / "catalog.db").exists()
    assert "2 files) is set aside, not deleted" in outcome.err
    assert sent(workshop) == before
    assert texts(workshop) == asked
    assert set(workshop.states().values()) == {"enriched"}
    assert [Path(f"{clip}.tlsync.json").read_bytes() for clip in clips] == sidecars
    assert tlsync("sync", "--json").json["uploaded"] == 0
    workshop.assert_clean()


def test_rebuild_tells_what_is_new_and_leaves_it_to_the_next_sync(
    tlsync: Tlsync, workshop: Workshop, clips: list[Path], make_clip: MakeClip
) -> None:
    new = make_clip(workshop.footage / "new.mp4", duration_s=9.0)
    before = sent(workshop)
    outcome = tlsync("rebuild", "--yes", "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.json["new"] == [{"path": str(new), "size_bytes": new.stat().st_size}]
    assert outcome.json["linked"] == 2
    assert sent(workshop) == before
    assert tlsync("sync", "--json").json["uploaded"] == 1


def test_rebuild_asks_before_it_does_anything(tlsync: Tlsync, workshop: Workshop, clips: list[Path]) -> None:
    outcome = tlsync("rebuild")
    assert outcome.code == 2
    assert "--yes" in outcome.err
    assert not list(workshop.state_dir.glob("catalog.replaced*"))


def test_an_offline_root_is_told_and_linked_when_it_is_back(
    tlsync: Tlsync, workshop: Workshop, clips: list[Path]
) -> None:
    before = sent(workshop)
    away = workshop.footage.rename(workshop.footage.parent / "away")
    outcome = tlsync("rebuild", "--yes", "--json")
    assert outcome.code == 3
    assert outcome.json["offline_roots"] == [str(workshop.footage)]
    away.rename(workshop.footage)
    assert tlsync("sync", "--json").json["reused"] == 2
    assert sent(workshop) == before


def test_rebuild_without_a_platform_sets_nothing_aside(tlsync: Tlsync, workshop: Workshop, clips: list[Path]) -> None:
    workshop.server.faults.answer("indexes.list", 401)
    assert tlsync("rebuild", "--yes").code == 6
    assert not list(workshop.state_dir.glob("catalog.replaced*"))


def test_sync_sets_a_damaged_catalog_aside_and_links_before_it_sends(
    tlsync: Tlsync, workshop: Workshop, clips: list[Path]
) -> None:
    before, asked = sent(workshop), texts(workshop)
    rot(workshop.state_dir / "catalog.db")
    outcome = tlsync("sync", "--json")
    assert outcome.code == 0, outcome.err
    assert "catalog is damaged" in outcome.err
    assert (outcome.json["enriched"], outcome.json["uploaded"], outcome.json["reused"]) == (2, 0, 2)
    assert len(list(workshop.state_dir.glob("catalog.damaged-*/catalog.db"))) == 1
    assert sent(workshop) == before
    assert texts(workshop) == asked
    assert tlsync("sync").code == 0
    assert len(list(workshop.state_dir.glob("catalog.damaged-*"))) == 1


def test_other_commands_tell_of_the_damage_and_change_nothing(
    tlsync: Tlsync, workshop: Workshop, clips: list[Path]
) -> None:
    rot(workshop.state_dir / "catalog.db")
    outcome = tlsync("retry")
    assert outcome.code == 1
    assert "tlsync sync" in outcome.err
    assert not list(workshop.state_dir.glob("catalog.damaged-*"))


def test_a_rebuilding_that_was_cut_off_goes_on_before_anything_is_sent(
    tlsync: Tlsync, workshop: Workshop, clips: list[Path]
) -> None:
    before = sent(workshop)
    rot(workshop.state_dir / "catalog.db")
    workshop.server.faults.answer("indexes.list", 401)
    assert tlsync("sync").code == 6
    outcome = tlsync("sync", "--json")
    assert (outcome.json["uploaded"], outcome.json["reused"]) == (0, 2)
    assert sent(workshop) == before
