"""MPEG transport streams, as of broadcasts and of AVCHD cameras: whole packets from the first byte to the last."""

from __future__ import annotations

from dataclasses import dataclass

from tlsync.media.container_reads import Reads

_SYNC = 0x47
_PACKETS_TO_BE_SURE = 5
_PLACES = 16
_WINDOW_PACKETS = 24


@dataclass(frozen=True, slots=True)
class Packets:
    """The bytes of a packet, and where in it the sync byte is."""

    size_bytes: int
    sync_at: int


_KINDS = (Packets(188, 0), Packets(192, 4), Packets(204, 0))
"""Broadcast; with a time before each packet (M2TS); with error correction behind it."""


def packets_of(head: bytes) -> Packets | None:
    """The kind of packets that a file begins with; None when it is no transport stream."""
    for kind in _KINDS:
        places = range(kind.sync_at, min(len(head), kind.size_bytes * _PACKETS_TO_BE_SURE), kind.size_bytes)
        if len(places) == _PACKETS_TO_BE_SURE and all(head[place] == _SYNC for place in places):
            return kind
    return None


def check(file: Reads, packets: Packets) -> str | None:
    """Why a transport stream is not whole; None when it seems to be: a stream does not say how long it is."""
    cut_bytes = file.size_bytes % packets.size_bytes
    window_bytes = packets.size_bytes * _WINDOW_PACKETS
    count = file.size_bytes // packets.size_bytes
    last = max(0, count - _WINDOW_PACKETS)
    for number in sorted({last * place // _PLACES for place in range(_PLACES + 1)}):
        offset = number * packets.size_bytes
        if not _has_packets(file.at(offset, window_bytes), packets):
            return f"there are no packets at byte {offset}: space that was not written yet, or damage"
    if not any(file.at(file.size_bytes - packets.size_bytes, packets.size_bytes)):
        return "it ends in zeros, as space that was reserved and not written yet"
    if cut_bytes:
        return f"its last packet is cut: {cut_bytes} of {packets.size_bytes} bytes"
    return None


def _has_packets(window: bytes, packets: Packets) -> bool:
    """Whether there are packets in a window, if need be out of step: recordings are joined without regard to it."""
    for shift in (packets.sync_at, *range(packets.size_bytes)):
        column = window[shift :: packets.size_bytes]
        if column.count(_SYNC) * 4 >= len(column):
            return True
    return False
