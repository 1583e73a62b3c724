"""Time and memory of the mounted tree, beside the same tree as plain files in the same run.

    python -m tests.bench tree [--clips 100000] [--rounds 3] [--plain FOLDER]

A catalog of that many clips is made, 1,000 in each folder, 500 on each day, two of 200 topics each; and 10,000 more in
one folder. Told are medians for the mount, for the plain files that `tlsync mirror` makes of the same clips, and the
ratio; then the memory of the mount, and the time of a `mirror` run that finds nothing to do. There is no pass or fail.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.harness import Case, Measured, Report, Sample, Table, alternate
from tests.mirror.shelves import NOON_NS, TEXTS, Entry, fill
from tlsync.mirror import mount

IN_ONE = 10_000
PER_FOLDER = 1_000
PER_DAY = 500
DAY_NS = 86_400 * 10**9
# Sound: no thumbnails are made of media that is not there, while others are measured.
BIG = "clips/by-folder/big"
MANY = "clips/by-folder/many"


def entries(path: Callable[[int], str], number: int) -> Iterator[Entry]:
    texts = [{**TEXTS, "gist": {"title": "t", "topics": [f"topic {n}", f"topic {n + 1}"]}} for n in range(199)]
    for n in range(number):
        yield Entry(path(n), texts[n % 199], modified_ns=NOON_NS + n // PER_DAY * DAY_NS, kind="audio")


def timed(name: str, *command: str | Path) -> Case:
    """A case that runs a command; the harness takes the time, as in `tlsync mirror` and in the tools of the system."""

    def run() -> None:
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)

    return Case(name, run)


def once(case: Case, rounds: int = 1) -> Measured:
    return alternate([case], rounds)[case.name]


def peak_of(process: int) -> Sample:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    kib = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return Sample(0.0, peak_bytes=kib * 1024)


@contextlib.contextmanager
def mounted(command: list[str], folder: Path) -> Iterator[int]:
    folder.mkdir(exist_ok=True)
    server = subprocess.Popen([*command, "mount", str(folder)], stderr=subprocess.DEVNULL)
    try:
        while not mount.is_alive(folder):
            assert server.poll() is None, "it does not mount"
            time.sleep(0.05)
        yield server.pid
    finally:
        subprocess.run(["fusermount3", "-u", "-z", str(folder)], check=False)
        server.terminate()
        server.wait(30)


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench tree", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plain", type=Path, help="Where the plain files go, for example on a tmpfs.")
    arguments = parser.parse_args(argv)
    rounds = arguments.rounds
    report = Report("tree")
    one = Table(f"a folder of {IN_ONE} clips, beside the same tree as plain files")
    many = Table(f"{arguments.clips} clips, in the mount")
    memory = Table("peak memory of the mount")
    with (
        tempfile.TemporaryDirectory(prefix="tlsync-bench-") as name,
        tempfile.TemporaryDirectory(prefix="tlsync-bench-", dir=arguments.plain) as plain_name,
    ):
        folder, plain = Path(name).resolve(), Path(plain_name)
        state = folder / "state"
        config = folder / "config.toml"
        config.write_text(f'state_dir = "{state}"\n[[root]]\npath = "{folder}/big"\n')
        os.environ["TWELVELABS_BASE_URL"] = "http://127.0.0.1:9"
        command = [sys.executable, "-m", "tlsync", "--config", str(config)]
        fill(state, folder / "big", entries(lambda n: f"A{n:05d}_C001.mov", IN_ONE))
        one.row("tlsync mirror, first run", once(timed("mirror", *command, "mirror", plain)))
        again = alternate([timed("mirror", *command, "mirror", plain), timed("find", "find", plain)], rounds)
        one.row("tlsync mirror, nothing changed", again["mirror"], beside=again["find"])
        fill(state, folder / "many", entries(lambda n: f"{n // PER_FOLDER:04d}/B{n:06d}_C001.mov", arguments.clips))
        tree = folder / "tree"
        kinds = {"cold": ("ls", "-U"), "warm": ("ls", "-U"), "du": ("du", "-s")}
        ours, theirs = ({kind: Measured(f"{who} {kind}") for kind in kinds} for who in ("mount", "plain"))
        after_du = Measured("after du")
        for _ in range(rounds):
            with mounted(command, tree) as server:
                os.listdir(tree / "clips" / "by-folder")  # the process is up; the folder itself was not looked at
                for kind, tool in kinds.items():
                    ours[kind].samples += once(timed(kind, *tool, tree / BIG)).samples
                    theirs[kind].samples += once(timed(kind, *tool, plain / BIG)).samples
                after_du.samples.append(peak_of(server))
        one.row("list, cold", ours["cold"], beside=theirs["cold"])
        one.row("list, warm", ours["warm"], beside=theirs["warm"])
        one.row("du", ours["du"], beside=theirs["du"])
        memory.row(f"du over {IN_ONE} clips", after_du, metric="peak_bytes")
        with mounted(command, tree) as server:
            for kind, place in {"all": MANY, "by topic": "clips/by-topic", "by date": "clips/by-date"}.items():
                many.row(f"find, {kind}", once(timed(kind, "find", tree / place)))
            memory.row("find over all of them", Measured("find", samples=[peak_of(server)]), metric="peak_bytes")
    for table in (one, many, memory):
        report.add(table)
    report.write()
