"""`tlsync history`: what happened to the files lately."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json, print_json_line, shown
from tlsync.cli.passages import Passage, passages, step_text
from tlsync.cli.spans import time_of_day
from tlsync.cli.wiring import absolute, settings_to_look
from tlsync.clock import from_text, to_text
from tlsync.store.past import Move, last_move_id, moves_backwards
from tlsync.store.reader import CatalogReader
from tlsync.units import parse_duration

_EVERY_S = 1.0
_BATCH = 1000


class _Since(click.ParamType[datetime]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.now(UTC) - timedelta(seconds=parse_duration(value))
        except (ValueError, OverflowError):
            pass
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(
                f'{value!r} is no time; write it like "2 d", "3 h", "2026-11-20" or "2026-11-20 14:00"', param, ctx
            )


@click.command("history")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--since", type=_Since(), metavar="TIME", help='From then on: "2d", "3h", "2026-11-20".')
@click.option("-n", "--limit", type=click.IntRange(1), help="So many of the last lines (50; with --since 1000).")
@click.option("-f", "--follow", "is_following", is_flag=True, help="Go on as things happen, until Ctrl-C.")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON; with --follow a line for each.")
@click.pass_obj
def command(
    options: GlobalOptions,
    paths: tuple[Path, ...],
    since: datetime | None,
    limit: int | None,
    is_following: bool,
    is_json: bool,
) -> int:
    """Tell what happened to the files lately, newest last; with a PATH only to files at or below it.

    A line is the way of a file from setting out to coming to rest. Times are those of this machine.
    """
    settings = settings_to_look(options)
    below = absolute(paths)
    with CatalogReader(settings.state_dir) as reader:
        last_id = last_move_id(reader)
        moves = moves_backwards(reader, below)
        earliest = to_text(since) if since else ""
        found = passages(moves, since=earliest, limit=limit or (1000 if since else 50))
    if is_json and not is_following:
        print_json({"v": 1, "since": earliest or None, "entries": [_document(passage) for passage in found]})
        return 0
    for passage in found:
        _print(passage, passage.text(), is_json=is_json)
    if not is_following and not found:
        click.echo("nothing happened" + (" in that time" if since else " yet"), err=True)
    if is_following:
        try:
            _follow(settings.state_dir, below, last_id, is_json=is_json)
        except KeyboardInterrupt:
            pass  # how following ends
    return 0


def _follow(state_dir: Path, below: list[Path], last_id: int, *, is_json: bool) -> None:
    """Print what happens from now on; a file that is on its way gets a line for each step that is worth one."""
    begun: dict[int, list[Move]] = {}
    while True:
        time.sleep(_EVERY_S)
        with CatalogReader(state_dir) as reader:
            newest = last_move_id(reader)
            if newest < last_id:  # another catalog took the place of the one that was read
                last_id, begun = 0, {}
            fresh = list(moves_backwards(reader, below, after_id=last_id))[::-1] if newest > last_id else []
        for move in fresh:
            moves = begun.setdefault(move.file_id, [])
            moves.append(move)
            text = step_text(moves, len(moves) - 1)
            passage = Passage(move.path, moves)
            if text:
                _print(passage, text, is_json=is_json)
            if passage.is_over:
                del begun[move.file_id]
        last_id = max([last_id, *(move.id for move in fresh)])


def _print(passage: Passage, text: str, *, is_json: bool) -> None:
    if is_json:
        print_json_line(_document(passage))
    else:
        now = datetime.now(UTC)
        click.echo(f"{time_of_day(from_text(passage.at), now)} {shown(passage.path.name)} {text}")


def _document(passage: Passage) -> dict[str, Any]:
    return {
        "path": str(passage.path),
        "at": passage.at,
        "state": passage.moves[-1].new,
        "text": passage.text(),
        "moves": [{"at": move.at, "from": move.old, "to": move.new, "reason": move.reason} for move in passage.moves],
    }
