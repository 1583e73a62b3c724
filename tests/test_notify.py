"""Messages to systemd over real sockets, of both kinds; and silence without one."""

from __future__ import annotations

import os
import secrets
import socket
import sys
from pathlib import Path

import pytest

from tlsync.notify import Notifier

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no sockets of this kind here")


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_messages_arrive_at_both_kinds_of_socket(tmp_path: Path, kind: str) -> None:
    if kind == "abstract" and sys.platform != "linux":
        pytest.skip("abstract sockets are Linux's")
    name = f"@tlsync-test-{secrets.token_hex(8)}" if kind == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + name[1:] if kind == "abstract" else name)
        ear.settimeout(10)
        notifier = Notifier.from_environment({"NOTIFY_SOCKET": name})
        notifier.ready()
        notifier.alive()
        notifier.status("ünterwegs")
        notifier.stopping()
        heard = [ear.recv(4096).decode() for _ in range(4)]
    assert heard == ["READY=1", "WATCHDOG=1", "STATUS=ünterwegs", "STOPPING=1\nSTATUS=stopping"]


def test_a_status_is_one_short_line_said_once(tmp_path: Path) -> None:
    """A file name in it must not become a message of its own."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.settimeout(10)
        notifier = Notifier(str(tmp_path / "notify"))
        for _ in range(2):
            notifier.status("evil\nMAINPID=1" + "x" * 10_000)
        notifier.ready()
        status, then = ear.recv(65536).decode(), ear.recv(4096).decode()
    assert status.startswith("STATUS=evil\\nMAINPID=1xxx")
    assert len(status) < 500
    assert then == "READY=1"


def test_the_variables_are_not_left_to_child_processes() -> None:
    environment = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": str(os.getpid()), "A": "b"}
    assert Notifier.from_environment(environment).watchdog_s == 10.0
    assert environment == {"A": "b"}


@pytest.mark.parametrize(
    "environment",
    [
        {"WATCHDOG_USEC": "10000000"},
        {"NOTIFY_SOCKET": "relative", "WATCHDOG_USEC": "10000000"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "1"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "soon"},
    ],
)
def test_signs_of_life_are_given_only_where_they_are_wanted_of_us(environment: dict[str, str]) -> None:
    assert Notifier.from_environment(environment).watchdog_s is None


def test_a_manager_that_is_gone_is_no_trouble_of_ours(tmp_path: Path) -> None:
    Notifier(str(tmp_path / "nobody")).ready()
    Notifier().ready()
