"""Paths of the tree as people type them: links on the way are followed, and the platform is given time to answer."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from tlsync.cli.viewing import ANSWER_PATIENCE_S
from tlsync.errors import UnknownPath

if TYPE_CHECKING:
    from tlsync.mirror.nodes import Folder, Link, Node
    from tlsync.mirror.view import View

_MOST_LINKS = 20


def node_at(view: View, path: str) -> tuple[str, Node]:
    """The node at a path, and the path without links on the way. A link at its end to a place of the tree is followed.

    Raises:
        UnknownPath: There is nothing, or a link leads out of the tree before the end.
    """
    from tlsync.mirror.nodes import Link
    from tlsync.mirror.tree import child

    pending = [name for name in path.split("/") if name and name != "."]
    node: Node = view.tree.root
    at: list[str] = []
    links = 0
    while pending:
        name = pending.pop(0)
        found = child(node, name) or _after_answers(view, node, name)
        if found is None:
            raise UnknownPath(f"{path}: not in the tree", hint=f"tlsync ls {'/'.join(at) or '/'} shows what there is")
        if isinstance(found, Link) and not found.target.startswith("/"):
            links += 1
            if links > _MOST_LINKS:
                raise UnknownPath(f"{path}: too many links on the way")
            pending = posixpath.normpath(posixpath.join(*at, found.target)).split("/") + pending
            node, at = view.tree.root, []
            continue
        node = found
        at.append(name)
    return "/".join(at), node


def entries(view: View, folder: Folder) -> list[tuple[str, Node]]:
    """What is in a folder, sorted; where the platform has to be asked, its answer is waited for."""
    from tlsync.mirror.tree import LOADING

    listed = folder.list()
    if LOADING in listed:
        view.settle(ANSWER_PATIENCE_S)
        listed = folder.list()
    return sorted(listed.items())


def plain_target(where: str, link: Link) -> str:
    """Where a link leads: a path of this machine, or one of the tree from the top."""
    if link.target.startswith("/"):
        return link.target
    return "/" + posixpath.normpath(posixpath.join(posixpath.dirname(where), link.target))


def _after_answers(view: View, node: Node, name: str) -> Node | None:
    """Look again once what was asked for in the background is there: an answer, or a picture of a clip."""
    from tlsync.mirror.nodes import Folder
    from tlsync.mirror.tree import LOADING

    if not isinstance(node, Folder):
        return None
    listed = node.list()
    if name not in listed and (node.stamp is not None or LOADING in listed):
        view.settle(ANSWER_PATIENCE_S)
        listed = node.list()
    return listed.get(name)
