"""What `status` says of today is counted as it happens, and is what the history says."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tlsync.clock import to_text
from tlsync.models import StatSignature
from tlsync.states import FileState, may_move
from tlsync.store.migrations import _DONE_SCHEMA
from tlsync.store.past import totals_since
from tlsync.store.reader import CatalogReader
from tlsync.store.store import Store

BEGIN = datetime(2026, 11, 21, 22, 7, tzinfo=UTC)
LIKELY = {"settling": "identified", "identified": "uploading", "uploading": "uploaded", "ready": "enriched"}


def walked(state_dir: Path, since: datetime) -> dict[str, int]:
    """The same by going through the history move by move."""
    found = {"uploaded": 0, "bytes": 0, "enriched": 0, "failed": 0}
    with closing(sqlite3.connect(state_dir / "catalog.db")) as connection:
        rows = connection.execute(
            "SELECT from_state, to_state, size_bytes FROM history JOIN files ON files.id = file_id WHERE at >= ?",
            (to_text(since),),
        ).fetchall()
    for old, new, size_bytes in rows:
        if old == "uploading" and new in ("uploaded", "indexing"):
            found["uploaded"] += 1
            found["bytes"] += size_bytes
        elif new in ("enriched", "failed"):
            found[new] += 1
    return found


def worked(state_dir: Path, seed: int) -> None:
    """A catalog of some hours of work."""
    luck, clock = random.Random(seed), FakeClock(BEGIN)
    with Store(state_dir, clock) as store:
        root_id = store.roots.ensure(Path("/footage"), "clips").id
        files = [store.catalog.add(root_id, b"%d.mp4" % at, StatSignature(1000 + at, 1, 1, at)) for at in range(20)]
        for _ in range(400):
            place = luck.randrange(len(files))
            old = files[place].state
            allowed = [state for state in FileState if may_move(old, state)]
            to = FileState(LIKELY[old]) if old in LIKELY and luck.random() < 0.8 else luck.choice(allowed)
            files[place] = store.catalog.move(files[place], to)
            clock.advance(luck.choice([0.0, 1.0, 50.0]))


@pytest.mark.parametrize("seed", range(3))
def test_what_was_done_is_what_the_history_says(state_dir: Path, seed: int) -> None:
    worked(state_dir, seed)
    with CatalogReader(state_dir) as reader:
        for quarters in range(-1, 30):
            since = datetime(2026, 11, 21, 22, 15, tzinfo=UTC) + timedelta(minutes=15 * quarters)
            assert totals_since(reader, since) == walked(state_dir, since)
        assert all(totals_since(reader, BEGIN - timedelta(days=1)).values())


def test_an_earlier_catalog_is_counted_once(state_dir: Path) -> None:
    worked(state_dir, 7)
    since = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
    with CatalogReader(state_dir) as reader:
        before = totals_since(reader, since)
        with closing(sqlite3.connect(state_dir / "catalog.db")) as connection:
            connection.execute("DROP TRIGGER files_done")
            connection.execute("DROP TABLE done")
        assert not any(totals_since(reader, since).values())
        with closing(sqlite3.connect(state_dir / "catalog.db")) as connection, connection:
            for statement in _DONE_SCHEMA:
                connection.execute(statement)
        assert totals_since(reader, since) == before == walked(state_dir, since)


def test_what_is_no_longer_kept_is_no_longer_counted(state_dir: Path) -> None:
    clock = FakeClock(BEGIN)
    with Store(state_dir, clock) as store, CatalogReader(state_dir) as reader:
        file = store.catalog.add(store.roots.ensure(Path("/footage"), "clips").id, b"a.mp4", StatSignature(7, 1, 1, 1))
        for state in (FileState.FAILED, FileState.SETTLING, FileState.FAILED):
            clock.advance(86_400.0)
            file = store.catalog.move(file, state)
        store.history.kept_s = 86_400.0
        assert totals_since(reader, BEGIN - timedelta(days=1))["failed"] == 2
        assert store.history.prune_if_due()
        assert totals_since(reader, BEGIN - timedelta(days=1))["failed"] == 1
