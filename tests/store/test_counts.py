"""The numbers that `status` shows are counted as files move; they stay those of the files."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path

import pytest

from tlsync.models import StatSignature
from tlsync.states import FileState, may_move
from tlsync.store.catalog import FileRow
from tlsync.store.reader import CatalogReader
from tlsync.store.store import Store

ROOTS = (Path("/footage"), Path("/more"))


def looked_through(state_dir: Path) -> dict[str, tuple[int, int]]:
    connection = sqlite3.connect(state_dir / "catalog.db")
    rows = connection.execute("SELECT state, count(*), sum(size_bytes) FROM files GROUP BY state").fetchall()
    connection.close()
    return {state: (number, size_bytes) for state, number, size_bytes in rows}


@pytest.mark.parametrize("seed", range(5))
def test_counts_are_those_of_the_files_whatever_happens(store: Store, state_dir: Path, seed: int) -> None:
    luck = random.Random(seed)
    root_ids = [store.roots.ensure(root, "clips").id for root in ROOTS]
    files: list[FileRow] = []
    for number in range(120):
        deed = luck.choice(["add", "add", "move", "move", "move", "forget", "note", "relocate"])
        signature = StatSignature(luck.randrange(1, 1000), number, 0, number)
        if deed == "add" or not files:
            files.append(store.catalog.add(luck.choice(root_ids), f"{number}.mp4".encode(), signature))
            continue
        place = luck.randrange(len(files))
        file = files[place]
        if deed == "move":
            to = luck.choice([state for state in FileState if may_move(file.state, state)])
            files[place] = store.catalog.move(file, to, signature=signature)
        elif deed == "note":
            store.catalog.note(file, "still written", signature=signature)
        elif deed == "forget":
            store.catalog.forget(files.pop(place))
        elif file.state == FileState.MISSING:
            arrived = store.catalog.add(luck.choice(root_ids), f"to-{number}.mp4".encode(), signature)
            files[place] = store.catalog.relocate(file, arrived)
    with CatalogReader(state_dir) as reader:
        assert reader.totals() == looked_through(state_dir)
        assert sum(reader.counts().values()) == len(files)
    assert sum(store.catalog.counts().values()) == len(files)


@pytest.mark.parametrize("number", [1, 499, 500, 1001])
def test_files_that_are_noted_together_are_counted_once(store: Store, state_dir: Path, number: int) -> None:
    """Some of them are known already, and one is named twice."""
    first, second = (store.roots.ensure(root, "clips").id for root in ROOTS)
    found = [(f"{n:04}.mp4".encode(), StatSignature(n + 1, 10 * n, 20 * n, 30 * n)) for n in range(number)]
    known = store.catalog.add(first, *found[-1])
    store.catalog.move(known, FileState.SETTLING)
    store.catalog.add_all(second, found)
    ids = store.catalog.add_all(first, [*found, found[0]])
    assert store.catalog.add_all(first, found) == []
    assert len(ids) == number - 1
    assert [store.catalog.get(file_id).signature for file_id in ids] == [look for _, look in found[:-1]]  # type: ignore[union-attr]
    for file_id in ids[:3]:
        store.catalog.forget(store.catalog.get(file_id))  # type: ignore[arg-type]
    with CatalogReader(state_dir) as reader:
        assert reader.totals() == looked_through(state_dir)
    rows = store.catalog._db.rows("SELECT reason, count(*) FROM history GROUP BY reason ORDER BY reason")
    assert dict(map(tuple, rows)) == {"": 1, "seen": 2 * number - min(3, len(ids))}  # type: ignore[arg-type]


def test_a_catalog_of_an_earlier_version_is_looked_through(store: Store, state_dir: Path) -> None:
    root_id = store.roots.ensure(ROOTS[0], "clips").id
    store.catalog.add(root_id, b"a.mp4", StatSignature(7, 1, 1, 1))
    connection = sqlite3.connect(state_dir / "catalog.db")
    for trigger in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger[0]}")
    connection.execute("DROP TABLE counts")
    connection.commit()
    connection.close()
    with CatalogReader(state_dir) as reader:
        assert reader.totals() == {"discovered": (1, 7)}
