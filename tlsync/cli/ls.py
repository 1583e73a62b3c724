"""`tlsync ls`: the files that tlsync knows, with their states; or a folder of the tree."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json, print_table, shown, size
from tlsync.cli.wiring import absolute, settings_to_look, start_logging
from tlsync.states import FileState
from tlsync.store.reader import CatalogReader

if TYPE_CHECKING:
    from tlsync.config import Settings
    from tlsync.mirror.nodes import Node
    from tlsync.mirror.view import View


@click.command("ls")
@click.argument("path", required=False, metavar="[PATH|VPATH]")
@click.option("--state", "states", multiple=True, type=click.Choice([s.value for s in FileState]), help="Only these.")
@click.option("-l", "is_long", is_flag=True, help="Of the tree, with kind, size and time.")
@click.option("--tree", "is_deep", is_flag=True, help="The tree with all that is below.")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(
    options: GlobalOptions, path: str | None, states: tuple[str, ...], is_long: bool, is_deep: bool, is_json: bool
) -> int:
    """List the known files: all, or those at or below PATH. Or list a folder of the tree: tlsync ls INDEX/by-topic.

    A PATH of this machine is taken as one; anything else is looked for in the tree, whose top is /.
    """
    settings = settings_to_look(options)
    local = absolute((Path(path),))[0] if path is not None else None
    wants_tree = is_long or is_deep if local is None else not states and not _is_local(settings, local)
    if wants_tree or path == "/":
        start_logging(options)
        return _list_tree(settings, path or "/", is_long=is_long, is_deep=is_deep, is_json=is_json)
    with CatalogReader(settings.state_dir) as reader:
        lines = reader.lines(local, states=tuple(FileState(state) for state in states))
    if is_json:
        files = [
            {
                "path": line.path,
                "state": line.state,
                "reason": line.reason,
                "size_bytes": line.size_bytes,
                "duration_s": line.duration_s,
            }
            for line in lines
        ]
        print_json({"v": 1, "files": files})
    else:
        print_table([(line.state, size(line.size_bytes).rjust(9), line.path) for line in lines])
    return 0 if lines or path is None else 4


def _is_local(settings: Settings, path: Path) -> bool:
    """Whether a path is one of this machine: near a watched folder, or simply there."""
    roots = [root.path for root in settings.roots]
    return any(path == root or root in path.parents or path in root.parents for root in roots) or path.exists()


def _list_tree(settings: Settings, path: str, *, is_long: bool, is_deep: bool, is_json: bool) -> int:
    from tlsync.cli.tree_paths import node_at
    from tlsync.cli.viewing import opened_view
    from tlsync.mirror.nodes import Folder

    with opened_view(settings) as view:
        where, node = node_at(view, path)
        listed = _below(view, node, where, is_deep=is_deep) if isinstance(node, Folder) else [(0, where, node)]
        if is_json:
            print_json({"v": 1, "path": f"/{where}", "entries": [_entry(at, node) for _, at, node in listed]})
        elif is_long:
            print_table([_long_row(depth, at, node) for depth, at, node in listed])
        else:
            for depth, at, node in listed:
                click.echo("  " * depth + shown(at.rpartition("/")[2]) + ("/" if isinstance(node, Folder) else ""))
    return 0


def _below(view: View, node: Node, where: str, *, is_deep: bool, depth: int = 0) -> list[tuple[int, str, Node]]:
    """Depth, path and node of all entries."""
    from tlsync.cli.tree_paths import entries
    from tlsync.mirror.nodes import Folder

    found: list[tuple[int, str, Node]] = []
    if not isinstance(node, Folder):
        return found
    for name, entry in entries(view, node):
        at = f"{where}/{name}".lstrip("/")
        found.append((depth, at, entry))
        if is_deep:
            found += _below(view, entry, at, is_deep=True, depth=depth + 1)
    return found


def _entry(at: str, node: Node) -> dict[str, Any]:
    from tlsync.clock import to_text
    from tlsync.mirror.nodes import Folder, Link

    kind = "folder" if isinstance(node, Folder) else "link" if isinstance(node, Link) else "file"
    entry: dict[str, Any] = {"name": at.rpartition("/")[2], "path": f"/{at}", "kind": kind}
    if kind == "file":
        entry["size_bytes"] = _size_bytes(node)
    if isinstance(node, Link):
        entry["target"] = node.target
    entry["modified_at"] = to_text(datetime.fromtimestamp(node.modified_ns / 1e9, UTC))
    return entry


def _long_row(depth: int, at: str, node: Node) -> tuple[str, str, str, str]:
    from tlsync.mirror.nodes import Folder, Link

    kind = "d" if isinstance(node, Folder) else "l" if isinstance(node, Link) else "-"
    name = "  " * depth + at.rpartition("/")[2] + (f" -> {node.target}" if isinstance(node, Link) else "")
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(node.modified_ns / 1e9))
    return kind, (size(_size_bytes(node)) if kind == "-" else "").rjust(9), when, name


def _size_bytes(node: Node) -> int:
    from tlsync.mirror.nodes import File, Picture

    if isinstance(node, File):
        return len(node.data)
    return node.size_bytes if isinstance(node, Picture) else 0
