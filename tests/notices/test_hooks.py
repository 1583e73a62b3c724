"""Hooks run for an event with its JSON, no secrets, and an end."""

from __future__ import annotations

import json
import os
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tests.desk import wait_until
from tests.workshop import HastyClock
from tlsync.clock import Clock, SystemClock
from tlsync.config import HookSettings
from tlsync.errors import Interrupted
from tlsync.notices import hooks
from tlsync.notices.events import Event
from tlsync.notices.hooks import Hook, run

EVENT = Event("evt_1", "enriched", datetime(2026, 1, 2, tzinfo=UTC), path=Path("/footage/$(touch x) a.mp4"))

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


@pytest.fixture
def halt() -> threading.Event:
    return threading.Event()


def make(tmp_path: Path, script: str, *arguments: str, timeout_s: float = 30.0) -> HookSettings:
    program = tmp_path / "hook"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return HookSettings((str(program), *arguments), timeout_s=timeout_s)


def test_a_hook_gets_the_event_and_nothing_else(
    tmp_path: Path, halt: threading.Event, monkeypatch: pytest.MonkeyPatch, clean_environment: Path
) -> None:
    monkeypatch.setenv("TWELVE_LABS_API_KEY", "canary-key-0123456789")
    monkeypatch.setenv("LANG", "C.UTF-8")
    hook = make(tmp_path, f'cat > {tmp_path}/given; env > {tmp_path}/env; pwd; echo "$1"', "; touch y")
    ran = run(hook, EVENT, SystemClock(), halt)
    assert (ran.exit_code, ran.trouble) == (0, "")
    assert ran.output == f"{clean_environment}\\n; touch y"
    assert json.loads((tmp_path / "given").read_text())["path"] == "/footage/$(touch x) a.mp4"
    names = {line.partition("=")[0] for line in (tmp_path / "env").read_text().splitlines()}
    assert names - {"PWD", "_", "SHLVL", "OLDPWD"} == {"PATH", "HOME", "LANG", "TLSYNC_EVENT"}


def test_a_hook_that_fails_says_how(tmp_path: Path, halt: threading.Event) -> None:
    assert run(make(tmp_path, "exit 3"), EVENT, SystemClock(), halt).trouble == "failed with exit code 3"
    assert run(make(tmp_path, "kill -9 $$"), EVENT, SystemClock(), halt).trouble == "was ended by signal 9"
    missing = run(HookSettings((str(tmp_path / "none"),)), EVENT, SystemClock(), halt)
    assert (missing.exit_code, missing.trouble) == (None, "can't be run: No such file or directory")


def test_a_hook_that_hangs_is_ended_with_its_children(tmp_path: Path, halt: threading.Event) -> None:
    hook = make(tmp_path, f"trap '' TERM; sleep 1000 & echo $! > {tmp_path}/child; wait; sleep 1000", timeout_s=2.0)
    ran = run(hook, EVENT, HastyClock(2), halt)
    assert ran.trouble == "was ended after 2 s"
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not is_alive(child), "the end of the child")


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
    except OSError:
        os.kill(pid, 0)
        return True


def test_endless_output_is_taken_and_its_beginning_kept(tmp_path: Path, halt: threading.Event) -> None:
    ran = run(make(tmp_path, "yes | head -c 3000000"), EVENT, SystemClock(), halt)
    assert ran.trouble == ""
    assert ran.output.startswith("y\\ny\\n")
    assert len(ran.output) <= 3 * hooks._OUTPUT_BYTES


def test_a_child_that_stays_does_not_hold_up_the_next_event(tmp_path: Path, halt: threading.Event) -> None:
    """It holds the output open for longer than this test may take."""
    ran = run(make(tmp_path, f"sleep 1000 & echo $! > {tmp_path}/child; echo started"), EVENT, SystemClock(), halt)
    try:
        assert (ran.trouble, ran.output) == ("", "started")
    finally:
        os.kill(int((tmp_path / "child").read_text()), 9)


def test_a_hook_is_ended_when_tlsync_stops(tmp_path: Path, halt: threading.Event) -> None:
    """What it was run for is told again by the next run."""
    halt.set()
    with pytest.raises(Interrupted):
        run(make(tmp_path, "sleep 1000"), EVENT, HastyClock(20), halt)


class Runs:
    """Stands in for programs: says how each run ends."""

    def __init__(self, *codes: int | None) -> None:
        self.codes = list(codes)

    def __call__(self, hook: HookSettings, event: Event, clock: Clock, halt: threading.Event) -> hooks.Ran:
        code = self.codes.pop(0)
        return hooks.Ran(code, hooks._told(code) if code is not None else "can't be run", "", 0.0)


@pytest.mark.parametrize(
    ("codes", "waits", "told"),
    [
        ([0], [], [""]),
        ([1], [], ["failed with exit code 1"]),
        ([75, 0], [5.0], ["failed with exit code 75", ""]),
        ([None, 75, 75, 75], [5.0, 30.0, 120.0], ["can't be run", *["failed with exit code 75"] * 3]),
    ],
)
def test_only_temporary_failures_are_tried_again(
    monkeypatch: pytest.MonkeyPatch,
    fake_clock: FakeClock,
    halt: threading.Event,
    codes: list[int | None],
    waits: list[float],
    told: list[str],
) -> None:
    runs = Runs(*codes)
    monkeypatch.setattr(hooks, "run", runs)
    notes: list[str] = []
    Hook(HookSettings(("/hook",)), fake_clock, halt).deliver([EVENT], notes.append)
    assert fake_clock.waits == waits
    assert notes == [f"hook /hook {trouble} for $(touch x) a.mp4" if trouble else "" for trouble in told]
    assert runs.codes == []


def test_two_programs_run_at_once_and_no_third(monkeypatch: pytest.MonkeyPatch, halt: threading.Event) -> None:
    lock, go_on = threading.Lock(), threading.Event()
    running: list[int] = []

    def wait_inside(*arguments: object) -> hooks.Ran:
        with lock:
            running.append(1)
        assert go_on.wait(30.0)
        return hooks.Ran(0, "", "", 0.0)

    monkeypatch.setattr(hooks, "run", wait_inside)
    senders = [Hook(HookSettings((f"/{number}",)), SystemClock(), halt) for number in range(3)]
    threads = [threading.Thread(target=sender.deliver, args=([EVENT], lambda trouble: None)) for sender in senders]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(running) == 2, "two programs")
    assert not hooks.at_once.acquire(blocking=False)
    go_on.set()
    for thread in threads:
        thread.join(30.0)
    assert len(running) == 3
