"""What the daemon asks the catalog again and again is found by an index, however many files there are.

The statements are gathered from a story as it happens, so a new one can't be forgotten. SQLite plans without knowing
how many rows there are (nothing runs ANALYZE), so a small catalog shows the plans of a large one.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.workshop import Workshop
from tlsync.engine.engine import Engine
from tlsync.store.database import FILE_NAME

SMALL = frozenset({"roots", "about", "learned", "heartbeat", "counts", "cursors", "removals", "orphans", "json_each"})
"""Tables of a few rows, whatever the number of files; removals and orphans are what a person removed by hand, and
json_each is what is asked for."""

ALLOWED: dict[str, str] = {}
"""Statements that read a whole table or sort it, by how they begin: why that is right."""


class Recording(sqlite3.Connection):
    """Remembers the text of its statements, with question marks where the values are: partial indexes need these."""

    statements: ClassVar[set[str]] = set()
    is_on = False

    def __init__(self, path: object, *arguments: Any, **options: Any) -> None:
        super().__init__(path, *arguments, **options)  # type: ignore[arg-type]
        self._is_catalog = FILE_NAME in str(path)

    def _note(self, sql: str) -> None:
        if Recording.is_on and self._is_catalog:
            Recording.statements.add(sql)

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        self._note(sql)
        return super().execute(sql, *arguments)

    def executemany(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        self._note(sql)
        return super().executemany(sql, *arguments)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    real = sqlite3.connect
    Recording.statements = set()

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        return real(*arguments, **{"factory": Recording, **options})

    monkeypatch.setattr(sqlite3, "connect", connect)
    yield Recording.statements
    Recording.is_on = False


def plan_of(connection: sqlite3.Connection, sql: str) -> list[str]:
    """The lines of a plan; values don't matter to it."""
    marks = re.findall(r"\?\d*", sql)
    count = max([len([mark for mark in marks if mark == "?"]), *(int(mark[1:]) for mark in marks if mark != "?")])
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * count)]


def faults_of(plan: Iterable[str], sql: str) -> list[str]:
    """Lines of a plan that take longer the more files there are."""
    aliases = {alias: table for table, alias in re.findall(r"\b(?:FROM|JOIN)\s+(\w+)\s+AS\s+(\w+)", sql)}
    asked = [(line, re.match(r"(SCAN|SEARCH) (\w+)", line)) for line in plan]
    large = [line for line, found in asked if found and aliases.get(found[2], found[2]) not in SMALL]
    faults = [line for line in large if line.startswith("SCAN")]
    return faults + [line for line, _ in asked if large and "USE TEMP B-TREE" in line]


def story(workshop: Workshop, make_clip: Callable[..., Path]) -> None:
    """Clips arrive, are sent, described, changed, renamed and removed, and the daemon beats meanwhile."""
    (workshop.footage / "day").mkdir()
    first = make_clip(workshop.footage / "day" / "a.mp4")
    make_clip(workshop.footage / "day" / "b.mp4", duration_s=6.0)
    (workshop.footage / "broken.mp4").write_bytes(b"no clip")

    def begin(engine: Engine) -> None:
        Recording.is_on = True
        beat(engine)

    def beat(engine: Engine) -> None:
        store = engine._store
        store.heartbeat.beat(1, engine.report())
        store.check_if_due()
        engine.offline_roots()
        store.catalog.counts()
        for root in store.roots.all():  # as when many files are gone at once
            store.roots.known_count(root.id)
            store.catalog.count_as_large(root.id, Counter([1]))
        for lane in ("local", "recognition", "transfer", "remote"):  # as when more wait than memory should hold
            engine._more(lane, 10)

    workshop.sync(before=begin)
    shutil.copyfile(first, workshop.footage / "copy.mp4")
    first.rename(workshop.footage / "renamed.mp4")
    make_clip(workshop.footage / "day" / "b.mp4", duration_s=7.0)
    (workshop.footage / "broken.mp4").unlink()
    Recording.is_on = False
    workshop.sync(before=begin)
    Recording.is_on = False
    workshop.sync([workshop.footage / "copy.mp4", workshop.footage / "day"], before=begin)
    Recording.is_on = False


def test_no_statement_of_the_daemon_reads_a_whole_table(
    workshop: Workshop, make_clip: Callable[..., Path], recorded: set[str]
) -> None:
    story(workshop, make_clip)
    asked = {" ".join(sql.split()) for sql in recorded if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", sql)}
    assert len(asked) > 40, "the story is too short to tell"
    with closing(sqlite3.connect(workshop.state_dir / FILE_NAME)) as connection:
        found = {sql: faults_of(plan_of(connection, sql), sql) for sql in asked}
    faulty = {sql: faults for sql, faults in found.items() if faults}
    assert {sql: faults for sql, faults in faulty.items() if not sql.startswith(tuple(ALLOWED))} == {}
    unused = [begin for begin in ALLOWED if not any(sql.startswith(begin) for sql in asked)]
    assert unused == [], "these are no longer asked"


def test_a_plan_that_reads_a_whole_table_is_noticed(workshop: Workshop, make_clip: Callable[..., Path]) -> None:
    make_clip(workshop.footage / "a.mp4")
    workshop.sync()
    with closing(sqlite3.connect(workshop.state_dir / FILE_NAME)) as connection:
        for sql in (
            "SELECT * FROM files WHERE reason = ?",
            "SELECT * FROM files AS f WHERE f.reason = ?",
            "UPDATE files SET reason = '' WHERE hint = ?",
            "SELECT * FROM files WHERE state = ? ORDER BY path",
        ):
            assert faults_of(plan_of(connection, sql), sql), sql
