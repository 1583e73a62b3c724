"""`tlsync cat`: a file of the tree, without a mount."""

from __future__ import annotations

import sys

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json
from tlsync.cli.tree_paths import node_at, plain_target
from tlsync.cli.viewing import opened_view
from tlsync.cli.wiring import settings_of
from tlsync.errors import UnknownPath


@click.command("cat")
@click.argument("paths", nargs=-1, required=True, metavar="VPATH…")
@click.option("--json", "is_json", is_flag=True, help="Print the texts in a JSON document.")
@click.pass_obj
def command(options: GlobalOptions, paths: tuple[str, ...], is_json: bool) -> int:
    """Print files of the tree, for example: tlsync cat footage/by-topic/boats/lake.mp4/summary.txt."""
    from tlsync.mirror.nodes import Folder, Link, Picture

    settings = settings_of(options)
    found: list[dict[str, str]] = []
    with opened_view(settings) as view:
        for path in paths:
            where, node = node_at(view, path)
            if isinstance(node, Folder):
                raise UnknownPath(f"{path}: a folder", hint=f"tlsync ls {path}")
            if isinstance(node, Link):
                raise UnknownPath(f"{path}: a link to {plain_target(where, node)}", hint="open that file")
            data = node.read() if isinstance(node, Picture) else node.data
            if is_json:
                found.append({"path": where, "text": data.decode("utf-8", "replace")})
            else:
                sys.stdout.buffer.write(data)
                sys.stdout.flush()
    if is_json:
        print_json({"v": 1, "files": found})
    return 0
