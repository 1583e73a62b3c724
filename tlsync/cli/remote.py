"""`tlsync remote`: what is on the platform, and taking things off it after a plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from tlsync.cli.consent import agree
from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import is_terminal, note, print_json, print_table, shown, size
from tlsync.cli.wiring import platform_client, settings_of, writing_store

if TYPE_CHECKING:
    from tlsync.engine.remote_inventory import RemoteItem

_TELL_EVERY = 50
_MOST_PATHS = 3


@click.group("remote")
def command() -> None:
    """List what is on the platform, and delete there. Media on this machine is never touched."""


@command.command("list")
@click.option("--index", "index_name", metavar="NAME", help="Only this index; without it, assets are listed as well.")
@click.option("--spare", "relation", flag_value="spare", help="Only entries whose content another entry holds.")
@click.option("--unknown", "relation", flag_value="unknown", help="Only what nothing ties to tlsync.")
@click.option("--ours", "relation", flag_value="ours", help="Only what tlsync sent, from here or elsewhere.")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def list_command(options: GlobalOptions, index_name: str | None, relation: str | None, is_json: bool) -> int:
    """List assets and indexed assets, with the local files that hold the same."""
    items = _of_relation(_inventory(options, index_name), relation)
    if is_json:
        print_json({"v": 1, "items": [_as_json(item) for item in items]})
        return 0
    print_table(
        [
            (
                item.id,
                item.kind.replace("_", " "),
                item.index_name or "-",
                item.status or "-",
                "-" if item.size_bytes is None else size(item.size_bytes),
                item.created_at or "-",
                item.relation,
                _files(item),
            )
            for item in items
        ],
        header=("id", "what", "index", "status", "size", "created", "relation", "local file"),
    )
    note(f"{len(items)} item(s)")
    return 0


@command.command("delete")
@click.argument("ids", nargs=-1)
@click.option("--index", "index_name", metavar="NAME", help="Look only in this index.")
@click.option("--spare", "relation", flag_value="spare", help="All entries whose content another entry holds.")
@click.option("--unknown", "relation", flag_value="unknown", help="All that nothing ties to tlsync.")
@click.option("--yes", "is_agreed", is_flag=True, help="Do not ask.")
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def delete_command(
    options: GlobalOptions,
    ids: tuple[str, ...],
    index_name: str | None,
    relation: str | None,
    is_agreed: bool,
    is_json: bool,
) -> int:
    """Delete indexed assets and assets by their IDS, after showing what that means. It can't be undone there.

    An asset goes with its entries in all indexes. Local files stay, and are not sent again until `tlsync retry PATH`.
    """
    from tlsync.engine.removing import Removing, choose

    if bool(ids) == (relation is not None):
        raise click.UsageError("name IDS, or give one of --spare and --unknown")
    settings = settings_of(options)
    items = _inventory(options, index_name)
    chosen = choose(items, ids) if ids else _of_relation(items, relation)
    if not chosen:
        print_json({"v": 1, "deleted": [], "failed": []}) if is_json else click.echo("There is nothing to delete.")
        return 0
    _print_plan(chosen)
    deleted: list[RemoteItem] = []
    with writing_store(settings) as store, platform_client(settings) as client:
        agree("Delete them on the platform?", is_agreed=is_agreed)
        failed = Removing(client, store).remove(chosen, deleted.append)
    if is_json:
        problems = [{"id": item.id, "code": error.code, "message": str(error)} for item, error in failed]
        print_json({"v": 1, "deleted": [item.id for item in deleted], "failed": problems})
    else:
        for item, error in failed:
            note(f"{item.id}: {shown(str(error))}")
        click.echo(f"{len(deleted)} deleted on the platform, {len(failed)} not.")
    return 3 if failed else 0


def _inventory(options: GlobalOptions, index_name: str | None) -> list[RemoteItem]:
    from tlsync.engine.remote_inventory import take_inventory
    from tlsync.store.audit import CatalogAudit

    def tell(count: int) -> None:
        if count % _TELL_EVERY == 0 and is_terminal():
            note(f"{count} found so far")

    settings = settings_of(options)
    with CatalogAudit(settings.state_dir) as audit, platform_client(settings) as client:
        return take_inventory(client, audit, index_name, tell)


def _of_relation(items: Sequence[RemoteItem], relation: str | None) -> list[RemoteItem]:
    """The items of a relation; all that tlsync sent is `ours`, whether a file here has it or not."""
    if relation is None:
        return list(items)
    wanted = ("known", "spare", "ours") if relation == "ours" else (relation,)
    return [item for item in items if item.relation in wanted]


def _print_plan(chosen: Sequence[RemoteItem]) -> None:
    entries = [item for item in chosen if item.kind == "indexed_asset"]
    minutes = sum(item.duration_s or 0.0 for item in entries) / 60
    note(
        f"To delete: {len(entries)} indexed asset(s) with {minutes:.1f} minutes of video, "
        f"{len(chosen) - len(entries)} asset(s). Indexing them again would be billed again."
    )
    for item in chosen:
        what = item.kind.replace("_", " ")
        note(f"  {item.id}  {what}  {shown(item.filename)}  {item.relation}: {shown(_files(item))}")
    used = {path for item in chosen if item.relation == "known" for path in item.paths}
    if used:
        note(f"{len(used)} local file(s) refer to them; they stay, and are no longer searchable.")


def _files(item: RemoteItem) -> str:
    if not item.paths:
        return "no file here"
    more = len(item.paths) - _MOST_PATHS
    return ", ".join(str(path) for path in item.paths[:_MOST_PATHS]) + (f" and {more} more" if more > 0 else "")


def _as_json(item: RemoteItem) -> dict[str, Any]:
    return {
        "id": item.id,
        "kind": item.kind,
        "index": item.index_name,
        "index_id": item.index_id,
        "asset_id": item.asset_id,
        "filename": item.filename,
        "size_bytes": item.size_bytes,
        "duration_s": item.duration_s,
        "status": item.status,
        "created_at": item.created_at,
        "relation": item.relation,
        "paths": [str(path) for path in item.paths],
    }
