"""An upload that was stopped at 90 % goes on: how soon, and with how many bytes.

    python -m tests.bench resume [--size-mib 4096] [--rounds 5]

What may be sent is what the catalog lacked after the stop, and a chunk for each worker: those that storage had, and
whose answers did not arrive.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.bench.harness import Case, Report, Sample, Table, alternate, run_command
from tests.bench.large_clip import make_large_clip
from tests.bench.sandbox_beside_sink import SandboxBesideSink
from tests.bench.sink import Sink
from tlsync.media.samples import make_clip
from tlsync.store.database import FILE_NAME

MIB = 2**20
CHUNK_BYTES = 5 * MIB
WORKERS = 4


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench resume", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size-mib", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="for the file; best in memory")
    options = parser.parse_args(argv)
    size_bytes = options.size_mib * MIB
    with Sink() as sink, tempfile.TemporaryDirectory(prefix="tlsync-bench-", dir=options.folder) as name:
        folder = Path(name)
        film = make_clip(folder / "film.mp4", duration_s=6.0)
        (folder / "footage").mkdir()
        make_large_clip(folder / "footage" / "large.mp4", size_bytes, film)

        def stop_and_go_on() -> Sample:
            with (
                SandboxBesideSink(sink.url, film) as sandbox,
                tempfile.TemporaryDirectory(prefix="tlsync-bench-") as state_dir,
            ):
                environment = sandbox.environment | {"SSL_CERT_FILE": str(sink.ca_file)}
                command = [sys.executable, "-m", "tests.bench.one_upload", state_dir, folder / "footage", "--until"]
                run_command([*command, "90%"], env=environment)
                with closing(sqlite3.connect(Path(state_dir) / FILE_NAME)) as catalog:
                    there_bytes = catalog.execute("SELECT total(size_bytes) FROM chunks").fetchone()[0]
                assert 0.8 * size_bytes < there_bytes < size_bytes
                sink.forget()
                run_command([*command, "uploaded"], env=environment, stdout=folder / "said")
                told, arrived = json.loads((folder / "said").read_text()), sink.told()
            return Sample(
                arrived["first_put_s"] - told["begun_s"],
                sent_bytes=arrived["received_bytes"],
                sent_again_bytes=arrived["received_bytes"] - (size_bytes - there_bytes),
            )

        found = alternate([Case("resume", stop_and_go_on)], options.rounds)["resume"]
    table = Table(
        f"{options.size_mib} MiB, stopped at 90 %", "sends within 1 s; sends what is missing and a chunk per worker"
    )
    table.row("from the pass's begin to the first PUT", found, goal=1.0)
    table.row("bytes sent", found, metric="sent_bytes")
    table.row("bytes sent beyond what was missing", found, goal=WORKERS * CHUNK_BYTES, metric="sent_again_bytes")
    report = Report("resume")
    report.add(table)
    report.write()
