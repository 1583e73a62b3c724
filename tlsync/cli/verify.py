"""`tlsync verify`: do disk, catalog, sidecars and platform agree?"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import json_text, note, print_json, print_table, shown
from tlsync.cli.progress import shown_progress
from tlsync.cli.wiring import absolute, platform_client, settings_of, writing_store
from tlsync.errors import AlreadyRunning, CatalogDamaged, ConfigError, Interrupted

if TYPE_CHECKING:
    from tlsync.config import Settings
    from tlsync.engine.verify import Finding


@click.command("verify")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--repair", "is_repairing", is_flag=True, help="Mend sidecars, stamps and states; nothing is sent.")
@click.option("--full", "is_full", is_flag=True, help="Read all files whole, and each entry on the platform.")
@click.option("--json", "is_json", is_flag=True, help="Print the findings as JSON.")
@click.pass_obj
def command(options: GlobalOptions, paths: tuple[Path, ...], is_repairing: bool, is_full: bool, is_json: bool) -> int:
    """Compare files, catalog, sidecars and platform: all, or what is at or below PATHS. Only reads, but for --repair.

    The exit code is 0 when all is well or was mended, and 3 when findings remain.
    """
    from tlsync.daemon import stop_on_signals

    settings = settings_of(options)
    if not settings.roots:
        raise ConfigError("no folder is watched", hint="add a [[root]] with a path to the settings")
    targets = absolute(paths)
    stop = threading.Event()
    with stop_on_signals(stop) as signals:
        if is_repairing:
            findings, mended = _repair(options, settings, targets, stop, is_full=is_full)
        else:
            findings, mended = _look(options, settings, targets, stop, is_full=is_full), []
    if signals:
        raise Interrupted("interrupted; nothing was compared to its end")
    remaining = [finding for finding in findings if finding not in mended and not finding.is_note]
    if is_json:
        print_json({"v": 1, "findings": [_as_json(finding, is_mended=finding in mended) for finding in findings]})
    else:
        _print_text(findings, mended)
    return 3 if remaining else 0


def _look(
    options: GlobalOptions, settings: Settings, targets: Sequence[Path], stop: threading.Event, *, is_full: bool
) -> list[Finding]:
    from tlsync.engine.verify import Finding, LocalCheck
    from tlsync.engine.verify_remote import RemoteCheck
    from tlsync.store.audit import CatalogAudit

    with ExitStack() as stack:
        audit = stack.enter_context(CatalogAudit(settings.state_dir))
        try:
            audit.check()
        except CatalogDamaged as damage:
            # Nothing else can be believed then.
            return [Finding("catalog_damaged", None, damage.message, damage.hint)]
        client = stack.enter_context(platform_client(settings, stop))
        progress = stack.enter_context(shown_progress(is_quiet=options.verbosity < 0))
        local = LocalCheck(settings, audit, progress, stop, is_full=is_full)
        findings = list(local.findings(targets))
        views = [view for target in targets for view in audit.files(target)] if targets else audit.files()
        if not stop.is_set():
            findings += RemoteCheck(client, audit, is_full=is_full).findings(views, is_whole=not targets)
    return findings


def _repair(
    options: GlobalOptions, settings: Settings, targets: Sequence[Path], stop: threading.Event, *, is_full: bool
) -> tuple[list[Finding], list[Finding]]:
    from tlsync.clock import SystemClock
    from tlsync.engine.verify_repair import Repair
    from tlsync.media.probe import Prober

    try:
        with ExitStack() as stack:
            store = stack.enter_context(writing_store(settings))
            findings = _look(options, settings, targets, stop, is_full=is_full)
            client = stack.enter_context(platform_client(settings, stop))
            prober = stack.enter_context(Prober())
            progress = stack.enter_context(shown_progress(is_quiet=options.verbosity < 0))
            repair = Repair(settings, store, client, prober, clock=SystemClock(), stop=stop, progress=progress)
            return findings, repair.mend(findings)
    except AlreadyRunning as error:
        raise AlreadyRunning(
            error.message, hint="stop it for a repair; without --repair, verify works beside it"
        ) from error


def _print_text(findings: Sequence[Finding], mended: Sequence[Finding]) -> None:
    print_table(
        [
            (
                "mended" if finding in mended else "note" if finding.is_note else finding.what.replace("_", " "),
                str(finding.path) if finding.path is not None else finding.remote_id or "-",
                f"{finding.message} → {finding.advice}",
            )
            for finding in findings
        ]
    )
    notes = sum(finding.is_note for finding in findings)
    count = len(findings) - notes
    if not count:
        click.echo("All is well." + (f" {notes} note(s)." if notes else ""))
        return
    click.echo(f"{count} finding(s), {len(mended)} mended, {notes} note(s).")
    if count > len(mended):
        note("tlsync verify --help says what --repair mends")


def _as_json(finding: Finding, *, is_mended: bool) -> dict[str, Any]:
    return {
        "what": finding.what,
        "path": json_text(finding.path),
        "remote_id": finding.remote_id,
        "index_id": finding.index_id,
        "message": shown(finding.message),
        "advice": finding.advice,
        "is_note": finding.is_note,
        "is_mended": is_mended,
    }
