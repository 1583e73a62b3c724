"""Catalogs that rot, lose their journals, are put back from a day ago, or are cut off in the middle of a migration."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from tests.faults.conftest import Row
from tests.workshop import QUICK_RETRIES, Workshop
from tlsync.api import TwelveLabs
from tlsync.cli.wiring import with_sound_catalog
from tlsync.clock import SystemClock
from tlsync.engine.progress import Silent
from tlsync.engine.rebuild import link_known
from tlsync.engine.tally import Summary
from tlsync.errors import CatalogDamaged, CatalogError
from tlsync.store.migrations import catalog_schema
from tlsync.store.store import Store

MakeClip = Callable[..., Path]
PROJECT = Path(__file__).parent.parent.parent


def paid(workshop: Workshop) -> dict[str, int]:
    """What costs money or time at the platform, and must not happen again."""
    ledger = workshop.server.ledger
    return {
        "bytes put": ledger.put_bytes(),
        "assets": sum(map(len, ledger.assets_by_sha256().values())),
        "entries": sum(map(len, ledger.indexed_by_asset().values())),
    }


def sync_like_the_command(workshop: Workshop) -> Summary:
    """What `tlsync sync` does with a catalog: set it aside if need be, link what is known, then work."""

    def work() -> Summary:
        settings = workshop.settings
        with (
            Store(settings.state_dir, workshop.clock) as store,
            TwelveLabs(
                api_key=workshop.server.api_key, base_url=settings.platform.base_url, retries=QUICK_RETRIES
            ) as client,
        ):
            if store.is_rebuilding:
                link_known(
                    settings,
                    store,
                    client,
                    workshop.prober,
                    clock=workshop.clock,
                    stop=threading.Event(),
                    progress=Silent(),
                )
        return workshop.sync()

    return with_sound_catalog(workshop.settings, work)


def content_of(catalog: Path) -> dict[str, set[tuple[Any, ...]]]:
    """All rows of all tables, but for what each opening notes."""
    with closing(sqlite3.connect(catalog)) as connection:
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            table: set(connection.execute(f"SELECT * FROM {table}"))
            for table in tables
            if table != "about" and not table.startswith(("sqlite_", "_sqlite"))
        }


def put_back(copy: Path, state_dir: Path) -> None:
    """The state folder as it was when it was copied, with its times."""
    shutil.rmtree(state_dir)
    shutil.copytree(copy, state_dir)


def flip(path: Path, bit: int) -> None:
    """Flip a bit the way a disk does: the file's time stays."""
    before = path.stat()
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


class Ailing:
    """A synced workshop, with copies of its state after a clean stop and after a crash."""

    def __init__(self, workshop: Workshop, folder: Path) -> None:
        self.workshop = workshop
        self.clean, self.crashed = folder / "clean", folder / "crashed"
        assert workshop.sync().enriched == 2
        shutil.copytree(workshop.state_dir, self.clean)
        with Store(workshop.state_dir, SystemClock()) as store:
            for file in store.catalog.below(store.roots.ensure(workshop.footage, "clips").id).values():
                store.catalog.note(file, "noted before the crash")
            shutil.copytree(workshop.state_dir, self.crashed)
        self.known = content_of(self.clean / "catalog.db")
        self.paid = paid(workshop)

    def judge(self) -> str:
        """Is the harm seen when the catalog is opened, or does it change nothing?"""
        catalog = self.workshop.state_dir / "catalog.db"
        try:
            Store(self.workshop.state_dir, SystemClock()).close()
        except CatalogDamaged:
            return "detected"
        return "harmless" if content_of(catalog) == self.known else "silent"

    def recover(self) -> None:
        """Nothing is paid for again, and everything is as it should be at the end."""
        summary = sync_like_the_command(self.workshop)
        assert (summary.enriched, summary.uploaded) == (2, 0)
        assert paid(self.workshop) == self.paid
        assert all(Path(f"{clip}.tlsync.json").exists() for clip in self.workshop.footage.glob("*.mp4"))


