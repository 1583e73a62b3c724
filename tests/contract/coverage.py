"""Writes tlsync/api/COVERAGE.md: each method, and where the code and the tests have it. `python -m tests.contract.coverage`"""

from __future__ import annotations

import re
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import get_args
from unittest.mock import MagicMock

import tlsync.api
from tests.contract import cases, test_client_methods, test_sdk_methods
from tlsync.api.reference import Method, methods
from tlsync.cli.api_help import marks
from tlsync.cli.api_parameters import options_of
from tlsync.sandbox.methods import routes_of
from tlsync.sandbox.settings import Platform

PATH = Path(tlsync.api.__file__).with_name("COVERAGE.md")
MISSING = "**missing**"
NOT_APPLICABLE = "–"

_HEAD = """\
# Coverage of the reference

Each method of the API reference of 2025-11-17, and what came later: where the client has it, how `tlsync api` takes it, which
ages of the platform the sandbox plays it for, and which suites call it on a sandbox that listens on a socket. Made from the code
by `python -m tests.contract.coverage`; a test fails when a row is missing or this file is out of date.

- *SDK suite*: the official SDK 1.1.0 against the sandbox (`tests/contract/test_sdk_methods.py`); it does not have what came later.
- *Own suite*: tlsync's client, and `tlsync api`, against the sandbox (`tests/contract/test_client_methods.py`).

"""


@dataclass(frozen=True)
class Row:
    """One line of the table; its fields are the columns."""

    method: str
    call: str
    notes: str
    client: str
    command: str
    sandbox: str
    sdk_suite: str
    own_suite_client: str
    own_suite_command: str


def rows() -> list[Row]:
    """The table, read off the code."""
    played = {platform: _played(platform) for platform in get_args(Platform)}
    return [_row(method, played) for method in methods().values()]


def render() -> str:
    """The whole file."""
    table = rows()
    kept = sum(method.in_reference for method in methods().values())
    names = [name.replace("_", " ").replace("suite ", "suite: ") for name in Row.__annotations__]
    lines = [
        f"| {' | '.join(names)} |",
        f"|{'---|' * len(names)}",
        *(f"| {' | '.join(astuple(row))} |" for row in table),
    ]
    return f"{_HEAD}{kept} methods of the reference, {len(table) - kept} later ones.\n\n" + "\n".join(lines) + "\n"


def _row(method: Method, played: dict[str, set[tuple[str, str, str]]]) -> Row:
    name = method.name
    wire_name = "analyze" if name == "analyze_stream" else name
    call = (wire_name, method.verb, _plain(method.template))
    ages = [platform for platform, calls in played.items() if call in calls]
    is_driven = name in cases.CASES
    return Row(
        f"`{name}`",
        f"`{method.verb} {method.template}`",
        ", ".join(marks(method)) or " ",
        f"`{method.function.__module__.removeprefix('tlsync.')}.{method.function.__qualname__}`",
        f"{len(options_of(method))} options",
        ", ".join(ages) or MISSING,
        ("yes" if name in test_sdk_methods.ROWS else MISSING) if method.in_reference else NOT_APPLICABLE,
        "yes" if is_driven and hasattr(test_client_methods, "test_client_calls") else MISSING,
        "yes" if is_driven and hasattr(test_client_methods, "test_command_calls") else MISSING,
    )


def _played(platform: Platform) -> set[tuple[str, str, str]]:
    """Name, verb and path of what the sandbox answers as this platform. Its table needs no living world."""
    world = MagicMock()
    world.settings.is_later = platform != "2025-11"
    return {(route.name, route.verb, _plain(route.template)) for route in routes_of(world)}


def _plain(template: str) -> str:
    """A path whose parameters have no names: the sandbox may call them otherwise."""
    return re.sub(r"\{\w+\}", "{}", template)


if __name__ == "__main__":
    PATH.write_text(render(), "utf-8")
    print(f"wrote {PATH}")
