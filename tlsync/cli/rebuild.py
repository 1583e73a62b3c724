"""`tlsync rebuild`: a catalog that is lost, or not trusted any more, comes back from sidecars and the platform."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import click

from tlsync.cli.consent import agree
from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, shown, size
from tlsync.cli.progress import shown_progress
from tlsync.cli.wiring import platform_client, settings_of, writing_store
from tlsync.config import Settings
from tlsync.errors import CatalogError, ConfigError, Interrupted


@click.command("rebuild")
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask.")
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def command(options: GlobalOptions, is_agreed: bool, is_json: bool) -> int:
    """Set the catalog aside and make a new one from the folders, the sidecars and the platform. Nothing is sent."""
    from tlsync.clock import SystemClock
    from tlsync.daemon import stop_on_signals
    from tlsync.engine.rebuild import link_known
    from tlsync.media.probe import Prober
    from tlsync.store.damage import set_aside
    from tlsync.store.process_lock import only_one
    from tlsync.store.store import Store

    settings = settings_of(options)
    if not settings.roots:
        raise ConfigError("no folder is watched", hint="add a [[root]] with a path to the settings")
    clock = SystemClock()
    stop = threading.Event()
    with only_one(settings.state_dir):
        for line in _plan(settings):
            note(line)
        agree("Rebuild the catalog?", is_agreed=is_agreed)
    with ExitStack() as stack:
        client = stack.enter_context(platform_client(settings, stop))
        client.indexes.list(page_limit=1).page(1)  # no key or no platform: told before anything is set aside
        signals = stack.enter_context(stop_on_signals(stop))
        with only_one(settings.state_dir):
            folder = set_aside(settings.state_dir, "replaced", clock.now())
            with Store(settings.state_dir, clock) as fresh:
                fresh.begin_rebuilding()
        if folder is not None:
            note(f"the old catalog is in {shown(folder)}")
        store = stack.enter_context(writing_store(settings))
        prober = stack.enter_context(Prober())
        progress = stack.enter_context(shown_progress(is_quiet=options.verbosity < 0))
        rebuilt = link_known(settings, store, client, prober, clock=clock, stop=stop, progress=progress)
    if signals:
        raise Interrupted("interrupted; the next sync, run or rebuild goes on, and links before it sends anything")
    new_bytes = sum(file.signature.size_bytes for file in rebuilt.new)
    if is_json:
        print_json(
            {
                "v": 1,
                "set_aside": None if folder is None else str(folder),
                "linked": len(rebuilt.linked),
                "new": [{"path": str(file.path), "size_bytes": file.signature.size_bytes} for file in rebuilt.new],
                "bytes_to_send": new_bytes,
                "unproven": [
                    {"path": problem.path, "code": problem.code, "message": problem.message, "hint": problem.hint}
                    for problem in rebuilt.unproven
                ],
                "offline_roots": [str(path) for path in rebuilt.offline],
            }
        )
    else:
        _print_text([file.path for file in rebuilt.new], rebuilt.offline)
        for problem in rebuilt.unproven:
            click.echo(f"not proven: {shown(problem.path)}: {shown(problem.message)}")
        click.echo(
            f"{len(rebuilt.linked)} files linked, {len(rebuilt.new)} new (the next sync sends {size(new_bytes)}), "
            f"{len(rebuilt.unproven)} not proven. Nothing was sent."
        )
    return 3 if rebuilt.offline else 0


def _plan(settings: Settings) -> list[str]:
    """What will happen, for a person who has to agree."""
    from tlsync.store.audit import CatalogAudit

    lines = []
    try:
        with CatalogAudit(settings.state_dir) as audit:
            if audit.exists:
                known = sum(audit.counts().values())
                lines.append(f"The catalog in {shown(settings.state_dir)} ({known} files) is set aside, not deleted.")
                if uploads := audit.active_uploads():
                    lines.append(f"{uploads} upload(s) under way start again from their beginning.")
            else:
                lines.append(f"There is no catalog in {shown(settings.state_dir)}; one is made.")
    except CatalogError as error:
        lines.append(f"The catalog can't be read and is set aside, not deleted: {shown(error.message)}")
    lines.append(f"{len(settings.roots)} folder(s) are read; what sidecars and the platform prove is linked.")
    lines.append("Nothing is uploaded, indexed or deleted. Histories and what was removed on purpose start anew.")
    return lines


def _print_text(new: list[Path], offline: tuple[Path, ...]) -> None:
    for path in new:
        click.echo(f"new: {shown(path)}")
    for path in offline:
        click.echo(f"offline: {shown(path)} (its files are linked when it is back)")
