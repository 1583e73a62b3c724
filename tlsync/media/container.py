"""Is a container whole? Told from its outer structure in a few small reads, without decoding.

A copy that is under way, or was cut off, has its first bytes long before its last ones. The containers
known here say how long they are, where their parts lie, or what comes last. Other formats say nothing,
and pass: whether they open is for the probe to find out.

Sizes come from the file and may lie: every walk has a bound, and no part is read as a whole.
"""

from __future__ import annotations

from pathlib import Path

from tlsync.media import container_boxes, container_matroska, container_mxf, container_riff, container_ts
from tlsync.media.container_reads import Reads

_HEAD_BYTES = 4096


def check_whole(fd: int, size_bytes: int, path: Path) -> str | None:
    """Why the file is not whole (yet), in words that follow "incomplete:"; None when it is, or can't be told.

    Raises:
        FileChanged: It is shorter than `size_bytes`.
        FileUnreadable: The disk fails.
    """
    file = Reads(fd, size_bytes, path)
    head = file.at(0, _HEAD_BYTES)
    if not any(head):
        return "it begins with zeros, as space that was reserved and not written yet"
    if head[4:8] in container_boxes.STARTS:
        return container_boxes.check(file)
    if head[:4] in container_riff.STARTS or head[:16] == container_riff.WAVE64_START:
        return container_riff.check(file)
    if head[:4] == container_matroska.START:
        return container_matroska.check(file)
    if head[: len(container_mxf.START)] == container_mxf.START:
        return container_mxf.check(file)
    packets = container_ts.packets_of(head)
    if packets is not None:
        return container_ts.check(file, packets)
    return None
