"""`tlsync mirror`: the tree as plain files."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, shown
from tlsync.cli.viewing import opened_view
from tlsync.cli.wiring import absolute, settings_of

_LOOK_EVERY_S = 2.0
_ANEW_AT_LEAST_EVERY_S = 600.0


@click.command("mirror")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--watch", "is_watching", is_flag=True, help="Keep it true until stopped.")
@click.option("--no-links", is_flag=True, help="Make .url files where there would be symbolic links.")
@click.option("--json", "is_json", is_flag=True, help="Print what was done as JSON.")
@click.pass_obj
def command(options: GlobalOptions, folder: Path, is_watching: bool, no_links: bool, is_json: bool) -> int:
    """Write the index as a tree of small files and links into FOLDER, a new folder or one made by this command.

    No media is copied. Only what this command made is changed or removed by it.
    """
    from tlsync.daemon import stop_on_signals
    from tlsync.mirror.folder import FolderMirror

    settings = settings_of(options)
    stop = threading.Event()
    with opened_view(settings) as view, stop_on_signals(stop) as signals:
        mirror = FolderMirror(view, absolute((folder,))[0], with_links=not no_links)
        is_first = True
        while not stop.is_set():
            mark = view.mark()
            outcome = mirror.run(stop.is_set)
            if is_first or outcome.made + outcome.changed + outcome.removed:
                if is_json:
                    counts = {"made": outcome.made, "changed": outcome.changed, "removed": outcome.removed}
                    print_json({"v": 1, **counts, "same": outcome.same, "left": outcome.left})
                else:
                    done = f"{outcome.made} made, {outcome.changed} changed, {outcome.removed} removed"
                    click.echo(f"{done}, {outcome.same} as they were")
            for path in outcome.left if is_first else ():
                note(f"left alone, since it is not from here or was changed: {shown(path)}")
            if not is_watching:
                break
            is_first = False
            view.wait_for_change(mark, stop, look_every_s=_LOOK_EVERY_S, at_most_s=_ANEW_AT_LEAST_EVERY_S)
    return 130 if signals and not is_watching else 0
