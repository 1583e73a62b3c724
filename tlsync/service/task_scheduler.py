"""tlsync as a scheduled task at logon (Windows).

Source: "Task Scheduler Schema" and "schtasks" in the documentation of Windows, read in November 2026.
"""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

from tlsync.errors import ServiceError
from tlsync.service.kept_file import PLACE
from tlsync.service.plan import TO_FILE, Commands, Found, Service, run_tool

_NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
_SETTINGS = {
    "MultipleInstancesPolicy": "IgnoreNew",
    "DisallowStartIfOnBatteries": "false",
    "StopIfGoingOnBatteries": "false",
    "StartWhenAvailable": "true",
    "ExecutionTimeLimit": "PT0S",
    "Priority": "7",
}


class TaskScheduler:
    """`schtasks`. The file is what the task was made from; the task itself is in the system."""

    kind = "task scheduler"
    encoding = "utf-16"

    def __init__(self, service: Service, folder: Path) -> None:
        """
        Args:
            folder: Where the task's file is kept.
        """
        self._service = service
        self.path = folder / f"{service.name}.xml"
        self.commands = Commands(
            by_hand=[f'schtasks /Create /TN {service.name} /XML "{self.path}"', f"schtasks /Run /TN {service.name}"],
            undo=[f"schtasks /Delete /TN {service.name} /F", f'del "{self.path}"'],
        )

    def text(self) -> str:
        if self._service.environment:
            raise ServiceError(
                f"a task of Windows can't set {', '.join(self._service.environment)}",
                hint="write state_dir and base_url into the settings, and unset these variables",
            )
        user = "\\".join(filter(None, (os.environ.get("USERDOMAIN", ""), getpass.getuser())))
        task = ElementTree.Element("Task", {"version": "1.2", "xmlns": _NAMESPACE})
        about = ElementTree.SubElement(task, "RegistrationInfo")
        ElementTree.SubElement(about, "Description").text = f"Written by tlsync service install ({PLACE})."
        trigger = ElementTree.SubElement(ElementTree.SubElement(task, "Triggers"), "LogonTrigger")
        _add(trigger, {"Enabled": "true", "UserId": user})
        principal = ElementTree.SubElement(ElementTree.SubElement(task, "Principals"), "Principal", {"id": "Author"})
        _add(principal, {"UserId": user, "LogonType": "InteractiveToken", "RunLevel": "LeastPrivilege"})
        settings = ElementTree.SubElement(task, "Settings")
        _add(settings, _SETTINGS)
        _add(ElementTree.SubElement(settings, "RestartOnFailure"), {"Interval": "PT1M", "Count": "999"})
        actions = ElementTree.SubElement(task, "Actions", {"Context": "Author"})
        program, *arguments = self._service.arguments
        _add(
            ElementTree.SubElement(actions, "Exec"),
            {"Command": program, "Arguments": subprocess.list2cmdline([*arguments, TO_FILE])},
        )
        ElementTree.indent(task)
        return '<?xml version="1.0" encoding="UTF-16"?>\n' + ElementTree.tostring(task, "unicode") + "\n"

    def enable(self, *, is_changed: bool) -> None:
        if is_changed:
            run_tool("schtasks", "/End", "/TN", self._service.name, may_fail=True)
        run_tool("schtasks", "/Create", "/TN", self._service.name, "/XML", str(self.path), "/F")
        self.start()

    def disable(self) -> None:
        if self._is_there():
            run_tool("schtasks", "/End", "/TN", self._service.name, may_fail=True)
            run_tool("schtasks", "/Delete", "/TN", self._service.name, "/F")

    def forget(self) -> None:
        """Nothing else knows of it."""

    def start(self) -> None:
        run_tool("schtasks", "/Run", "/TN", self._service.name)

    def stop(self) -> None:
        run_tool("schtasks", "/End", "/TN", self._service.name)

    def restart(self) -> None:
        run_tool("schtasks", "/End", "/TN", self._service.name, may_fail=True)
        self.start()

    def look(self) -> Found:
        if not self._is_there():
            return Found(is_enabled=False, is_active=False, detail="no task")
        # What schtasks prints is in the language of the system; this is not.
        asked = f"(Get-ScheduledTask -TaskName '{self._service.name}').State"
        state = run_tool("powershell", "-NoProfile", "-Command", asked).strip()
        return Found(is_enabled=state != "Disabled", is_active=state == "Running", detail=state.lower())

    def logs(self, lines: int, *, is_following: bool) -> list[str]:
        return []

    def _is_there(self) -> bool:
        return bool(run_tool("schtasks", "/Query", "/TN", self._service.name, may_fail=True).strip())


def _add(parent: ElementTree.Element, values: Mapping[str, str]) -> None:
    for name, value in values.items():
        ElementTree.SubElement(parent, name).text = value