@pytest.fixture
def ailing(workshop: Workshop, make_clip: MakeClip, tmp_path: Path) -> Ailing:
    make_clip(workshop.footage / "a.mp4", duration_s=4.0)
    make_clip(workshop.footage / "b.mp4", duration_s=4.5)
    return Ailing(workshop, tmp_path)


def _flips(row: Row, ailing: Ailing, flips: int, recoveries: int) -> None:
    """Flip bits after a clean stop; look at each, and go through a whole recovery with some of them."""
    state_dir, seen = ailing.workshop.state_dir, {"detected": 0, "harmless": 0, "silent": 0}
    for number in range(flips):
        put_back(ailing.clean, state_dir)
        flip(state_dir / "catalog.db", row.random.randrange((state_dir / "catalog.db").stat().st_size * 8))
        if number < recoveries:
            ailing.recover()
            seen["detected"] += bool(list(state_dir.glob("catalog.damaged-*")))
            assert list(state_dir.glob("catalog.damaged-*")), "a rotten bit went through"
        else:
            seen[ailing.judge()] += 1
    row.say(
        f"{flips} flips after a clean stop: {seen['detected']} detected, {seen['silent']} silent; "
        f"{recoveries} recoveries: 0 bytes uploaded again"
    )
    assert seen["silent"] == 0


def _flips_after_a_crash(row: Row, ailing: Ailing, flips: int) -> None:
    """Without a seal SQLite's checks have to do. What they miss may be a letter of a text, never an upload."""
    state_dir, seen = ailing.workshop.state_dir, {"detected": 0, "harmless": 0, "silent": 0}
    ailing.known = content_of(_folded(ailing.crashed))
    for _ in range(flips):
        put_back(ailing.crashed, state_dir)
        flip(state_dir / "catalog.db", row.random.randrange((state_dir / "catalog.db").stat().st_size * 8))
        copy = _copy(state_dir)
        seen[ailing.judge()] += 1
        put_back(copy, state_dir)
        ailing.recover()
    row.say(
        f"{flips} flips after a crash: {seen['detected']} detected, {seen['harmless']} harmless, {seen['silent']} in "
        "facts that no check of SQLite covers; 0 bytes uploaded again"
    )


def _journals(row: Row, ailing: Ailing, times: int) -> None:
    """The WAL is cut off anywhere or gone, with or without its index."""
    state_dir = ailing.workshop.state_dir
    for number in range(times):
        put_back(ailing.crashed, state_dir)
        wal, shm = state_dir / "catalog.db-wal", state_dir / "catalog.db-shm"
        assert wal.stat().st_size > 0
        harm = number % 4
        if harm == 0:
            os.truncate(wal, row.random.randrange(wal.stat().st_size))
        elif harm == 1:
            wal.unlink()
        elif harm == 2:
            shm.unlink()
        else:
            wal.unlink()
            shm.unlink()
        ailing.recover()
    row.say(f"{times} WALs cut off or deleted: {times} recovered, 0 bytes uploaded again")


def _copy(state_dir: Path) -> Path:
    copy = state_dir.with_name("copy")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(state_dir, copy)
    return copy


def _folded(crashed: Path) -> Path:
    """The catalog of a crash, with its WAL folded in."""
    folded = crashed.with_name("folded")
    shutil.rmtree(folded, ignore_errors=True)
    shutil.copytree(crashed, folded)
    return folded / "catalog.db"


def test_f12_rotten_bits_and_lost_journals(row: Row, ailing: Ailing) -> None:
    """Each rotten bit is detected or changes nothing; journals may be lost; nothing is uploaded again."""
    _flips(row, ailing, flips=20, recoveries=1)
    _journals(row, ailing, times=1)


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_f12_rotten_bits_and_lost_journals_many_times(row: Row, ailing: Ailing) -> None:
    """As above, with a whole recovery after each harm, and flips after a crash."""
    times = row.times(every=4, merge=15, long=100)
    _flips(row, ailing, flips=times, recoveries=times)
    _journals(row, ailing, times=times)
    _flips_after_a_crash(row, ailing, flips=times)


