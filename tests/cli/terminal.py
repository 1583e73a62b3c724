"""A command at a pseudo-terminal, with somebody who types."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

_BEGIN = (
    "import os, sys; terminal = os.open(sys.argv[1], os.O_RDWR);"
    "[os.dup2(terminal, number) for number in (0, 1, 2)];"
    "os.execv(sys.executable, [sys.executable, '-m', 'tlsync', *sys.argv[2:]])"
)
"""The first terminal that the leader of a session opens is the one that `getpass` asks on."""


class Terminal:
    """Everything that is shown is kept in `seen`."""

    def __init__(self, *arguments: str, env: Mapping[str, str]) -> None:
        self._ours, theirs = os.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN, os.ttyname(theirs), *arguments],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._theirs = theirs  # kept open, so that nothing shown is lost when the process ends
        self.seen = ""
        self._followed = 0

    def answer(self, question: str, typed: str) -> None:
        """Wait until something is asked, and type a line."""
        self.wait_for(question)
        os.write(self._ours, typed.encode() + b"\n")

    def wait_for(self, text: str, limit_s: float = 40.0) -> None:
        until_s = time.monotonic() + limit_s
        while text not in self.seen[self._followed :]:
            assert time.monotonic() < until_s, f"waited in vain for {text!r}: {self.seen}"
            self._read(0.2)
        self._followed = self.seen.index(text, self._followed) + len(text)

    def interrupt(self) -> int:
        """Ctrl-C, as somebody presses it who sees that nothing happens: again. The exit code.

        What comes between the question and the read that waits for its answer is seen only after that read.
        """
        for _ in range(10):
            os.killpg(self.process.pid, signal.SIGINT)
            until_s = time.monotonic() + 3
            while time.monotonic() < until_s:
                self._read(0.1)
                if self.process.poll() is not None:
                    return self.process.returncode
        raise AssertionError(f"does not end: {self.seen}")

    def end(self) -> int:
        """The exit code."""
        until_s = time.monotonic() + 40
        while self.process.poll() is None:
            assert time.monotonic() < until_s, f"does not end: {self.seen}"
            self._read(0.1)
        self._read(0.0)
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(10)
        os.close(self._ours)
        os.close(self._theirs)

    def _read(self, limit_s: float) -> None:
        while select.select([self._ours], [], [], limit_s)[0]:
            self.seen += os.read(self._ours, 65536).decode("utf-8", "replace")
            limit_s = 0.0
