"""What must hold after every run, however it went.

ledger    what was paid for was paid for once, and what is there is what was on the disk
catalog   the database is sound
sidecars  whole, of the schema, of their media; what people put there is as it was
rest      every file rests in the state that its bytes deserve, and the totals are what a walk counts
media     no byte of any media file was changed
"""

from __future__ import annotations

import functools
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema

from tests.simulation.clips import is_whole
from tests.simulation.excuses import is_excused
from tests.simulation.machine import Machine
from tlsync.sandbox import timeline
from tlsync.states import AT_REST, FileState
from tlsync.store.reader import FileView
from tlsync.store.sidecar_format import json_schema

if TYPE_CHECKING:
    from tests.simulation.world import World

_SUFFIX = ".tlsync.json"
_MOST_LOSSES = 2
"""The entry, and the asset."""


def judge(world: World) -> list[str]:
    """Everything that is wrong, each with the name of its oracle."""
    problems = list(world.problems)
    for machine in world.machines:
        problems += [f"rest: {machine.name} ended by itself: {error}" for error in machine.refusals]
        problems += _restless(machine)
    for machine in world.machines:
        machine.refusals.clear()
        machine.sync()  # finds what the daemon was not told of
        for _ in range(1 + _MOST_LOSSES):  # each attempt may find that people removed more than it had thought
            machine.sync(retry=True)
        sent_before = world.platform.ledger.count("storage.put")
        summary = machine.sync()
        if world.platform.ledger.count("storage.put") != sent_before:
            problems.append(f"ledger: {machine.name}: a pass over files at rest sent something")
        files = [path for path in machine.root.rglob("*.mp4") if not path.name.startswith(".")]
        if summary.files != len(files):
            problems.append(f"rest: {machine.name}: {summary.files} files are told of, {len(files)} are there")
        if summary.pending:
            problems.append(f"rest: {machine.name}: {summary.pending} files still wait after a pass without faults")
        problems += _media(world, machine) + _states(world, machine) + _catalog(machine)
        problems += [
            f"sidecars: a stray temporary file in {path.parent.name}" for path in machine.root.rglob("*.tlsync-tmp")
        ]
    problems += [
        f"sidecars: {path} was not tlsync's and was changed"
        for path, data in world.disk.foreign.items()
        if path.exists() and path.read_bytes() != data
    ]
    return problems + list(_ledger(world))


def _restless(machine: Machine) -> Iterator[str]:
    for path, view in machine.files().items():
        if view.state not in AT_REST:
            yield f"rest: {path.relative_to(machine.root)} is still {view.state}: {view.reason}"


def _states(world: World, machine: Machine) -> list[str]:
    """Each file is where its bytes say that it belongs."""
    problems = []
    views = machine.files()
    for path in sorted(machine.root.rglob("*.mp4")):
        data, view = path.read_bytes(), views.pop(path, None)
        name = path.relative_to(machine.root)
        if view is None:
            problems.append(f"rest: {name} is in no row")
            continue
        wanted = FileState.ENRICHED if is_whole(data) else FileState.INELIGIBLE
        if wanted == FileState.ENRICHED and path.with_name(path.name + _SUFFIX) in world.disk.foreign:
            wanted = FileState.FAILED
        if view.state != wanted:
            problems.append(f"rest: {name} is {view.state} ({view.reason}), not {wanted}")
        elif wanted == FileState.ENRICHED:
            problems += _sidecar(path, data, view)
            asset = world.platform.core.db.row("SELECT sha256 FROM assets WHERE id = ?", (view.asset_id,))
            # The id may be unknown where another machine sent the file.
            if view.asset_id is not None and (asset is None or asset["sha256"] != view.sha256):
                problems.append(f"ledger: the asset of {name} does not hold its bytes")
    for path, view in views.items():
        if view.state != FileState.MISSING:
            problems.append(f"rest: {path.relative_to(machine.root)} is gone and {view.state}")
    return problems


def _sidecar(media: Path, data: bytes, view: FileView) -> list[str]:
    sha256 = hashlib.sha256(data).hexdigest()
    problems = []
    if view.sha256 != sha256:
        problems.append(f"sidecars: the catalog takes {media.name} for {str(view.sha256)[:8]}, it is {sha256[:8]}")
    try:
        document = json.loads(media.with_name(media.name + _SUFFIX).read_text("utf-8"))
        _validator().validate(document)
    except (OSError, ValueError, jsonschema.ValidationError) as error:
        return [*problems, f"sidecars: that of {media.name}: {error}"]
    if document["media"]["sha256"] != sha256:
        problems.append(f"sidecars: that of {media.name} is of other bytes")
    if document["media"]["filename"] != media.name:
        problems.append(f"sidecars: that of {media.name} names {document['media']['filename']}")
    return problems


@functools.cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(json_schema())


def _media(world: World, machine: Machine) -> list[str]:
    there = {
        path: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in machine.root.rglob("*")
        if path.suffix in (".mp4", ".bin")
    }
    expected = {path: sha256 for path, sha256 in world.disk.media.items() if machine.root in path.parents}
    return [
        f"media: {path.name} is not as people left it"
        for path in there | expected
        if there.get(path) != expected.get(path)
    ]


def _catalog(machine: Machine) -> list[str]:
    with closing(sqlite3.connect(machine.state_dir / "catalog.db")) as db:
        found = [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        found += [f"a row of {row[0]} refers to none of {row[2]}" for row in db.execute("PRAGMA foreign_key_check")]
    return [f"catalog: {machine.name}: {trouble}" for trouble in found]


def _ledger(world: World) -> Iterator[str]:
    """One whole asset per content, one indexed asset per asset; what failed or people removed does not count."""
    db, now_ms = world.platform.core.db, world.platform.core.now_ms()

    def is_good(row: Any) -> bool:
        return row["deleted_ms"] is None and timeline.from_json(row["timeline"]).status(now_ms) != "failed"

    contents: dict[str, list[str]] = {}
    for row in db.rows("SELECT * FROM assets WHERE sha256 IS NOT NULL ORDER BY rowid"):
        if row["sha256"] not in world.disk.existed:
            yield f"ledger: asset {row['id'][-6:]} holds bytes that no file ever had"
        elif row["sha256"] not in world.disk.whole:
            yield f"ledger: asset {row['id'][-6:]} is a file that was not whole"
        # An asset that became whole when its file was gone, and that nobody could note, can't be known again.
        if is_good(row) and row["id"] in world.noted:
            contents.setdefault(row["sha256"], []).append(row["id"])
    for sha256, ids in contents.items():
        if len(ids) > 1:
            ids = [one for one in ids if not is_excused(world, one, ids)]
        if len(ids) > 1:
            yield f"ledger: content {sha256[:8]} was uploaded {len(ids)} times: {[one[-6:] for one in ids]}"
    entries: dict[str, list[str]] = {}
    for row in db.rows("SELECT * FROM indexed_assets ORDER BY rowid"):
        if is_good(row):
            entries.setdefault(row["asset_id"], []).append(row["id"])
    for asset_id, ids in entries.items():
        if len(ids) > 1:
            yield f"ledger: asset {asset_id[-6:]} was indexed {len(ids)} times: {[one[-6:] for one in ids]}"
