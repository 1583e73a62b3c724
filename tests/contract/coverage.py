"""Writes tlsync/api/COVERAGE.md: each method, and where code and tests have it. `python -m tests.contract.coverage`"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args
from unittest.mock import MagicMock

import tlsync.api
from tests.contract.cases import CASES
from tests.contract.test_client_methods import test_client_calls, test_command_calls
from tests.contract.test_sdk_methods import ROWS, test_sdk_method
from tlsync.api.reference import Method, methods
from tlsync.cli.api_help import marks
from tlsync.cli.api_parameters import options_of
from tlsync.sandbox.methods import routes_of
from tlsync.sandbox.settings import Platform

PATH = Path(tlsync.api.__file__).with_name("COVERAGE.md")
MISSING = "**missing**"

_COLUMNS = ("method", "call", "notes", "client", "parameters", "sandbox", "official SDK", "own client", "command")
_HEAD = """\
# Coverage of the reference

Each method of the API reference of 2025-11-17, and what came later. Made from the code by
`python -m tests.contract.coverage`; a test fails when a row is missing or this file is out of date.

- *client*: the function in `tlsync`. *parameters*: how many options `tlsync api METHOD` makes of its signature.
- *sandbox*: the ages of the platform in which the sandbox answers to it.
- *official SDK*, *own client*, *command*: the test in `tests/contract` that calls it on a sandbox on a socket. The SDK
  in the tests is 1.1.0, which does not have what came later.

"""


def table() -> list[dict[str, str]]:
    """The rows by column, read off the code."""
    played = {platform: _played(platform) for platform in get_args(Platform)}
    return [dict(zip(_COLUMNS, _cells(method, played), strict=True)) for method in methods().values()]


def render() -> str:
    """The whole file."""
    lines = [_line(_COLUMNS), f"|{'---|' * len(_COLUMNS)}", *(_line(row.values()) for row in table())]
    kept = sum(method.in_reference for method in methods().values())
    count = f"{kept} methods of the reference, {len(methods()) - kept} later ones.\n"
    return "\n".join([_HEAD + count, *lines, ""])


def _cells(method: Method, played: dict[str, set[tuple[str, ...]]]) -> tuple[str, ...]:
    name = method.name
    # Both ways to analyze are one call on the wire.
    wire_name = "analyze" if name == "analyze_stream" else name
    ages = [age for age, calls in played.items() if (wire_name, method.verb, _plain(method.template)) in calls]
    return (
        f"`{name}`",
        f"`{method.verb} {method.template}`",
        ", ".join(marks(method)) or " ",
        f"`{method.function.__module__.removeprefix('tlsync.')}.{method.function.__qualname__}`",
        str(len(options_of(method))),
        ", ".join(ages) or MISSING,
        _test(test_sdk_method, name, is_there=name in ROWS) if method.in_reference else "–",
        _test(test_client_calls, name, is_there=name in CASES),
        _test(test_command_calls, name, is_there=name in CASES),
    )


def _test(function: Callable[..., None], name: str, *, is_there: bool) -> str:
    return f"`{function.__name__}[{name}]`" if is_there else MISSING


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _played(platform: Platform) -> set[tuple[str, ...]]:
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
