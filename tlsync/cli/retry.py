"""`tlsync retry`: another chance for files that failed."""

from __future__ import annotations

from pathlib import Path

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json
from tlsync.cli.wiring import absolute, settings_of, writing_store
from tlsync.errors import AlreadyRunning


@click.command("retry")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def command(options: GlobalOptions, paths: tuple[Path, ...], is_json: bool) -> int:
    """Try failed files again: all, or those at or below PATHS. A running daemon starts at once.

    Files that were not taken are looked at again only when named; one that became shorter is then taken as it is.
    """
    from tlsync.engine.retrying import retry_files
    from tlsync.store.requests import Request, post

    settings = settings_of(options)
    targets = absolute(paths)
    try:
        with writing_store(settings) as store:
            count: int | None = len(retry_files(store, targets))
    except AlreadyRunning:
        post(settings.state_dir, Request("retry", tuple(targets)))
        count = None
    if is_json:
        print_json({"v": 1, "retried": count, "asked_daemon": count is None})
    elif count is None:
        click.echo("The running tlsync was asked to try again.")
    else:
        click.echo(f"{count} file(s) will be tried again at the next sync or run.")
    return 0
