"""Where in a TOML file a setting stands, for errors that name the line. tomllib forgets lines."""

from __future__ import annotations

import re

_TABLE = re.compile(r"\s*\[(?P<name>[^\[\]]+)\]\s*(#.*)?")
_ARRAY_TABLE = re.compile(r"\s*\[\[(?P<name>[^\[\]]+)\]\]\s*(#.*)?")
_KEY = re.compile(r"""\s*(?P<key>[A-Za-z0-9_-]+|"[^"]*"|'[^']*')\s*(=|\.)""")

Place = tuple[str, int | None, str | None]
"""A table, its position among tables of that name (None outside arrays), and a key in it (None: the table)."""


def find_lines(text: str) -> dict[Place, int]:
    """Lines (from 1) of all tables and keys. Good for files as people write them; a miss only costs the number."""
    lines: dict[Place, int] = {}
    positions: dict[str, int] = {}
    table, position = "", None
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _ARRAY_TABLE.fullmatch(line):
            table = match["name"].strip()
            position = positions[table] = positions.get(table, -1) + 1
            lines.setdefault((table, position, None), number)
        elif match := _TABLE.fullmatch(line):
            table, position = match["name"].strip(), None
            lines.setdefault((table, position, None), number)
        elif match := _KEY.match(line):
            lines.setdefault((table, position, match["key"].strip("\"'")), number)
    return lines
