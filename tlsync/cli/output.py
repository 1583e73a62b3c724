"""How values are printed: JSON for programs, aligned text for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from tlsync.cli.cells import cells, padded
from tlsync.errors import TlsyncError
from tlsync.terminal_text import printable, printable_json

if TYPE_CHECKING:
    from pathlib import Path


def print_json(document: Any) -> None:
    """One document on stdout. Names that are not UTF-8 come out with replacement characters."""
    _print_json(document, indent=2)


def print_json_line(document: Any) -> None:
    """One of many documents on stdout, each in a line of its own."""
    _print_json(document, indent=None)


def _print_json(document: Any, indent: int | None) -> None:
    import json

    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    text = printable_json(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
    # Where not every character can be written, JSON has a way to say it all the same.
    click.echo(text if is_utf8 else json.dumps(json.loads(text), indent=indent))


def print_table(rows: Iterable[Sequence[str]], header: Sequence[str] = ()) -> None:
    """Columns as wide as their longest cell; the last one is free."""
    table = [[printable(cell) for cell in row] for row in ([header] if header else []) + list(rows)]
    if not table:
        return
    widths = [max(cells(row[column]) for row in table) for column in range(len(table[0]) - 1)]
    lines = []
    for row in table:
        filled = [padded(cell, width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*filled, row[-1]]).rstrip())
    click.echo("\n".join(lines))


def shown(path: Path | str) -> str:
    """A path for a terminal: control characters escaped, broken bytes visible."""
    return printable(str(path))


def json_text(path: Path | None) -> str | None:
    """A path for a JSON document."""
    return None if path is None else str(path)


def timecode(seconds: float) -> str:
    """HH:MM:SS.mmm."""
    total_ms = round(seconds * 1000)
    hours, rest_ms = divmod(total_ms, 3_600_000)
    minutes, rest_ms = divmod(rest_ms, 60_000)
    whole_s, ms = divmod(rest_ms, 1000)
    return f"{hours:02d}:{minutes:02d}:{whole_s:02d}.{ms:03d}"


def size(size_bytes: float) -> str:
    """A size the way people read it: 22.7 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if abs(size_bytes) < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.2f} TB"


def note(text: str) -> None:
    """A line for people while results go elsewhere."""
    click.echo(text, err=True)


def is_terminal() -> bool:
    """Whether somebody looks at stderr."""
    return sys.stderr.isatty()


_TOLD_STATES = frozenset({"uploaded", "enriched", "ineligible", "failed", "missing"})


def moved_line(path: Path, state: str, reason: str) -> str | None:
    """What is told of a file's move; None for those that nobody waits for."""
    if state not in _TOLD_STATES:
        return None
    return f"{state}: {shown(path.name)}" + (f" ({shown(reason)})" if reason else "")


def trouble_line(error: TlsyncError, wait_s: float) -> str:
    """What is told when everything has to wait."""
    return f"waiting {wait_s:.0f} s: {shown(str(error))}"
