"""`tlsync resume`: end a pause."""

from __future__ import annotations

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json
from tlsync.cli.wiring import settings_of
from tlsync.store.pause import lift


@click.command("resume")
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def command(options: GlobalOptions, is_json: bool) -> int:
    """End a pause: a running daemon goes on within a second. Without a pause nothing happens."""
    was_paused = lift(settings_of(options).state_dir)
    if is_json:
        print_json({"v": 1, "paused": False, "was_paused": was_paused})
    else:
        click.echo("the pause is over" if was_paused else "there was no pause")
    return 0
