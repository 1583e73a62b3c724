"""What a service runs, the same on every system; and what the manager of a system must be able to do."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tlsync.errors import ServiceError

_CARRIED = ("TLSYNC_STATE_DIR", "TWELVELABS_BASE_URL", "XDG_DATA_HOME")
"""Variables that decide where things are. Those with secrets (the key, proxies) are not carried."""
_TOOL_LIMIT_S = 60.0
TO_FILE = "--log-to-file"
"""For `tlsync run` where the system keeps no journal of what a service says."""


@dataclass(frozen=True, slots=True)
class Service:
    """`settings_id` tells services of different settings apart."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    settings_id: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a manager says of a service. `detail` is its own word for it."""

    is_enabled: bool
    is_active: bool
    detail: str
    pid: int | None = None
    text: str = ""


@dataclass(slots=True)
class Commands:
    """What a person would type, to do it and to undo it."""

    by_hand: list[str] = field(default_factory=list)
    undo: list[str] = field(default_factory=list)


class Manager(Protocol):
    """The service manager of a system. All methods but `text` may raise ServiceError."""

    kind: str
    path: Path
    encoding: str
    commands: Commands

    def text(self) -> str:
        """The file to write, with `kept_file.PLACE` where its mark goes."""
        ...

    def enable(self, *, is_changed: bool) -> None:
        """Have it started now and at each logon; again, if its file has changed."""
        ...

    def disable(self) -> None:
        """Stop it, and have it started no more. Fine if it never was."""
        ...

    def forget(self) -> None:
        """The file is gone."""
        ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def restart(self) -> None: ...

    def look(self) -> Found: ...

    def logs(self, lines: int, *, is_following: bool) -> list[str]:
        """The command that shows the journal of the system; empty where there is none, and tlsync logs to a file."""
        ...


def service_for(config: Path, profile: str | None, environment: Mapping[str, str], python: str = "") -> Service:
    """The service that runs `tlsync run` with these settings, wherever it is started.

    Raises:
        ServiceError: It is not known which Python runs here.
    """
    python = python or sys.executable
    if not os.path.isabs(python):  # noqa: PTH117 (a link to it must stay: that is how a virtual environment is found)
        raise ServiceError("it is not known which Python runs tlsync", hint="start tlsync by its whole path")
    where = os.path.abspath(config)  # noqa: PTH100 (does not follow links)
    named = ("--profile", profile) if profile else ()
    carried = {name: environment[name] for name in _CARRIED if environment.get(name)}
    if "TLSYNC_STATE_DIR" in carried:
        carried["TLSYNC_STATE_DIR"] = str(Path(carried["TLSYNC_STATE_DIR"]).expanduser().absolute())
    # systemd takes names of ASCII letters only; a profile may be named otherwise.
    suffix = profile if profile is None or profile.isascii() else hashlib.sha256(profile.encode()).hexdigest()[:8]
    return Service(
        name=f"tlsync-{suffix}" if suffix else "tlsync",
        # -P: a folder named tlsync where the service happens to start must not be taken for the program.
        arguments=(python, "-P", "-m", "tlsync", "--config", where, *named, "run"),
        environment=carried,
        settings_id=hashlib.sha256(os.fsencode(where)).hexdigest()[:12],
    )


def run_tool(*command: str, may_fail: bool = False) -> str:
    """What a tool of the system prints.

    Raises:
        ServiceError: It is not there, refuses, or does not end.
    """
    name = Path(command[0]).name
    try:
        done = subprocess.run(
            command, capture_output=True, timeout=_TOOL_LIMIT_S, check=False, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError:
        raise ServiceError(f"{name} is not on this machine") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceError(f"{name} did not answer: {error}") from error
    if done.returncode and not may_fail:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise ServiceError(f"{name}: {said[0] if said else f'exit code {done.returncode}'}")
    return done.stdout.decode("utf-8", "replace")
