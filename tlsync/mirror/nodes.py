"""What the tree is made of: folders, small files, links. Nothing is computed before it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


class File:
    """A small file. Its size is that of `data`, which is whole before anybody sees the size.

    What is costly to write, such as captions, is written when it is first looked at: a walk that only reads names
    doesn't pay for it.
    """

    __slots__ = ("_data", "modified_ns", "room_bytes")

    def __init__(self, data: bytes | Callable[[], bytes], modified_ns: int, *, room_bytes: int | None = None) -> None:
        """
        Args:
            room_bytes: About how long data will be that is not written yet.
        """
        self._data = data
        self.modified_ns = modified_ns
        self.room_bytes = room_bytes if room_bytes is not None else len(data) if isinstance(data, bytes) else 0

    @property
    def data(self) -> bytes:
        if not isinstance(self._data, bytes):
            self._data = self._data()  # two threads may both write it: the same
        return self._data


@dataclass(frozen=True, slots=True)
class Picture:
    """A file whose bytes lie in the cache of thumbnails. `name` says by its end what it is."""

    name: str
    size_bytes: int
    modified_ns: int
    read: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link: to a file of this machine (absolute), or to another place of the tree (relative, with `/`)."""

    target: str
    modified_ns: int


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder. `list` names its entries; `enter` finds one that is not listed, such as a search nobody made yet.

    `stamp`, where there is one, gives the same text as long as everything in the folder is the same, and costs little.
    """

    modified_ns: int
    list: Callable[[], Mapping[str, Node]]
    enter: Callable[[str], Node | None] | None = None
    stamp: Callable[[], str] | None = None


Node = Folder | File | Picture | Link
