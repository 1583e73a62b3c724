"""One process at a time, and a lock that dies with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tlsync.daemon import only_one
from tlsync.errors import AlreadyRunning


def test_a_second_one_is_refused_by_name(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_a_child_that_is_forked_off_does_not_keep_the_lock(tmp_path: Path) -> None:
    """Whatever else tlsync starts may outlive it: the next start must not have to wait for that."""
    program = f"""
import os, pathlib, sys
from tlsync.daemon import only_one
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
