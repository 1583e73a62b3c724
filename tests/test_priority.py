"""Standing back behind other programs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlsync import priority

ROOT = Path(__file__).parent.parent
CODE = """
import os, sys, threading
from tlsync.priority import stand_back
os.nice(int(sys.argv[1]))
print(stand_back(int(sys.argv[2]), sys.argv[3]))
seen = []
thread = threading.Thread(target=lambda: seen.append(os.getpriority(os.PRIO_PROCESS, 0)))
thread.start(); thread.join()
print(seen[0] - int(sys.argv[4]))
"""


def child(before: int, nice: int, io: str) -> list[str]:
    """In a process of its own, since it can't be taken back: complaints, and how nice a new thread is."""
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    arguments = [sys.executable, "-c", CODE, str(before), str(nice), io, str(mine)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, cwd=ROOT, timeout=60)
    return done.stdout.split("\n")[:2]


@pytest.mark.skipif(sys.platform != "linux", reason="of threads on Linux")
def test_threads_inherit_it_and_nobody_is_made_more_important() -> None:
    mine = os.getpriority(os.PRIO_PROCESS, 0)
    assert child(0, 12, "normal") == ["[]", str(max(12, mine) - mine)]
    assert child(15, 10, "normal")[1] == str(min(19, mine + 15) - mine)


@pytest.mark.skipif(sys.platform != "linux", reason="ionice is of Linux")
@pytest.mark.parametrize(("io", "told"), [("low", "best-effort: prio 7"), ("idle", "idle")])
def test_the_disk_too(io: str, told: str) -> None:
    code = f"import subprocess; from tlsync.priority import stand_back; print(stand_back(0, {io!r}), flush=True)\n"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code + "subprocess.run(['ionice'])"],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            timeout=60,
        )
    except subprocess.CalledProcessError:
        pytest.skip("no ionice here")
    assert done.stdout.splitlines() == ["[]", told]


def test_what_cannot_be_done_is_said_and_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError("not known how on pdp11")

    monkeypatch.setattr(priority, "_set_nice", refuse)
    monkeypatch.setattr(priority, "_set_io", refuse)
    assert priority.stand_back(10, "low") == [
        "daemon.nice has no effect: not known how on pdp11",
        "daemon.io_priority has no effect: not known how on pdp11",
    ]
    assert priority.stand_back(10, "normal") == ["daemon.nice has no effect: not known how on pdp11"]
