"""A daemon with a million known files and nothing to do: its start, and what it takes then.

    python -m tests.bench idle [--files 1000000] [--seconds 20] [--rounds 1]

Half of the files are finished clips, each with its sidecar beside it; half are clips that were refused. The start is
timed until the first scan is over, with 5,000 folders watched. Then nothing happens, and no scan falls into the time.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.bench import clip_tree
from tests.bench.harness import Case, Report, Sample, Table, alternate
from tests.bench.latency import daemon_at
from tests.desk import CANARY_KEY, Desk
from tlsync.sandbox.server import SandboxServer

FOLDERS = 5000
_SETTLED_S = 12.0
"""Until what the start left behind is over."""


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory_bytes(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024


def _wake_ups(pid: int) -> int:
    """How often a thread of a process went to sleep by itself so far; each time something had woken it."""
    texts = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/status")]
    lines = [line for text in texts for line in text.splitlines() if line.startswith("voluntary_ctxt_switches")]
    return sum(int(line.split()[1]) for line in lines)


def _run(desk: Desk, seconds: float) -> Sample:
    start_s = time.perf_counter()
    with daemon_at(desk) as daemon:
        wall_s = time.perf_counter() - start_s
        start_cpu_s = _cpu_s(daemon.pid)
        time.sleep(_SETTLED_S)
        calls = sum(desk.server.ledger.counts().values())
        cpu_s, wakes = _cpu_s(daemon.pid), _wake_ups(daemon.pid)
        time.sleep(seconds)
        return Sample(
            wall_s,
            start_cpu_s,
            _memory_bytes(daemon.pid, "VmHWM"),
            idle_bytes=_memory_bytes(daemon.pid, "VmRSS"),
            idle_cpu_percent=(_cpu_s(daemon.pid) - cpu_s) / seconds * 100,
            wakes=(_wake_ups(daemon.pid) - wakes) / seconds,
            calls=sum(desk.server.ledger.counts().values()) - calls,
        )


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench idle")
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args(argv)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tlsync-idle-")))
        desk = Desk(folder, stack.enter_context(SandboxServer(api_key=CANARY_KEY)))
        for name, has_sidecars in (("finished", True), ("refused", False)):
            count = options.files // FOLDERS
            clip_tree.plant(desk.footage / name, FOLDERS // 2, count, has_sidecars=has_sidecars)
        clip_tree.scan_in(desk.state_dir, desk.footage)
        files = clip_tree.know(desk.state_dir, desk.footage)
        measured = alternate([Case("daemon", partial(_run, desk, options.seconds))], rounds=options.rounds)["daemon"]
    table = Table(f"A daemon with {files:,} known files, nothing to do", "< 1 % of a core and < 250 MiB")
    table.row("start until the first scan is over", measured)
    table.row("start: CPU", measured, metric="cpu_s")
    table.row("start: most memory", measured, goal=250 * 2**20, metric="peak_bytes")
    table.row("idle: memory", measured, goal=250 * 2**20, metric="idle_bytes")
    table.row("idle: percent of a core", measured, goal=1.0, metric="idle_cpu_percent")
    table.row("idle: wake-ups per second", measured, metric="wakes")
    table.row("idle: calls of the platform", measured, goal=0, metric="calls")
    report = Report("idle")
    report.add(table)
    report.write()
