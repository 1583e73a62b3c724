"""Peak memory of tlsync: for a small and a large file, for one file and many.

python -m tests.bench memory [--large-mib 10240] [--files 200] [--rounds 3]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench.harness import Case, Report, Sample, Table, alternate, run_command
from tests.bench.large_clip import make_large_clip
from tests.bench.sandbox_beside_sink import SandboxBesideSink
from tests.bench.sink import Sink
from tlsync.media.samples import make_clip

MIB = 2**20
MOST_BYTES = 120 * MIB


def upload(sink: Sink, film: Path, footage: Path) -> Sample:
    with (
        SandboxBesideSink(sink.url, film) as sandbox,
        tempfile.TemporaryDirectory(prefix="tlsync-bench-") as state_dir,
    ):
        return run_command(
            [sys.executable, "-m", "tests.bench.one_upload", state_dir, footage, "--until", "uploaded"],
            env=sandbox.environment | {"SSL_CERT_FILE": str(sink.ca_file)},
        )


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench memory", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--large-mib", type=int, default=10 * 1024)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="for the files; best in memory")
    options = parser.parse_args(argv)
    with Sink() as sink, tempfile.TemporaryDirectory(prefix="tlsync-bench-", dir=options.folder) as name:
        folder = Path(name)
        film = make_clip(folder / "film.mp4", duration_s=6.0)
        cases = []
        for case, count, size_bytes in (
            ("1 file of 100 MiB", 1, 100 * MIB),
            (f"1 file of {options.large_mib} MiB", 1, options.large_mib * MIB),
            (f"{options.files} files of 2 MiB", options.files, 2 * MIB),
        ):
            footage = folder / f"{len(cases)}"
            footage.mkdir()
            for number in range(count):
                make_large_clip(footage / f"{number}.mp4", size_bytes, film)
            cases.append(Case(case, lambda footage=footage: upload(sink, film, footage)))  # type: ignore[misc]
        found = alternate(cases, options.rounds)
    table = Table("Peak memory of an upload", "≤ 120 MiB, whatever the size and the number of files")
    small = next(iter(found.values()))
    for measured in found.values():
        table.row(measured.name, measured, goal=MOST_BYTES, metric="peak_bytes")
        if measured is not small:
            table.row(f"{measured.name}, beside one of 100 MiB", measured, small, 1.2, metric="peak_bytes")
    report = Report("memory")
    report.add(table)
    report.write()
