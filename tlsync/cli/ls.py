"""`tlsync ls`: the files that tlsync knows, with their states."""

from __future__ import annotations

from pathlib import Path

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json, print_table, size
from tlsync.cli.wiring import absolute, settings_of
from tlsync.states import FileState
from tlsync.store.reader import CatalogReader


@click.command("ls")
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--state", "states", multiple=True, type=click.Choice([s.value for s in FileState]), help="Only these.")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(options: GlobalOptions, path: Path | None, states: tuple[str, ...], is_json: bool) -> int:
    """List the known files: all, or those at or below PATH."""
    settings = settings_of(options)
    below = absolute((path,))[0] if path is not None else None
    with CatalogReader(settings.state_dir) as reader:
        views = reader.files(below, states=tuple(FileState(state) for state in states))
    if is_json:
        files = [
            {
                "path": str(view.path),
                "state": view.state.value,
                "reason": view.reason,
                "size_bytes": view.size_bytes,
                "duration_s": view.duration_s,
            }
            for view in views
        ]
        print_json({"v": 1, "files": files})
    else:
        print_table([(view.state.value, size(view.size_bytes).rjust(9), str(view.path)) for view in views])
    return 0 if views or path is None else 4
