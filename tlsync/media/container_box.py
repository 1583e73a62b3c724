"""The boxes of an MP4: a size, a name of four letters, a body. Walked with a bound, whatever the sizes say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tlsync.media.container_reads import Reads

_MOST_CHILDREN = 1000


@dataclass(frozen=True, slots=True)
class Box:
    """A part of an MP4: its kind, where its content begins, and where it says that it ends."""

    kind: bytes
    body: int
    end: int

    @property
    def name(self) -> str:
        return self.kind.decode("ascii", "replace") if self.kind.isalnum() else self.kind.hex()

    @property
    def is_named(self) -> bool:
        """Whether its kind is one that a writer of boxes would use: printable, or with the © of QuickTime."""
        return len(self.kind) == 4 and all(0x20 <= letter < 0x7F or letter == 0xA9 for letter in self.kind)


def boxes(file: Reads, start: int, end: int, most: int) -> Iterator[Box]:
    """The boxes of a range. The last may claim to end behind it; one that makes no sense ends before its body."""
    offset = start
    for _ in range(most):
        if end - offset < 8:
            return
        header = file.at(offset, 16)
        size, kind, body = int.from_bytes(header[:4], "big"), header[4:8], offset + 8
        if size == 1:
            size, body = int.from_bytes(header[8:16], "big"), offset + 16
        elif size == 0:
            size = end - offset if any(kind) else 0
        box = Box(kind, body, offset + size)
        yield box
        if not body <= box.end <= end:
            return
        offset = box.end


def adds_up(file: Reads, parent: Box) -> bool:
    """Whether the boxes in a box are all there: a copy under way may have zeros in their place."""
    return all(box.body <= box.end <= parent.end for box in boxes(file, parent.body, parent.end, _MOST_CHILDREN))


def children(file: Reads, parent: Box, kind: bytes) -> Iterator[Box]:
    for box in boxes(file, parent.body, parent.end, _MOST_CHILDREN):
        if box.kind == kind and box.body <= box.end <= parent.end:
            yield box


def child(file: Reads, parent: Box, *path: bytes) -> Box | None:
    """The first box of a kind in a box, or the one at the end of a path of kinds."""
    found: Box | None = parent
    for kind in path:
        found = next(children(file, found, kind), None) if found is not None else None
    return found
