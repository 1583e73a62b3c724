"""Each way in which disk, catalog, sidecars and platform may disagree is found, and what is derived is mended."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Tlsync
from tests.workshop import Workshop
from tlsync.api import TwelveLabs
from tlsync.store.process_lock import only_one

MakeClip = Callable[..., Path]
Found = list[tuple[str, bool]]


def verify(tlsync: Tlsync, *options: str, code: int = 3) -> Found:
    """What was found, and whether it was mended."""
    outcome = tlsync("verify", "--json", *options)
    assert outcome.code == code, (outcome.out, outcome.err)
    return [(finding["what"], finding["is_mended"]) for finding in outcome.json["findings"]]


def ids(tlsync: Tlsync, clip: Path) -> tuple[Any, Any, Any]:
    shown = tlsync("show", str(clip), "--json").json
    return shown["index_id"], shown["indexed_asset_id"], shown["asset_id"]


def sidecar_of(clip: Path) -> Path:
    return Path(f"{clip}.tlsync.json")


def test_all_is_well_and_nothing_is_written(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    before = {path: path.read_bytes() for path in workshop.footage.rglob("*")}
    assert verify(tlsync, code=0) == []
    assert verify(tlsync, "--full", code=0) == []
    assert verify(tlsync, str(clip), code=0) == []
    assert tlsync("verify").out == "All is well.\n"
    assert {path: path.read_bytes() for path in workshop.footage.rglob("*")} == before


def test_it_works_beside_a_daemon_but_for_the_repair(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    with only_one(workshop.state_dir):
        assert verify(tlsync, code=0) == []
        outcome = tlsync("verify", "--repair")
        assert outcome.code == 12
        assert "without --repair" in outcome.err


def test_a_file_that_is_gone_or_new(tlsync: Tlsync, workshop: Workshop, clip: Path, make_clip: MakeClip) -> None:
    new = make_clip(workshop.footage / "new.mp4", duration_s=7.0)
    assert verify(tlsync, code=0) == [("new", False)]
    clip.unlink()
    assert verify(tlsync, str(clip)) == [("gone", False)]
    assert verify(tlsync, str(new), code=0) == [("new", False)]


def test_a_file_that_holds_something_else_is_taken_as_new(
    tlsync: Tlsync, workshop: Workshop, clip: Path, make_clip: MakeClip
) -> None:
    make_clip(clip, duration_s=8.0)
    assert verify(tlsync) == [("changed", False)]
    assert verify(tlsync, "--repair", code=0) == [("changed", True)]
    assert workshop.states() == {"harbour.mp4": "settling"}
    assert tlsync("sync", "--json").json["uploaded"] == 1


def test_bytes_that_rot_between_the_samples_are_found_by_reading_whole(
    tlsync: Tlsync, workshop: Workshop, clip: Path, make_clip: MakeClip
) -> None:
    large = clip.with_name("large.mp4")
    shutil.copy(clip, large)
    with large.open("ab") as stream:
        stream.write((6_000_000).to_bytes(4, "big") + b"free" + bytes(6_000_000 - 8))
    assert tlsync("sync").code == 0
    before = large.stat()
    offset = before.st_size // 2 + 123_457
    with large.open("r+b") as stream:
        stream.seek(offset)
        stream.write(b"\x01")
    os.utime(large, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert verify(tlsync, str(large), code=0) == []
    assert verify(tlsync, "--full", str(large)) == [("changed", False)]  # its change time says that somebody wrote
    with closing(sqlite3.connect(workshop.state_dir / "catalog.db")) as connection:
        connection.execute("UPDATE files SET ctime_ns = ? WHERE path = ?", (large.stat().st_ctime_ns, b"large.mp4"))
        connection.commit()
    assert verify(tlsync, "--full", "--repair", str(large)) == [("rotten", False)]


def test_a_root_that_is_away_is_told(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    workshop.footage.rename(workshop.footage.parent / "away")
    assert verify(tlsync) == [("root_offline", False)]


def _cut(sidecar: Path) -> None:
    sidecar.write_bytes(sidecar.read_bytes()[:100])


def _empty(sidecar: Path) -> None:
    sidecar.write_bytes(bytes(512))


def _edit(sidecar: Path) -> None:
    document = json.loads(sidecar.read_text())
    sidecar.write_text(json.dumps(document | {"summary": "another"}))


@pytest.mark.parametrize(
    ("harm", "what"),
    [(Path.unlink, "sidecar_missing"), (_cut, "sidecar_torn"), (_empty, "sidecar_torn"), (_edit, "sidecar_stale")],
)
def test_sidecars_are_written_again(
    tlsync: Tlsync, workshop: Workshop, clip: Path, harm: Callable[[Path], None], what: str
) -> None:
    sidecar = sidecar_of(clip)
    good = sidecar.read_bytes()
    harm(sidecar)
    assert verify(tlsync) == [(what, False)]
    calls = workshop.counts().get("summarize", 0)
    assert verify(tlsync, "--repair", code=0) == [(what, True)]
    assert sidecar.read_bytes() == good
    assert workshop.counts().get("summarize", 0) == calls
    assert verify(tlsync, code=0) == []


def test_a_file_that_is_not_ours_is_left_alone(tlsync: Tlsync, clip: Path) -> None:
    sidecar_of(clip).write_text('{"mine": true}')
    assert verify(tlsync, "--repair") == [("sidecar_foreign", False)]
    assert sidecar_of(clip).read_text() == '{"mine": true}'


def test_an_entry_that_is_gone_is_noted_and_sent_again_only_when_asked(
    tlsync: Tlsync, workshop: Workshop, clip: Path, client: TwelveLabs
) -> None:
    index_id, entry_id, _ = ids(tlsync, clip)
    client.indexes.indexed_assets.delete(index_id, entry_id)
    assert verify(tlsync) == [("entry_gone", False)]
    assert verify(tlsync, str(clip)) == [("entry_gone", False)]
    assert verify(tlsync, "--repair", code=0) == [("entry_gone", True)]
    made = workshop.counts()["indexes.indexed_assets.create"]
    assert tlsync("sync").code == 3
    assert workshop.counts()["indexes.indexed_assets.create"] == made
    assert tlsync("retry", str(clip)).code == 0
    assert tlsync("sync", "--json").json["enriched"] == 1
    assert verify(tlsync, code=0) == []


def test_a_stamp_that_is_gone_or_wrong_is_written_again(
    tlsync: Tlsync, workshop: Workshop, clip: Path, client: TwelveLabs
) -> None:
    index_id, entry_id, _ = ids(tlsync, clip)
    entries = client.indexes.indexed_assets
    stamp = dict(entries.retrieve(index_id, entry_id).user_metadata)
    entries.update(index_id, entry_id, user_metadata=dict.fromkeys(stamp))
    assert verify(tlsync, "--full") == [("stamp_missing", False)]
    assert verify(tlsync, "--full", "--repair", code=0) == [("stamp_missing", True)]
    assert dict(entries.retrieve(index_id, entry_id).user_metadata) == stamp
    entries.update(index_id, entry_id, user_metadata={"tlsync_sha256": "0" * 64})
    assert verify(tlsync, str(clip)) == [("stamp_differs", False)]
    assert verify(tlsync, "--repair", str(clip), code=0) == [("stamp_differs", True)]
    assert dict(entries.retrieve(index_id, entry_id).user_metadata) == stamp


def test_second_entries_are_found_and_left_for_the_person(
    tlsync: Tlsync, workshop: Workshop, clip: Path, client: TwelveLabs
) -> None:
    index_id, entry_id, asset_id = ids(tlsync, clip)
    entries = client.indexes.indexed_assets
    again = entries.create(index_id, asset_id=asset_id)
    entries.update(index_id, again.id, user_metadata=dict(entries.retrieve(index_id, entry_id).user_metadata))
    outcome = tlsync("verify", "--full", "--repair", "--json")
    assert outcome.code == 3
    assert [(finding["what"], finding["remote_id"]) for finding in outcome.json["findings"]] == [("spare", again.id)]
    assert f"tlsync remote delete {again.id}" in outcome.json["findings"][0]["advice"]


def test_what_another_machine_sent_is_a_note(
    tlsync: Tlsync, workshop: Workshop, clip: Path, client: TwelveLabs
) -> None:
    index_id, _, asset_id = ids(tlsync, clip)
    entries = client.indexes.indexed_assets
    other = entries.create(index_id, asset_id=asset_id)
    entries.update(index_id, other.id, user_metadata={"tlsync_fp": "f1-other", "tlsync_sha256": "a" * 64})
    assert verify(tlsync, "--full", code=0) == [("elsewhere", False)]


def test_a_damaged_catalog_is_found(tlsync: Tlsync, workshop: Workshop, clip: Path) -> None:
    catalog = workshop.state_dir / "catalog.db"
    data = bytearray(catalog.read_bytes())
    data[4096 * 3 : 4096 * 3 + 64] = bytes(64)
    catalog.write_bytes(data)
    assert verify(tlsync) == [("catalog_damaged", False)]
    assert catalog.read_bytes() == data


def test_findings_are_told_with_what_to_do(tlsync: Tlsync, clip: Path) -> None:
    sidecar_of(clip).unlink()
    outcome = tlsync("verify")
    assert outcome.code == 3
    assert "sidecar missing" in outcome.out
    assert "--repair" in outcome.out
    assert "1 finding(s), 0 mended" in outcome.out
