"""tlsync as a launchd agent of the user (macOS).

Source: launchd.plist(5), launchctl(1), macOS 14.
"""

from __future__ import annotations

import os
import plistlib
import re
import shlex
from pathlib import Path
from typing import Any

from tlsync.errors import ServiceError
from tlsync.service.kept_file import PLACE
from tlsync.service.plan import TO_FILE, Commands, Found, Service, run_tool

_END_OF_HEAD = "<plist "


class Launchd:
    """`launchctl` in the domain of the user who sits at the screen."""

    kind = "launchd"
    encoding = "utf-8"

    def __init__(self, service: Service, home: Path) -> None:
        """
        Args:
            home: The folder of the user, with `Library`.
        """
        self._service = service
        self._words = home / "Library" / "Logs" / f"{service.name}.log"  # of Python itself, before tlsync has a log
        self.path = home / "Library" / "LaunchAgents" / f"{service.name}.plist"
        self._domain = f"gui/{os.getuid() if hasattr(os, 'getuid') else 0}"
        self._target = f"{self._domain}/{service.name}"
        plist = shlex.quote(str(self.path))
        self.commands = Commands(
            by_hand=[f"launchctl bootstrap {self._domain} {plist}"],
            undo=[f"launchctl bootout {self._target}", f"rm {plist}"],
        )

    def text(self) -> str:
        document: dict[str, Any] = {
            "Label": self._service.name,
            "ProgramArguments": [*self._service.arguments, TO_FILE],
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 30,
            "ExitTimeOut": 30,
            "ProcessType": "Background",
            "StandardOutPath": str(self._words),
            "StandardErrorPath": str(self._words),
        }
        if self._service.environment:
            document["EnvironmentVariables"] = dict(self._service.environment)
        try:
            plist = plistlib.dumps(document, sort_keys=False).decode()
        except (ValueError, UnicodeError) as error:
            raise ServiceError(
                f"a path has characters that a property list can't hold: {error}",
                hint="keep the settings in a folder with a plain name",
            ) from error
        mark = f"<!-- Written by tlsync service install ({PLACE}). -->\n"
        return plist.replace(_END_OF_HEAD, mark + _END_OF_HEAD, 1)

    def enable(self, *, is_changed: bool) -> None:
        if is_changed:
            run_tool("launchctl", "bootout", self._target, may_fail=True)
        self.start()

    def disable(self) -> None:
        if self._is_loaded():
            run_tool("launchctl", "bootout", self._target)

    def forget(self) -> None:
        """launchd forgets what it has put out."""

    def start(self) -> None:
        if self._is_loaded():
            run_tool("launchctl", "kickstart", self._target)
        else:
            run_tool("launchctl", "bootstrap", self._domain, str(self.path))

    def stop(self) -> None:
        run_tool("launchctl", "bootout", self._target)

    def restart(self) -> None:
        if self._is_loaded():
            run_tool("launchctl", "kickstart", "-k", self._target)
        else:
            self.start()

    def look(self) -> Found:
        shown = run_tool("launchctl", "print", self._target, may_fail=True)
        state = re.search(r"(?m)^\s*state = (.+)$", shown)
        pid = re.search(r"(?m)^\s*pid = (\d+)$", shown)
        return Found(
            is_enabled=bool(shown.strip()),
            is_active=pid is not None,
            detail=state[1] if state else "not loaded",
            pid=int(pid[1]) if pid else None,
        )

    def logs(self, lines: int, *, is_following: bool) -> list[str]:
        return []

    def _is_loaded(self) -> bool:
        return bool(run_tool("launchctl", "print", self._target, may_fail=True).strip())
