"""What a process that is meant to die does: the real command line, forked off a process that has it imported already.

So a test can start, kill and start again many times: a start costs some twenty milliseconds instead of half a second.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import resource
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.faults.imported_already"])


@dataclass(frozen=True, slots=True)
class Order:
    """One command to run."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    output: Path
    """`.out`, `.err` and `.peak` are appended to it."""
    waits_for_go: bool = False
    """Begin only at SIGUSR1, so that a tracer can be attached first."""
    probes_itself: bool = True
    """Look at media without a further process, which costs another half second."""
    limits: dict[int, int] = field(default_factory=dict)
    """Of `resource`, by number."""


class Run:
    """A command under way."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._process = _CONTEXT.Process(target=_obey, args=(order,), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def wait(self, limit_s: float = 60.0) -> int | None:
        """The exit code, negative for a signal; None when it still runs."""
        self._process.join(limit_s)
        return self._process.exitcode

    def end(self, limit_s: float = 60.0) -> int:
        """Wait for its own end."""
        code = self.wait(limit_s)
        if code is None:
            self.send(signal.SIGUSR2)  # shows where its threads are
            self.wait(0.5)
        assert code is not None, f"did not end: {self.order.arguments}\n{self.err}"
        return code

    def send(self, number: signal.Signals) -> None:
        """A signal, if it is still there."""
        with contextlib.suppress(ProcessLookupError):
            if self._process.exitcode is None:
                os.kill(self.pid, number)

    def go(self) -> None:
        """For one that waits."""
        self.send(signal.SIGUSR1)

    def kill(self) -> None:
        """At once, as kill -9 does, and wait until it is gone."""
        self.send(signal.SIGKILL)
        self._process.join(30)
        assert self._process.exitcode is not None, "a killed process stays"

    def close(self) -> None:
        self.kill()
        self._process.close()

    @property
    def out(self) -> str:
        return self.order.output.with_suffix(".out").read_text("utf-8", "replace")

    @property
    def err(self) -> str:
        path = self.order.output.with_suffix(".err")
        return path.read_text("utf-8", "replace") if path.exists() else ""

    @property
    def peak_bytes(self) -> int:
        """The most memory it had, without what it was forked with."""
        return int(self.order.output.with_suffix(".peak").read_text())


def _obey(order: Order) -> None:
    os.environ.clear()
    os.environ.update(order.environment)
    for number, suffix in ((1, ".out"), (2, ".err")):
        handle = os.open(order.output.with_suffix(suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(handle, number)
        os.close(handle)
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 (for the life of the process)
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    faulthandler.register(signal.SIGUSR2, file=2, all_threads=True)
    if order.waits_for_go:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        order.output.with_suffix(".waits").touch()
        signal.sigwait([signal.SIGUSR1])
    for limit, value in order.limits.items():
        resource.setrlimit(limit, (value, value))
    from tlsync.cli.main import main
    from tlsync.media import probe

    if order.probes_itself:
        from tests.faults.imported_already import HereProber

        probe.Prober = HereProber  # type: ignore[misc]
    base_bytes = _reset_peak()
    try:
        main(list(order.arguments))
    finally:
        sys.stdout.flush()
        order.output.with_suffix(".peak").write_text(str(_peak_bytes() - base_bytes))


def _reset_peak() -> int:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return _peak_bytes()


def _peak_bytes() -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