class Snapshots(Silent):
    """A consistent copy of the catalog at each move of a file, as a backup would make it."""

    def __init__(self, state_dir: Path, folder: Path) -> None:
        self._state_dir = state_dir
        self._folder = folder
        self._lock = threading.Lock()
        self.taken: list[Path] = []
        folder.mkdir()

    def moved(self, path: Path, state: str, reason: str) -> None:
        with self._lock:
            copy = self._folder / f"{len(self.taken):03d}-{path.stem}-{state}.db"
            with (
                closing(sqlite3.connect(f"file:{self._state_dir}/catalog.db?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
            self.taken.append(copy)


def _old_catalogs(row: Row, workshop: Workshop, make_clip: MakeClip, tmp_path: Path, times: int | None) -> None:
    snapshots = Snapshots(workshop.state_dir, tmp_path / "snapshots")
    make_clip(workshop.footage / "a.mp4", duration_s=4.0)
    make_clip(workshop.footage / "b.mp4", duration_s=4.5)
    assert workshop.sync(progress=snapshots).enriched == 2
    before = paid(workshop)
    chosen = snapshots.taken
    if times is not None and times < len(chosen):
        chosen = row.random.sample(chosen, times)
    for old in [None, *chosen]:
        shutil.rmtree(workshop.state_dir)
        workshop.state_dir.mkdir(mode=0o700)
        if old is not None:
            shutil.copy(old, workshop.state_dir / "catalog.db")
        summary = sync_like_the_command(workshop)
        assert (summary.enriched, summary.uploaded, summary.failed) == (2, 0, 0), old
        assert paid(workshop) == before, old
    row.say(
        f"{len(chosen)} of {len(snapshots.taken)} old catalogs restored (one per move of a file) and 1 deleted:"
        " 0 duplicate assets, 0 duplicate entries, 0 bytes re-sent"
    )


def test_f13_old_catalog_restored(row: Row, workshop: Workshop, make_clip: MakeClip, tmp_path: Path) -> None:
    """A catalog from any earlier moment, or none: what is on the platform is found before anything is sent."""
    _old_catalogs(row, workshop, make_clip, tmp_path, times=1)


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_f13_old_catalogs_of_every_moment_restored(
    row: Row, workshop: Workshop, make_clip: MakeClip, tmp_path: Path
) -> None:
    """As above, from each moment at which a file changed its state."""
    _old_catalogs(row, workshop, make_clip, tmp_path, times=row.times(every=3, merge=8, long=1000))


OPEN_AND_CLOSE = """
import os, signal, sqlite3, sys
from pathlib import Path
point = int(sys.argv[2])
connect, seen = sqlite3.connect, 0
def count(statement):
    global seen
    seen += 1
    if seen == point:
        os.kill(os.getpid(), signal.SIGKILL)
def traced(*arguments, **options):
    connection = connect(*arguments, **options)
    if point:
        connection.set_trace_callback(count)
    return connection
sqlite3.connect = traced
from tlsync.clock import SystemClock
from tlsync.store.store import Store
Store(Path(sys.argv[1]), SystemClock()).close()
print(seen)
"""
"""Opens a catalog, which brings it up to date. Killed before statement N, if N is given."""


class OldSchema:
    """A catalog of the first schema, with rows, to be brought up to date."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.original = folder / "original"
        self.state_dir = folder / "state"
        self.original.mkdir(mode=0o700)
        with closing(sqlite3.connect(self.original / "catalog.db", isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            catalog_schema.apply(Database(connection, execute_plugins=False), stop_before="second_schema")
            connection.execute(
                "INSERT INTO roots (id, path, index_name, is_online) VALUES (1, ?, 'clips', 1)", (b"/f",)
            )
            connection.executemany(
                "INSERT INTO files (root_id, path, state, size_bytes, mtime_ns, ctime_ns, inode, changed_at)"
                " VALUES (1, ?, 'settling', 1, 1, 1, 1, '2026-01-01T00:00:00.000Z')",
                [(f"{number}.mp4".encode(),) for number in range(500)],
            )
        self.steps = {step.name for step in catalog_schema._migrations}

    def migrate(self, point: int = 0, tracer: list[str] | None = None) -> subprocess.CompletedProcess[str]:
        shutil.rmtree(self.state_dir, ignore_errors=True)
        shutil.copytree(self.original, self.state_dir)
        return subprocess.run(
            [*(tracer or []), sys.executable, "-c", OPEN_AND_CLOSE, str(self.state_dir), str(point)],
            capture_output=True, text=True, cwd=PROJECT, timeout=120, check=False,
        )  # fmt: skip

    def assert_old_or_new(self) -> bool:
        """Never in between; nothing lost; and the next start brings it up to date. Says whether it was new."""
        with closing(sqlite3.connect(_folded(self.state_dir))) as connection:
            applied = {row[0] for row in connection.execute("SELECT name FROM _sqlite_migrations")}
            assert applied in ({"first_schema"}, self.steps)
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert connection.execute("SELECT count(*) FROM files").fetchone() == (500,)
            columns = {row[1] for row in connection.execute("PRAGMA table_info(roots)")}
            assert ("volume" in columns) == (applied == self.steps)
        with Store(self.state_dir, SystemClock()) as store:
            assert len(store.catalog.below(store.roots.ensure(Path("/f"), "clips").id)) == 500
        return applied == self.steps


def test_f14_killed_in_a_migration(row: Row, tmp_path: Path) -> None:
    """Killed before any statement, the schema is the old one or the new one, and the next start goes on."""
    old = OldSchema(tmp_path)
    statements = int(old.migrate(point=10**9).stdout)
    points = sorted(row.random.sample(range(1, statements + 1), row.times(every=3)))
    for point in points:
        assert old.migrate(point).returncode == -9
        old.assert_old_or_new()
    row.say(f"killed before {len(points)} of {statements} statements of a migration: 0 in between")


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(1800)
def test_f14_killed_at_every_write_of_a_migration(row: Row, tmp_path: Path) -> None:
    """Killed at each system call that writes, and before each statement: old or new, never between."""
    row.needs("strace")
    old = OldSchema(tmp_path)
    statements = int(old.migrate(point=10**9).stdout)
    killed, new = 0, 0
    for point in _some(row, statements, merge=8):
        assert old.migrate(point).returncode == -9
        new += old.assert_old_or_new()
        killed += 1
    log = tmp_path / "trace"
    calls = ["pwrite64", "fdatasync", "fsync", "ftruncate", "unlink", "rename"]
    for call in calls:
        traced = old.migrate(0, ["strace", "-f", "-o", str(log), "-e", f"trace={call}"])
        if traced.returncode != 0:
            row.gap("strace may not trace here")
        total = log.read_text().count(f" {call}(")
        for point in _some(row, total, merge=3):
            inject = f"inject={call}:signal=KILL:when={point}"
            old.migrate(0, ["strace", "-f", "-o", str(log), "-e", f"trace={call}", "-e", inject])
            new += old.assert_old_or_new()
            killed += 1
    row.say(f"{killed} kill points of a migration: 0 not clean ({new} had the new schema, {killed - new} the old one)")


def _some(row: Row, total: int, merge: int) -> list[int]:
    """All points from 1 to `total`, or a sample of them."""
    count = min(total, row.times(every=merge, long=total))
    return sorted(row.random.sample(range(1, total + 1), count))


def test_f14_newer_schema_is_refused(row: Row, tmp_path: Path) -> None:
    """An older version says that it is older, and changes no byte."""
    Store(tmp_path, SystemClock()).close()
    catalog = tmp_path / "catalog.db"
    with closing(sqlite3.connect(catalog)) as connection:
        connection.execute("CREATE TABLE hovercrafts (id INTEGER PRIMARY KEY)")
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('tlsync', 'ninth_schema', '')"
        )
        connection.commit()
    before = catalog.read_bytes()
    for _ in range(2):
        with pytest.raises(CatalogError, match="newer tlsync") as refusal:
            Store(tmp_path, SystemClock())
        assert not isinstance(refusal.value, CatalogDamaged)
        assert "update tlsync" in refusal.value.hint
    assert catalog.read_bytes() == before
    row.say("newer schema: refused, 0 bytes changed")
