"""`tlsync plan`: what a sync would do, and what it would cost in minutes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, print_table, shown, size
from tlsync.cli.wiring import absolute, settings_of
from tlsync.errors import UnknownPath
from tlsync.store.reader import CatalogReader


@click.command("plan")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(options: GlobalOptions, paths: tuple[Path, ...], is_json: bool) -> int:
    """Show what a sync would send, link or reject. Nothing is sent or written; no key is needed."""
    from tlsync.engine.planner import Planner
    from tlsync.media.probe import Prober

    settings = settings_of(options)
    targets = absolute(paths)
    for target in targets:
        if not target.exists():
            raise UnknownPath(f"{shown(target)}: no such file or folder", hint="check the path")
    with CatalogReader(settings.state_dir) as reader, Prober() as prober:
        planned = list(Planner(settings, reader, prober).plan(targets))
    totals = {
        action: sum(item.action == action for item in planned)
        for action in ("upload", "link", "nothing", "wait", "reject")
    }
    sent = [item for item in planned if item.action == "upload"]
    sent_bytes = sum(item.size_bytes for item in sent)
    minutes = sum(item.duration_s or 0.0 for item in sent) / 60
    offline = [str(root.path) for root in settings.roots if not root.path.is_dir()]
    if is_json:
        files = [asdict(item) | {"path": str(item.path)} for item in planned]
        print_json(
            {
                "v": 1,
                "files": files,
                "counts": totals,
                "bytes_to_send": sent_bytes,
                "minutes_to_index": round(minutes, 3),
                "offline_roots": offline,
            }
        )
        return 0
    shown_items = [item for item in planned if item.action != "nothing"]
    print_table([(item.action, size(item.size_bytes).rjust(9), str(item.path), item.reason) for item in shown_items])
    for root in offline:
        note(f"{shown(root)}: not there, so nothing is planned for it")
    click.echo(
        f"{totals['upload']} to send ({size(sent_bytes)}, {minutes:.1f} minutes to index), {totals['link']} known, "
        f"{totals['reject']} rejected, {totals['nothing']} done"
        + (f", {totals['wait']} still being written" if totals["wait"] else "")
    )
    return 0
