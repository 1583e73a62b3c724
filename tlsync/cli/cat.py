"""`tlsync cat`: a file of the tree, without a mount."""

from __future__ import annotations

import base64
import sys

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json
from tlsync.cli.tree_paths import node_at, plain_target
from tlsync.cli.viewing import opened_view
from tlsync.cli.wiring import settings_of
from tlsync.errors import UnknownPath
from tlsync.terminal_text import printable


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
                found.append({"path": f"/{where}", **_as_text(data)})
            elif sys.stdout.isatty():
                _show(path, data)
            else:
                sys.stdout.buffer.write(data)
                sys.stdout.flush()
    if is_json:
        print_json({"v": 1, "files": found})
    return 0


def _as_text(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _show(path: str, data: bytes) -> None:
    """To a terminal: texts of others must not steer it, and a picture is nothing to look at there."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise UnknownPath(f"{path}: no text", hint=f"tlsync cat {path} > FILE") from None
    for line in text.splitlines():
        click.echo(printable(line))
