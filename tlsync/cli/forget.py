"""`tlsync forget`: the catalog lets go of files; media and platform stay as they are."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tlsync.cli.consent import agree
from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, shown
from tlsync.cli.wiring import absolute, settings_of, writing_store
from tlsync.errors import AlreadyRunning, UnknownPath
from tlsync.store.reader import CatalogReader, FileView

_MOST_NAMES = 10


@click.command("forget")
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--sidecars", "with_sidecars", is_flag=True, help="Also remove the sidecars that tlsync wrote for them.")
@click.option("--gone", "only_gone", is_flag=True, help="Only files that are no longer on disk.")
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask.")
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def command(
    options: GlobalOptions,
    paths: tuple[Path, ...],
    with_sidecars: bool,
    only_gone: bool,
    is_agreed: bool,
    is_json: bool,
) -> int:
    """Forget files at or below PATHS: gone on purpose, or (for a watched folder) moved to another volume.

    Media and platform are untouched, and what the files held stays known: one that is still there, or comes back, is
    linked again and not sent. A folder may be one that left the settings.
    """
    from tlsync.engine.forgetting import Manner, forget_files
    from tlsync.store.requests import Request, post
    from tlsync.store.sidecars import Sidecars

    settings = settings_of(options)
    targets = absolute(paths)
    with CatalogReader(settings.state_dir) as reader:
        views = {
            view.path: view
            for target in targets
            for view in reader.files(target)
            if not (only_gone and os.path.lexists(view.path))
        }
        roots = [Path(root["path"]) for root in reader.roots()]
    adopted = [root for root in roots if any(target == root or target in root.parents for target in targets)]
    if only_gone:
        adopted = []
    named = ", ".join(shown(target) for target in targets)
    if not views and not adopted:
        what = "no known file is gone there" if only_gone else "not known to tlsync"
        raise UnknownPath(f"{named}: {what}", hint="tlsync ls shows what is known")
    manner = Manner(with_sidecars, only_gone)
    _print_plan(list(views.values()), adopted, with_sidecars=with_sidecars)
    agree("Forget them?", is_agreed=is_agreed)
    try:
        with writing_store(settings) as store:
            sidecars = Sidecars(settings.sidecar.location, settings.state_dir)
            count: int | None = len(forget_files(store, sidecars, targets, manner))
    except AlreadyRunning:
        post(settings.state_dir, Request(manner.action, tuple(targets)))
        count = None
    if is_json:
        print_json({"v": 1, "forgotten": count, "asked_daemon": count is None})
    elif count is None:
        click.echo("The running tlsync was asked to forget them.")
    else:
        click.echo(f"{count} file(s) forgotten.")
    return 0


def _print_plan(views: list[FileView], adopted: list[Path], *, with_sidecars: bool) -> None:
    note(f"To forget: {len(views)} file(s). Media and platform are not touched.")
    for view in views[:_MOST_NAMES]:
        note(f"  {view.state.value:12} {shown(view.path)}")
    if len(views) > _MOST_NAMES:
        note(f"  … and {len(views) - _MOST_NAMES} more")
    if with_sidecars:
        note(f"Sidecars to remove: {sum(view.sidecar is not None for view in views)}.")
    for root in adopted:
        note(f"What is at {shown(root)} at the next look is taken for this folder, whatever volume it is on.")
