"""Failing calls to the system, by strace: the Nth call of a kind ends with an error, or kills the process.

`when` counts per thread; only calls that are traced can be tampered with; an own output file keeps the traces out of
the command's output.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.child import Run
from tests.faults.conftest import Row
from tests.faults.lab import Lab, wait_until


@contextmanager
def tampered(row: Row, lab: Lab, call: str, how: str, *arguments: str, paths: tuple[Path, ...] = ()) -> Iterator[Run]:
    """Start a command with a tracer on it, from its first own call on.

    Args:
        call: Of the system, for example `fsync`; several with commas.
        how: As strace writes it, for example `signal=KILL:when=3`.
        paths: Only calls on these files count.
    """
    row.needs("strace")
    run = lab.start(*arguments, waits_for_go=True)
    wait_until(run.order.output.with_suffix(".waits").exists, "the command to wait for its tracer")
    with attached(row, run, call, how, paths=paths):
        run.go()
        yield run


@contextmanager
def attached(row: Row, run: Run, call: str, how: str, *, paths: tuple[Path, ...] = ()) -> Iterator[None]:
    """Put a tracer on a command that runs; at the end both are ended."""
    row.needs("strace")
    command = ["strace", "-f", "-qq", "-o", str(run.order.output.with_suffix(".trace")), "-e", f"trace={call}"]
    command += ["-e", f"inject={call}:{how}", "-p", str(run.pid)]
    for path in paths:
        command += ["-P", str(path)]
    tracer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert tracer.stderr is not None
    try:
        deadline_s = time.monotonic() + 10
        while not _is_traced(run.pid):
            if tracer.poll() is not None or time.monotonic() > deadline_s:
                tracer.kill()
                row.gap(f"strace can't attach here: {tracer.stderr.read().decode(errors='replace')[:100]}")
            time.sleep(0.005)
        time.sleep(0.01)
        yield
    finally:
        run.kill()
        try:
            tracer.wait(5)
        except subprocess.TimeoutExpired:
            tracer.kill()
            tracer.wait(5)
        tracer.stderr.close()


def hits(run: Run) -> int:
    """How many calls were tampered with."""
    trace = run.order.output.with_suffix(".trace")
    return trace.read_text("utf-8", "replace").count("(INJECTED)") if trace.exists() else 0


def calls(run: Run) -> list[str]:
    """What the tracer saw."""
    return run.order.output.with_suffix(".trace").read_text("utf-8", "replace").splitlines()


def _is_traced(pid: int) -> bool:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("TracerPid:"):
            return int(line.split()[1]) != 0
    return False
