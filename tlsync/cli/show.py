"""`tlsync show`: everything about one file."""

from __future__ import annotations

from pathlib import Path

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import json_text, print_json, print_table, shown, size
from tlsync.cli.wiring import absolute, settings_to_look
from tlsync.errors import UnknownPath
from tlsync.store.reader import CatalogReader, FileView


def known_file(reader: CatalogReader, path: Path) -> FileView:
    """The file at a path.

    Raises:
        UnknownPath: tlsync has not seen it.
    """
    view = reader.file(path)
    if view is None:
        raise UnknownPath(
            f"{shown(path)}: not known to tlsync",
            hint="is it below a watched folder, and has sync or run seen it? tlsync ls shows what is known",
        )
    return view


@click.command("show")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(options: GlobalOptions, path: Path, is_json: bool) -> int:
    """Show a file's state, ids, sidecar and history."""
    settings = settings_to_look(options)
    with CatalogReader(settings.state_dir) as reader:
        view = known_file(reader, absolute((path,))[0])
        history = reader.history(view.id)
    if is_json:
        print_json(
            {
                "v": 1,
                "path": str(view.path),
                "state": view.state.value,
                "reason": view.reason,
                "hint": view.hint,
                "size_bytes": view.size_bytes,
                "duration_s": view.duration_s,
                "sha256": view.sha256,
                "asset_id": view.asset_id,
                "index_id": view.index_id,
                "indexed_asset_id": view.indexed_asset_id,
                "sidecar": json_text(view.sidecar),
                "attempts": view.attempts,
                "retry_at": view.retry_at,
                "history": history,
            }
        )
        return 0
    facts = [
        ("file", str(view.path)),
        ("state", view.state.value + (f": {view.reason}" if view.reason else "")),
        ("size", size(view.size_bytes)),
        ("duration", f"{view.duration_s:.3f} s" if view.duration_s is not None else "unknown"),
        ("sha256", view.sha256 or "not read whole yet"),
        ("asset", view.asset_id or "none"),
        ("index", view.index_id or "none"),
        ("indexed asset", view.indexed_asset_id or "none"),
        ("sidecar", str(view.sidecar) if view.sidecar else "none"),
    ]
    print_table(facts)
    click.echo()
    print_table([(step["at"], step["to"], step["reason"]) for step in history])
    return 0
