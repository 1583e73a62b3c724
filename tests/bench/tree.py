"""Time and memory of the mounted tree, beside the same tree as plain files in the same run.

    python -m tests.bench.tree [--clips 100000] [--rounds 3] [--plain FOLDER]

A catalog of that many clips is made, 1,000 in each folder, 500 on each day, two of 200 topics each; and 10,000 more in
one folder. Printed are medians of wall
seconds, for the mount, for the plain files that `tlsync mirror` makes of the same clips, and the ratio; then the memory
of the mount, and the time of a `mirror` run that finds nothing to do. There is no pass or fail.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

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


def timed(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def run(*command: str) -> Callable[[], object]:
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def peak_mib(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


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


def show(what: str, ours_s: float, plain_s: float | None = None) -> None:
    beside = f"   plain {plain_s:8.3f} s   ratio {ours_s / plain_s:7.1f}" if plain_s else ""
    print(f"{what:44} {ours_s:8.3f} s{beside}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plain", type=Path, help="Where the plain files go, for example on a tmpfs.")
    arguments = parser.parse_args()
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
        first_s = timed(run(*command, "mirror", str(plain)))
        again_s = statistics.median(timed(run(*command, "mirror", str(plain))) for _ in range(arguments.rounds))
        show(f"mirror, first run, {IN_ONE} clips", first_s)
        show("mirror, nothing changed", again_s, statistics.median(timed(run("find", str(plain))) for _ in range(3)))
        fill(state, folder / "many", entries(lambda n: f"{n // PER_FOLDER:04d}/B{n:06d}_C001.mov", arguments.clips))
        tree = folder / "tree"
        cold, warm, du = [], [], []
        for _ in range(arguments.rounds):
            with mounted(command, tree) as server:
                os.listdir(tree / "clips" / "by-folder")  # the process is up; the folder itself was not looked at
                cold.append(timed(run("ls", "-U", str(tree / BIG))))
                warm.append(timed(run("ls", "-U", str(tree / BIG))))
                du.append(timed(run("du", "-s", str(tree / BIG))))
                print(f"    peak after du {peak_mib(server):.0f} MiB", flush=True)
        both = [timed(run("ls", "-U", str(plain / BIG))) for _ in range(5)]
        show(f"list a folder of {IN_ONE}, cold", statistics.median(cold), statistics.median(both))
        show(f"list a folder of {IN_ONE}, warm", statistics.median(warm), statistics.median(both))
        both = [timed(run("du", "-s", str(plain / BIG))) for _ in range(3)]
        show(f"du over {IN_ONE} clips", statistics.median(du), statistics.median(both))
        both = [timed(run("find", str(plain / BIG))) for _ in range(3)]
        share = arguments.clips / IN_ONE
        with mounted(command, tree) as server:
            found = timed(run("find", str(tree / MANY)))
            show(f"find over {arguments.clips} clips", found, statistics.median(both) * share)
            print(f"    peak after find {peak_mib(server):.0f} MiB")
            show("find by-topic (links)", timed(run("find", str(tree / "clips" / "by-topic"))))
            show("find by-date (links)", timed(run("find", str(tree / "clips" / "by-date"))))
            print(f"    peak of the mount {peak_mib(server):.0f} MiB")


if __name__ == "__main__":
    main()
