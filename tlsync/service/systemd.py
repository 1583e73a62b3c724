"""tlsync as a systemd service of the user (Linux).

Source: systemd.service(5), systemd.unit(5), systemd.syntax(7), systemd 252.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from pathlib import Path

from tlsync.errors import ServiceError
from tlsync.service.kept_file import PLACE
from tlsync.service.plan import Commands, Found, Service, run_tool

_STARTS_WITHIN_S = 5.0
_LOOK_EVERY_S = 0.25

_PLAIN = re.compile(r"[\w/.,:@+ -]+")
_BY_SHELL = ("/bin/sh", "-c", 'exec "$0" "$@"')
"""Starts a program with quotes, backslashes or the like in its path, which systemd refuses whatever the quoting."""

_UNIT = """\
# Written by tlsync service install ({place}).
# Changes of yours belong into a drop-in, which is kept: systemctl --user edit {name}

[Unit]
Description=tlsync: keeps folders of footage in step with TwelveLabs
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
{environment}Restart=on-failure
RestartSec=30
# A mistake in the settings, or no key: starting again would not help.
RestartPreventExitStatus=2 6
# It waits for a keyring that is locked; that may take until somebody is there.
TimeoutStartSec=infinity
TimeoutStopSec=30
WatchdogSec=600
KillMode=mixed
Nice=10
NoNewPrivileges=yes

[Install]
WantedBy=default.target
"""


class Systemd:
    """`systemctl --user`."""

    kind = "systemd"
    encoding = "utf-8"

    def __init__(self, service: Service, folder: Path) -> None:
        """
        Args:
            folder: Where the units of the user are.
        """
        self._service = service
        self._unit = f"{service.name}.service"
        self.path = folder / self._unit
        self.commands = Commands(
            by_hand=["systemctl --user daemon-reload", f"systemctl --user enable --now {service.name}"],
            undo=[
                f"systemctl --user disable --now {service.name}",
                f"rm {shlex.quote(str(self.path))}",
                "systemctl --user daemon-reload",
            ],
        )

    def text(self) -> str:
        words = self._service.arguments
        if not _PLAIN.fullmatch(words[0]):
            words = (*_BY_SHELL, *words)
        command = " ".join(quoted(word.replace("$", "$$")) for word in words)
        environment = "".join(
            f"Environment={quoted(f'{name}={value}')}\n" for name, value in self._service.environment.items()
        )
        return _UNIT.format(place=PLACE, name=self._service.name, command=command, environment=environment)

    def enable(self, *, is_changed: bool) -> None:
        self._ctl("daemon-reload")
        self._ctl("enable", self._unit)
        # It may wait for a keyring; nobody has to wait with it.
        self._ctl("restart" if is_changed else "start", "--no-block", self._unit)
        self._see_it_start()

    def disable(self) -> None:
        if "not-found" not in self._shown("LoadState").values():
            self._ctl("disable", "--now", self._unit)

    def forget(self) -> None:
        self._ctl("daemon-reload")
        run_tool("systemctl", "--user", "reset-failed", self._unit, may_fail=True)

    def start(self) -> None:
        self._ctl("start", "--no-block", self._unit)
        self._see_it_start()

    def stop(self) -> None:
        self._ctl("stop", self._unit)

    def restart(self) -> None:
        self._ctl("restart", "--no-block", self._unit)
        self._see_it_start()

    def look(self) -> Found:
        shown = self._shown("ActiveState", "SubState", "MainPID", "StatusText", "UnitFileState")
        pid = int(shown.get("MainPID") or 0)
        return Found(
            is_enabled=shown.get("UnitFileState") == "enabled",
            is_active=shown.get("ActiveState") == "active",
            detail=f"{shown.get('ActiveState', 'unknown')} ({shown.get('SubState', 'unknown')})",
            pid=pid or None,
            text=shown.get("StatusText", ""),
        )

    def logs(self, lines: int, *, is_following: bool) -> list[str]:
        return [
            "journalctl",
            f"--user-unit={self._unit}",
            f"--lines={lines}",
            "--no-pager",
            *(["--follow"] if is_following else []),
        ]

    def _shown(self, *properties: str) -> dict[str, str]:
        lines = self._ctl("show", f"--property={','.join(properties)}", self._unit).splitlines()
        return dict(line.partition("=")[::2] for line in lines)

    def _see_it_start(self) -> None:
        """What fails at once should be seen by whoever looks next; what takes long is not waited for."""
        deadline_s = time.monotonic() + _STARTS_WITHIN_S
        while self._shown("ActiveState").get("ActiveState") == "activating" and time.monotonic() < deadline_s:
            time.sleep(_LOOK_EVERY_S)

    def _ctl(self, *arguments: str) -> str:
        try:
            return run_tool("systemctl", "--user", *arguments)
        except ServiceError as error:
            if shutil.which("systemctl") is None:
                error.hint = "this system starts services in another way: have it run tlsync run"
            elif "connect to bus" in error.message:
                error.hint = "systemd runs nothing for this user now: log in at the machine, or loginctl enable-linger"
            raise


def units_folder() -> Path:
    """Where systemd looks for units of the user."""
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "systemd" / "user"


def quoted(text: str) -> str:
    """One word of a line: whatever characters are in it, systemd reads it as they are."""
    return '"' + "".join(_safe(byte) for byte in os.fsencode(text).decode("utf-8", "surrogateescape")) + '"'


def _safe(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character == "%":  # else the beginning of a specifier
        return "%%"
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        return f"\\x{code:02x}"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return character
