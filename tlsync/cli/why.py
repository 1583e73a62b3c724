"""`tlsync why`: in one breath, why a file is where it is, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json, shown
from tlsync.cli.show import known_file
from tlsync.cli.wiring import absolute, settings_to_look
from tlsync.errors import UnknownPath
from tlsync.patience import answers_within
from tlsync.states import AT_REST, FileState
from tlsync.store.conditions import NO_ANSWER
from tlsync.store.reader import CatalogReader

if TYPE_CHECKING:
    from tlsync.config import Settings

_LOOK_S = 0.3
_MEANING = {
    FileState.DISCOVERED: "it was just seen",
    FileState.SETTLING: "it may still be written; tlsync waits until it is quiet",
    FileState.IDENTIFIED: "tlsync is about to find out whether its content is known",
    FileState.UPLOADING: "it is being sent",
    FileState.UPLOADED: "all bytes are on the platform, which checks them",
    FileState.ASSET_READY: "it is usable on the platform, and about to be indexed",
    FileState.INDEXING: "the platform indexes it",
    FileState.READY: "it is searchable; its texts are being fetched",
    FileState.ENRICHED: "all is done; its sidecar is written",
    FileState.INELIGIBLE: "tlsync does not send it",
    FileState.FAILED: "it failed",
    FileState.MISSING: "it is gone from its folder; on the platform nothing was changed",
}


@click.command("why")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(options: GlobalOptions, path: Path, is_json: bool) -> int:
    """Say why a file is in its state, and what to do about it."""
    settings = settings_to_look(options)
    target = absolute((path,))[0]
    with CatalogReader(settings.state_dir) as reader:
        away = {Path(root["path"]): root["trouble"] for root in reader.roots() if not root["online"]}
        try:
            view = known_file(reader, target)
        except UnknownPath:
            reason = _why_unknown(settings, target)
            if is_json:
                print_json({"v": 1, "path": str(target), "state": None, "reason": reason, "hint": ""})
            else:
                click.echo(f"{shown(target)}: {reason}")
            return 4
        held = [] if view.state in AT_REST else _held(settings, reader, view.state)
    if is_json:
        print_json(
            {
                "v": 1,
                "path": str(view.path),
                "state": view.state.value,
                "reason": view.reason,
                "hint": view.hint,
                "retry_at": view.retry_at,
                "folder_trouble": away.get(view.root, ""),
                "held": held,
            }
        )
        return 0
    click.echo(f"{shown(view.path)}: {view.state.value}: {_MEANING[view.state]}")
    if view.reason:
        click.echo(f"  {shown(view.reason)}")
    for one in held:
        click.echo(f"  held back: {shown(one['message'])}")
    if view.root in away:
        click.echo(f"  its folder {shown(view.root)} is away: {shown(away[view.root])}; it goes on when that is back")
    if view.retry_at:
        tried = f"tried {view.attempts} time(s); again" if view.attempts else "looked at again"
        click.echo(f"  {tried} at {view.retry_at}")
    if view.hint:
        click.echo(f"  → {shown(view.hint)}")
    return 0


def _held(settings: Settings, reader: CatalogReader, state: FileState) -> list[dict[str, Any]]:
    """What holds back files that are on their way."""
    from datetime import UTC, datetime

    from tlsync.cli.held import held_report, holds
    from tlsync.cli.pause import pause_in_force

    now = datetime.now(UTC)
    report = held_report(settings, reader.daemon(now) or {}, pause_in_force(settings.state_dir, now), now)
    return holds(report, state)


def _why_unknown(settings: Settings, target: Path) -> str:
    """Why the catalog has no such file."""
    from tlsync.engine.names import NameRules

    is_there = answers_within(_LOOK_S, Path.exists, [target]).get(target)
    if is_there is None:
        return f"its folder {NO_ANSWER}"
    if not is_there:
        return "no such file"
    for root in settings.roots:
        if root.path in target.parents:
            rules = NameRules(root.include, root.exclude)
            parts = target.relative_to(root.path).parts
            relative = "/".join(parts)
            for depth in range(1, len(parts)):
                if not rules.takes_folder("/".join(parts[:depth]).encode("utf-8", "surrogateescape")):
                    return f"its folder {parts[depth - 1]} is hidden or excluded"
            if target.is_symlink():
                return "a link; tlsync does not follow links"
            if not rules.takes_file(relative.encode("utf-8", "surrogateescape")):
                return "its name is hidden, temporary, excluded, or not among the include patterns"
            return "not seen yet: the next sync or run will see it"
    return "below none of the watched folders"
