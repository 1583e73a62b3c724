"""Commands that look, on a catalog of a million files; and what keeping its counts costs those who write.

    python -m tests.bench catalog [--tlsync PROGRAM] [--files 1000000] [--rounds 7] [--keep FOLDER]

The catalog takes a minute and 2 GB of temporary space; with `--keep` it stays in that folder for the next run.
"""

from __future__ import annotations

import argparse
import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.big_catalog import clip_name, fill, folder_name
from tests.bench.harness import Case, Report, Sample, Table, alternate
from tests.bench.startup import Start
from tlsync.clock import SystemClock
from tlsync.models import StatSignature
from tlsync.states import FileState
from tlsync.store.store import Store

MOST_S = 0.15
MOVES = 500


@contextlib.contextmanager
def big(kept: Path | None, files: int) -> Iterator[Path]:
    """A folder with the catalog, made if need be."""
    with contextlib.ExitStack() as exits:
        folder = kept or Path(exits.enter_context(tempfile.TemporaryDirectory(prefix="tlsync-bench-")))
        if not (folder / "state" / "catalog.db").exists():
            (folder / "footage").mkdir(parents=True)
            fill(folder / "state", folder / "footage", files)
        yield folder


def of_looking(start: Start, folder: Path, files: int, rounds: int) -> Table:
    clip, some = clip_name(files // 2), folder_name(files // 400)
    commands = {
        "status": ("status",),
        "status --json": ("status", "--json"),
        "ls FOLDER, 200 clips": ("ls", str(folder / "footage" / some)),
        "show CLIP": ("show", str(folder / "footage" / clip)),
        "why CLIP": ("why", str(folder / "footage" / clip)),
        "ls INDEX/by-folder": ("ls", "footage/by-folder"),
        "ls of a folder of the tree": ("ls", f"footage/by-folder/footage/{some}"),
        "cat of a text of the tree": ("cat", f"footage/by-folder/footage/{clip}/summary.txt"),
    }
    found = alternate([start.case(name, *arguments) for name, arguments in commands.items()], rounds, warm_ups=1)
    table = Table(f"commands on {files:,} files", f"≤ {MOST_S * 1000:.0f} ms from nothing")
    for name in commands:
        table.row(name, found[name], goal=MOST_S)
        table.row(f"{name}: CPU", found[name], goal=MOST_S, metric="cpu_s")
    table.row("status, memory", found["status"], metric="peak_bytes")
    return table


def of_writing(folder: Path, rounds: int) -> Table:
    """Moves of files, with the counts that are kept as they move and without."""
    table = Table(f"{MOVES} files seen and moved once, in one transaction", "the counts are cheap to keep")
    with Store(folder / "with", SystemClock()) as counting, Store(folder / "without", SystemClock()) as plain:
        connection = sqlite3.connect(folder / "without" / "catalog.db")
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.close()
        number = 0

        def move(store: Store) -> Sample:
            nonlocal number
            begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
            root_id = store.roots.ensure(folder / "footage", "footage").id
            with store.catalog.transaction():
                for _ in range(MOVES):
                    number += 1
                    seen = store.catalog.add(root_id, f"{number}.mov".encode(), StatSignature(number, 1, 1, number))
                    store.catalog.move(seen, FileState.SETTLING)
            return Sample(time.perf_counter() - begun_s, time.process_time() - begun_cpu_s)

        found = alternate([Case("counted", lambda: move(counting)), Case("not counted", lambda: move(plain))], rounds)
    table.row("counted", found["counted"], beside=found["not counted"])
    table.row("counted: CPU", found["counted"], beside=found["not counted"], metric="cpu_s")
    return table


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench catalog", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tlsync", type=Path, help="An installed tlsync; without it, that of this checkout.")
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--keep", type=Path, help="Where the catalog is, or is made, and stays.")
    arguments = parser.parse_args(argv)
    report = Report("catalog")
    with big(arguments.keep, arguments.files) as folder, tempfile.TemporaryDirectory(prefix="tlsync-bench-") as other:
        start = Start(folder, arguments.tlsync and arguments.tlsync.absolute())
        report.add(of_looking(start, folder, arguments.files, arguments.rounds))
        report.add(of_writing(Path(other), arguments.rounds))
    report.write()
