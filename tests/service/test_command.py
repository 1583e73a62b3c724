"""`tlsync service` with a service manager that is not there, that refuses, and that does as it is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync, tlsync
from tests.workshop import Workshop
from tlsync.service.kept_file import PLACE
from tlsync.service.launchd import Launchd
from tlsync.service.plan import service_for
from tlsync.service.task_scheduler import TaskScheduler

__all__ = ["tlsync"]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="stand-ins for tools are shell scripts")
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="systemd is Linux's")

Tool = Callable[..., Path]


@pytest.fixture
def tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tool:
    """Put a stand-in for a tool of the system on the path; it notes how it was called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def make(name: str, body: str = "") -> Path:
        calls = tmp_path / f"{name}.calls"
        (folder / name).write_text(f'#!/bin/sh\necho "$@" >> "{calls}"\n{body}\n')
        (folder / name).chmod(0o755)
        return calls

    return make


@pytest.fixture
def unit(clean_environment: Path) -> Path:
    return clean_environment / ".config" / "systemd" / "user" / "tlsync.service"


@only_linux
def test_without_systemd_the_file_is_written_and_what_to_do_is_said(tlsync: Tlsync, tool: Tool, unit: Path) -> None:
    outcome = tlsync("service", "install")
    assert outcome.code == 0
    assert f"written: {unit}" in outcome.out
    assert "not started (systemctl is not on this machine); to start it:" in outcome.out
    assert "systemctl --user enable --now tlsync" in outcome.out
    assert "rm " in outcome.out
    assert "Type=notify" in unit.read_text()
    assert tlsync("service", "install", "--json").json["file"] == "unchanged"
    for command in ("start", "stop", "restart", "status"):
        refused = tlsync("service", command)
        assert refused.code == 1
        assert "systemctl is not on this machine" in refused.err and "→" in refused.err
    assert "journalctl is not on this machine" in tlsync("service", "logs").err
    gone = tlsync("service", "uninstall")
    assert (gone.code, unit.exists()) == (0, False)


@only_linux
def test_without_a_session_of_the_user_the_reason_is_told(tlsync: Tlsync, tool: Tool, unit: Path) -> None:
    tool("systemctl", "echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    assert "not started (systemctl: Failed to connect to bus: No medium found)" in tlsync("service", "install").out
    assert "enable-linger" in tlsync("service", "status").err


@only_linux
def test_it_is_enabled_started_and_taken_away(tlsync: Tlsync, tool: Tool, unit: Path) -> None:
    calls = tool(
        "systemctl", 'case "$*" in *show*) echo ActiveState=active; echo SubState=running; echo MainPID=7;; esac'
    )
    assert "tlsync is a service now" in tlsync("service", "install").out
    done = calls.read_text().splitlines()
    assert [call for call in done if "show" not in call] == [
        "--user daemon-reload",
        "--user enable tlsync.service",
        "--user start --no-block tlsync.service",
    ]
    status = tlsync("service", "status", "--json")
    assert (status.code, status.json["active"], status.json["pid"]) == (0, True, 7)
    calls.unlink()
    assert tlsync("service", "uninstall").code == 0
    assert "--user disable --now tlsync.service" in calls.read_text()
    assert tlsync("service", "uninstall").out == "there was no service\n"


@only_linux
def test_what_was_edited_is_neither_overwritten_nor_removed(tlsync: Tlsync, tool: Tool, unit: Path) -> None:
    tool("systemctl")
    tlsync("service", "install")
    unit.write_text(unit.read_text().replace("Nice=10", "Nice=19"))
    for command in ("install", "uninstall"):
        outcome = tlsync("service", command)
        assert outcome.code == 1 and str(unit) in outcome.err
    assert "Nice=19" in unit.read_text()


@only_linux
def test_the_key_stays_out_and_its_absence_is_told(
    tlsync: Tlsync, tool: Tool, unit: Path, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool("systemctl")
    outcome = tlsync("service", "install")
    assert "tlsync auth login" in outcome.err
    text = unit.read_text()
    assert workshop.server.api_key not in text
    assert f'--config" "{os.environ["TLSYNC_CONFIG"]}"' in text
    assert f'Environment="TWELVELABS_BASE_URL={workshop.server.base_url}"' in text


@only_linux
def test_without_a_journal_the_log_is_read_from_its_file(
    tlsync: Tlsync, tool: Tool, unit: Path, workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    tlsync("service", "install")
    workshop.state_dir.mkdir(exist_ok=True)
    (workshop.state_dir / "tlsync.log.1").write_text("one\n")
    (workshop.state_dir / "tlsync.log").write_text("two \x1b[2J\nthree\n")
    assert tlsync("service", "logs").out == "one\ntwo \\x1b[2J\nthree\n"
    assert tlsync("service", "logs", "-n", "1").out == "three\n"

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tlsync.log_files.follow.__defaults__", (interrupt,))
    followed = tlsync("service", "logs", "-n", "1", "-f")
    assert (followed.code, followed.out) == (0, "three\n")


@only_linux
def test_a_journal_is_shown_as_it_is(tlsync: Tlsync, tool: Tool, unit: Path) -> None:
    tlsync("service", "install")
    calls = tool("journalctl", "exit 3")
    assert tlsync("service", "logs", "-n", "7", "-f").code == 3
    assert calls.read_text() == "--user-unit=tlsync.service --lines=7 --no-pager --follow\n"


@only_linux
def test_status_of_one_that_does_not_run_is_exit_code_11(tlsync: Tlsync, tool: Tool) -> None:
    assert "tlsync service install" in tlsync("service", "status").err
    tool("systemctl", 'case "$*" in *show*) echo ActiveState=failed; echo SubState=failed; echo MainPID=0;; esac')
    tlsync("service", "install")
    outcome = tlsync("service", "status")
    assert (outcome.code, "failed (failed)" in outcome.out) == (11, True)


def test_launchd_is_asked_in_its_own_words(tmp_path: Path, tool: Tool) -> None:
    calls = tool(
        "launchctl",
        f'[ "$1" = print ] || exit 0; [ -e {tmp_path}/loaded ] || exit 113; echo "  state = running"; echo "  pid = 7"',
    )
    manager = Launchd(service_for(Path("/c.toml"), None, {}), tmp_path)
    assert PLACE in manager.text()
    manager.enable(is_changed=False)
    assert manager.look().is_active is False
    (tmp_path / "loaded").touch()
    found = manager.look()
    assert (found.is_active, found.pid, found.detail) == (True, 7, "running")
    manager.restart()
    manager.disable()
    assert manager.logs(5, is_following=True) == []
    domain = f"gui/{os.getuid()}"
    done = [call for call in calls.read_text().splitlines() if not call.startswith("print")]
    assert done == [
        f"bootstrap {domain} {manager.path}",
        f"kickstart -k {domain}/tlsync",
        f"bootout {domain}/tlsync",
    ]


def test_the_task_scheduler_is_asked_in_its_own_words(tmp_path: Path, tool: Tool) -> None:
    calls = tool("schtasks", "echo tlsync")
    tool("powershell", "echo Running")
    manager = TaskScheduler(service_for(Path("/c.toml"), "archive", {}), tmp_path)
    manager.enable(is_changed=True)
    assert manager.look().is_active is True
    manager.disable()
    done = [call for call in calls.read_text().splitlines() if "/Query" not in call]
    assert done == [
        "/End /TN tlsync-archive",
        f"/Create /TN tlsync-archive /XML {manager.path} /F",
        "/Run /TN tlsync-archive",
        "/End /TN tlsync-archive",
        "/Delete /TN tlsync-archive /F",
    ]
