"""From a new clip to the first chunk at the platform, with nothing else to watch and beside 100,000 known files.

    python -m tests.bench latency [--files 100000] [--rounds 5]

A daemon of its own watches each folder; a clip appears there by a rename, as offload tools end. What is told is the
time beyond the settle time of three seconds, until the sandbox has the first chunk (64 KiB) whole.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from tests.bench import clip_tree
from tests.bench.harness import Case, Report, Sample, Table, alternate
from tests.desk import CANARY_KEY, CHUNK_BYTES, Desk, make_large, wait_until
from tlsync.media import samples
from tlsync.sandbox.server import SandboxServer

SETTLE_S = 3.0
PER_FOLDER = 200


@contextmanager
def daemon_at(desk: Desk) -> Iterator[subprocess.Popen[str]]:
    """A daemon that has looked through its folder once."""
    desk.configure()
    path = desk.folder / "config.toml"
    path.write_text(path.read_text().replace('settle = "0.2 s"', f'settle = "{SETTLE_S:g} s"'))
    daemon = desk.start("run")
    try:
        wait_until(lambda: has_scanned(desk), "the first scan", 120)
        yield daemon
    finally:
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(20)


def has_scanned(desk: Desk) -> bool:
    """Whether the daemon has looked through its only root since `clip_tree.know`."""
    with closing(sqlite3.connect(f"file:{desk.state_dir}/catalog.db?mode=ro", uri=True)) as connection:
        return bool(connection.execute("SELECT 1 FROM roots WHERE last_scan_at IS NOT NULL").fetchone())


class Sender:
    """Brings one new clip after the other to a daemon."""

    def __init__(self, desk: Desk, sample: Path) -> None:
        self._desk = desk
        self._sample = sample
        self._number = 0

    def run(self) -> Sample:
        self._number += 1
        aside = make_large(Path(shutil.copyfile(self._sample, self._desk.folder / "new.mp4")), CHUNK_BYTES)
        puts = len(self._desk.puts())
        aside.rename(self._desk.footage / f"new-{self._number}.mp4")
        start_s = time.perf_counter()
        while len(self._desk.puts()) == puts:
            said = [path.read_text()[-2000:] for path in self._desk.output.glob("0.err")]
            assert time.perf_counter() - start_s < 30, f"nothing was sent: {said}"
            time.sleep(0.005)
        took_s = time.perf_counter() - start_s
        wait_until((self._desk.footage / f"new-{self._number}.mp4.tlsync.json").exists, "the clip's sidecar", 60)
        return Sample(took_s - SETTLE_S)


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench latency")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tlsync-latency-")))
        sample = samples.make_clip(folder / "sample.mp4", duration_s=5.0)
        cases = []
        for name, files in (("alone", 0), ("beside many", options.files)):
            (folder / name).mkdir()
            server = stack.enter_context(SandboxServer(api_key=CANARY_KEY, chunk_size_bytes=CHUNK_BYTES))
            desk = Desk(folder / name, server)
            clip_tree.plant(desk.footage, files // PER_FOLDER, PER_FOLDER)
            clip_tree.scan_in(desk.state_dir, desk.footage)
            clip_tree.know(desk.state_dir, desk.footage)
            stack.enter_context(daemon_at(desk))
            cases.append(Case(name, Sender(desk, sample).run))
        measured = alternate(cases, rounds=options.rounds, warm_ups=1)
    table = Table("New clip to first chunk, beyond the settle time", "≤ 0.5 s, also while 100,000 files are watched")
    table.row("an empty folder", measured["alone"], goal=0.5)
    table.row(f"beside {options.files:,} known files", measured["beside many"], goal=0.5)
    report = Report("latency")
    report.add(table)
    report.write()
