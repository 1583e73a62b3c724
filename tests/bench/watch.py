"""Watching 5,000 folders: making the watches, doing nothing, and the way of an event, beside plain inotify.

    python -m tests.bench watch [--folders 5000] [--rounds 5]

The peer is a loop of a few lines on inotify itself, by ctypes. Both walk the folders to find them. An event is on its
way from just before a file is made until the queue of a root has its path.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue

from tests.bench import clip_tree
from tests.bench.harness import Case, Report, Sample, Table, alternate

_MASK = 0x2 | 0x8 | 0x40 | 0x80 | 0x100 | 0x200  # modified, closed, moved from and to, created, deleted
_EVENTS = 50
_IDLE_S = 5.0


def _raw(root: Path) -> Callable[[], object]:
    """Watch with inotify itself; gives what waits for the next event."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_CLOEXEC)
    pending = [os.fsencode(root)]
    while pending:
        folder = pending.pop()
        assert libc.inotify_add_watch(fd, folder, _MASK) > 0, os.strerror(ctypes.get_errno())
        with os.scandir(folder) as entries:
            pending += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    return partial(os.read, fd, 65536)


def _ours(root: Path) -> Callable[[], object]:
    from tlsync.engine.watcher import Watcher

    paths: SimpleQueue[Path] = SimpleQueue()
    watcher = Watcher(root, paths.put, lambda: None)
    refusal = watcher.open()
    assert not refusal, refusal
    return paths.get


def _child(kind: str, root: Path) -> None:
    if kind == "ours":
        import tlsync.engine.watcher  # noqa: F401 (its import is not the watch's)
    start_s = time.perf_counter()
    wait = (_ours if kind == "ours" else _raw)(root)
    setup_s = time.perf_counter() - start_s
    time.sleep(0.5)
    cpu_s = time.process_time()
    time.sleep(_IDLE_S)
    idle_cpu_percent = (time.process_time() - cpu_s) / _IDLE_S * 100
    folders = [path for path in root.glob("*/*") if path.is_dir()][: 10 * _EVENTS : 10]
    delays_s = []
    for number, folder in enumerate(folders):
        start_s = time.perf_counter()
        (folder / f"new-{os.getpid()}-{number}.mov").touch()
        wait()
        delays_s.append(time.perf_counter() - start_s)
        time.sleep(0.02)
        while kind == "ours" and not wait.__self__.empty():
            wait()
    figures = {"wall_s": setup_s, "idle_cpu_percent": idle_cpu_percent, "event_s": statistics.median(delays_s)}
    print(json.dumps(figures), flush=True)
    os._exit(0)  # the watcher's threads wait for events


def _run(kind: str, root: Path) -> Sample:
    command = [sys.executable, "-m", "tests.bench.watch", kind, str(root)]
    return Sample(**json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench watch")
    parser.add_argument("--folders", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="tlsync-watch-") as made:
        clip_tree.plant(Path(made), options.folders, 4)
        measured = alternate(
            [
                Case("inotify", partial(_run, "raw", Path(made)), is_peer=True),
                Case("tlsync", partial(_run, "ours", Path(made))),
            ],
            rounds=options.rounds,
        )
    ours, peer = measured["tlsync"], measured["inotify"]
    table = Table(f"{options.folders:,} folders watched", "set-up beside plain inotify; nothing while nothing happens")
    table.row("watches made", ours, beside=peer, goal=4.0)
    table.row("idle: percent of a core", ours, goal=0.5, metric="idle_cpu_percent")
    table.row("event to queue", ours, goal=0.005, metric="event_s")
    table.row("event to queue, plain inotify", peer, metric="event_s")
    report = Report("watch")
    report.add(table)
    report.write()


if __name__ == "__main__":
    _child(sys.argv[1], Path(sys.argv[2]))
