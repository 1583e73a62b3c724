"""One process at a time, a lock that dies with it, and who holds it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlsync.errors import AlreadyRunning
from tlsync.store import process_lock
from tlsync.store.process_lock import RUN, Holder, holder, only_one


def test_a_second_one_is_refused_by_name(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_a_child_that_is_forked_off_does_not_keep_the_lock(tmp_path: Path) -> None:
    """Whatever else tlsync starts may outlive it: the next start must not have to wait for that."""
    program = f"""
import os, pathlib, sys
from tlsync.store.process_lock import only_one
with only_one(pathlib.Path({str(tmp_path)!r})):
    if os.fork() == 0:
        os.write(1, b"x")
        os.read(0, 1)
        os._exit(0)
    os._exit(0)  # as after kill -9: nothing is cleaned up
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert parent.stdin is not None and parent.stdout is not None
    with parent.stdin, parent.stdout:
        assert parent.stdout.read(1) == b"x"
        assert parent.wait(10) == 0
        with only_one(tmp_path):
            pass


def test_who_holds_it_can_be_found_out_without_disturbing(tmp_path: Path) -> None:
    assert holder(tmp_path / "nowhere") is None
    with only_one(tmp_path, RUN):
        assert holder(tmp_path) == Holder(os.getpid(), RUN)
    assert holder(tmp_path) is None
    with only_one(tmp_path):
        assert holder(tmp_path) == Holder(os.getpid(), "command")


def test_somebody_who_only_looks_does_not_keep_a_daemon_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look holds the lock for a moment, and a start in that moment has to be patient."""
    with only_one(tmp_path):
        pass
    look = (tmp_path / "lock").open("rb+")
    process_lock._take_lock(look.fileno())
    monkeypatch.setattr("time.sleep", lambda seconds: look.close())
    with only_one(tmp_path, RUN):
        assert holder(tmp_path) == Holder(os.getpid(), RUN)


def test_a_killed_daemon_is_gone_at_once_though_its_note_is_there(tmp_path: Path) -> None:
    program = (
        "import os, pathlib\nfrom tlsync.store.process_lock import only_one\n"
        f"with only_one(pathlib.Path({str(tmp_path)!r}), 'run'): os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == -9
    assert (tmp_path / "lock").read_text().endswith(" run")
    assert holder(tmp_path) is None
