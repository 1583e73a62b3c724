"""Runs a program of the user for each event: no shell, a small environment, a time limit, bounded output.

Kept here: of all hooks together at most two programs run at once, and of one hook one, in the order of events.
"""

from __future__ import annotations

import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tlsync.clock import Clock
from tlsync.config import HookSettings
from tlsync.errors import Interrupted
from tlsync.notices.events import Event, as_json, to_bytes
from tlsync.notices.sender import Note, Sender
from tlsync.terminal_text import printable

log = logging.getLogger(__name__)

TEMPORARY = 75
"""Source: sysexits.h, EX_TEMPFAIL."""
_AGAIN_AFTER_S = (5.0, 30.0, 120.0)
_GRACE_S = 3.0
"""Between being asked to end and being ended; and what a program gets to finish when tlsync stops."""
_LOOK_S = 0.1
_OUTPUT_BYTES = 8192
_BLOCKS_AT_END = 16
"""What a pipe can hold when its program has ended."""
_PASSED_ON = ("PATH", "HOME", "LANG")
_WINDOWS_NEEDS = ("SYSTEMROOT", "USERPROFILE", "TEMP")

at_once = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended. `exit_code` None: it never started; `trouble` says why it did not do well, or ""."""

    exit_code: int | None
    trouble: str
    output: str
    took_s: float


class Hook(Sender):
    """Runs one hook."""

    def __init__(self, hook: HookSettings, clock: Clock, halt: threading.Event) -> None:
        self._hook = hook
        self._clock = clock
        self._halt = halt

    def deliver(self, events: Sequence[Event], note: Note) -> None:
        for event in events:
            self._deliver(event, note)

    def _deliver(self, event: Event, note: Note) -> None:
        what = printable(event.path.name if event.path else event.event)
        for wait_s in (*_AGAIN_AFTER_S, None):
            ran = self._run(event)
            if not ran.trouble:
                log.debug("hook done program=%s event=%s took_s=%.1f", self._program, event.event, ran.took_s)
                note("")
                return
            trouble = f"hook {self._program} {ran.trouble} for {what}"
            log.warning("hook failed event=%s reason=%s", event.event, trouble)
            note(trouble)
            if ran.exit_code not in (TEMPORARY, None) or wait_s is None:
                return
            if self._clock.wait(self._halt, wait_s):
                raise Interrupted("stopped before a hook could be tried again")

    @property
    def _program(self) -> str:
        return self._hook.command[0]

    def _run(self, event: Event) -> Ran:
        while not at_once.acquire(timeout=0.5):
            if self._halt.is_set():
                raise Interrupted("stopped before a hook could be run")
        try:
            if self._halt.is_set():
                raise Interrupted("stopped before a hook could be run")
            return run(self._hook, event, self._clock, self._halt)
        finally:
            at_once.release()


def run(hook: HookSettings, event: Event, clock: Clock, halt: threading.Event) -> Ran:
    """Run the program once, to its end.

    Raises:
        Interrupted: It was ended because `halt` was set.
    """
    began_s = clock.monotonic_s()
    try:
        # A file and no pipe: a program that does not read can't hold us up.
        with tempfile.TemporaryFile() as given:
            given.write(to_bytes(as_json(event)) + b"\n")
            given.seek(0)
            process = subprocess.Popen(
                hook.command,
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=_environment(event),
                cwd=Path.home(),
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
    except (OSError, ValueError, RuntimeError) as error:
        return Ran(None, f"can't be run: {getattr(error, 'strerror', None) or error}", "", 0.0)
    said = _Output(process)
    try:
        is_late, is_halted = _wait(process, began_s + hook.timeout_s, clock, halt)
    finally:
        output = said.end()
    took_s = clock.monotonic_s() - began_s
    if output:
        log.debug("hook said program=%s output=%r", hook.command[0], output)
    if is_halted:
        raise Interrupted("stopped while a hook ran")
    if is_late:
        return Ran(process.returncode, f"was ended after {hook.timeout_s:g} s", output, took_s)
    return Ran(process.returncode, _told(process.returncode), output, took_s)


def _wait(process: subprocess.Popen[bytes], until_s: float, clock: Clock, halt: threading.Event) -> tuple[bool, bool]:
    """Wait for a program and end it when its time is over; says whether it was late, and whether for our sake."""
    is_halted = False
    while True:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_S)
            return False, False
        if halt.is_set() and not is_halted:
            is_halted, until_s = True, min(until_s, clock.monotonic_s() + _GRACE_S)
        if clock.monotonic_s() >= until_s:
            _end(process)
            return not is_halted, is_halted


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask a program and its children to end, and end them if they don't."""
    if sys.platform == "win32":
        process.kill()
        process.wait()
        return
    _signal_group(process, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _told(exit_code: int) -> str:
    if exit_code == 0:
        return ""
    if exit_code < 0:
        return f"was ended by signal {-exit_code}"
    return f"failed with exit code {exit_code}"


def _environment(event: Event) -> dict[str, str]:
    """The key is not in it, nor anything else that a program of the user need not know."""
    names = _PASSED_ON + (_WINDOWS_NEEDS if sys.platform == "win32" else ())
    return {name: os.environ[name] for name in names if name in os.environ} | {"TLSYNC_EVENT": event.event}


class _Output:
    """The beginning of what a program says. The rest is taken too, so that it does not wait, and dropped.

    A child that a program left running may hold the pipe open for ever: it is read no longer than the program lives.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        self._pipe = process.stdout
        self._kept = bytearray()
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._read, name="tlsync-hook-output", daemon=True)
        self._thread.start()

    def end(self) -> str:
        """What was said. The program has ended."""
        self._has_ended.set()
        self._thread.join(1.0)
        return printable(bytes(self._kept).decode("utf-8", "replace").strip())

    def _read(self) -> None:
        handle = self._pipe.fileno()
        with self._pipe, selectors.DefaultSelector() as selector:
            if os.name == "posix":
                selector.register(handle, selectors.EVENT_READ)
            left = _BLOCKS_AT_END
            while left:
                has_ended = self._has_ended.is_set()
                left -= has_ended
                if os.name == "posix" and not selector.select(0 if has_ended else _LOOK_S):
                    if has_ended:
                        return
                    continue
                block = os.read(handle, 65536)
                if not block:
                    return
                self._kept += block[: _OUTPUT_BYTES - len(self._kept)]
