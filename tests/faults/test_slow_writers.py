"""F26: files that are written slowly, in every way in which programs write files."""

from __future__ import annotations

import itertools
import mmap
import os
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import pytest

from tests.conftest import MakeClip
from tests.faults.conftest import Row
from tests.faults.watching import watching
from tests.workshop import Workshop, sha256_of
from tlsync.config import AnalysisSettings, SyncSettings
from tlsync.engine.progress import Silent

fcntl = pytest.importorskip("fcntl")

SETTLE_S = 0.2
_PATIENCE_S = 60.0
"""For the next file to be done; many take long on a busy machine."""
_NAP = threading.Event()
_AT_ONCE = 28


def pause(periods: float) -> None:
    """Let so many settle times pass."""
    _NAP.wait(periods * SETTLE_S)


def pieces(data: bytes, luck: random.Random, count: int) -> Iterator[tuple[int, bytes]]:
    cuts = sorted({0, len(data), *(luck.randrange(1, len(data)) for _ in range(count - 1))})
    yield from ((start, data[start:end]) for start, end in itertools.pairwise(cuts))


def slow_copy(path: Path, data: bytes, luck: random.Random) -> None:
    """`cp` from a slow card: piece by piece, the pauses sometimes longer than the settle time."""
    with path.open("wb", buffering=0) as file:
        for _, piece in pieces(data, luck, 8):
            file.write(piece)
            pause(luck.choice([0.3, 0.6, 1.5]))


def preallocated(path: Path, data: bytes, luck: random.Random) -> None:
    """The final size at once, then the bytes."""
    with path.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, len(data))
        for _, piece in pieces(data, luck, 6):
            pause(luck.choice([0.3, 0.6, 1.5]))
            file.write(piece)


def sparse(path: Path, data: bytes, luck: random.Random) -> None:
    """A parallel download: pieces in any order, and each opens the file for itself."""
    parts = list(pieces(data, luck, 6))
    luck.shuffle(parts)
    with path.open("wb") as file:
        file.truncate(len(data))
    for offset, piece in parts:
        with path.open("r+b", buffering=0) as file:
            file.seek(offset)
            pause(luck.choice([0.3, 1.5]))
            file.write(piece)


def renamed(path: Path, data: bytes, luck: random.Random) -> None:
    """rsync: a hidden name, then the real one."""
    hidden = path.with_name(f".{path.name}.Xy12Ab")
    with hidden.open("wb", buffering=0) as file:
        for _, piece in pieces(data, luck, 6):
            file.write(piece)
            pause(luck.choice([0.3, 1.5]))
    hidden.replace(path)


def pausing(path: Path, data: bytes, luck: random.Random) -> None:
    """A copy that was interrupted for three settle times, and goes on at the end of what is there."""
    half = luck.randrange(len(data) // 3, len(data) * 9 // 10)
    path.write_bytes(data[:half])
    pause(3)
    with path.open("ab", buffering=0) as file:
        file.write(data[half:])


def recording(path: Path, data: bytes, luck: random.Random) -> None:
    """A recorder that writes whole fragments: after each, the file is whole in its structure, and long enough."""
    fragments = [at - 4 for at in range(len(data)) if data.startswith(b"moof", at)]
    cuts = [0, *sorted(luck.sample(fragments[len(fragments) * 2 // 3 :], 5)), len(data)]
    with path.open("wb", buffering=0) as file:
        for start, end in itertools.pairwise(cuts):
            file.write(data[start:end])
            pause(luck.choice([1.0, 4.0]))


def mapped(path: Path, data: bytes, luck: random.Random) -> None:
    """An encoder of two passes that writes into memory, with the file itself closed long ago.

    After the first pass the file is whole in its structure, and its time does not change any more.
    """
    with path.open("w+b") as file:
        file.truncate(len(data))
        memory = mmap.mmap(file.fileno(), len(data))
    try:
        middle = len(data) * 2 // 3
        memory[:] = data[:middle] + bytes(255 - byte for byte in data[middle:-5000]) + data[-5000:]
        for offset, piece in reversed(list(pieces(data, luck, 6))):
            pause(luck.choice([0.3, 1.5, 3.0]))
            memory[offset : offset + len(piece)] = piece
    finally:
        memory.close()


WRITERS: dict[str, Callable[[Path, bytes, random.Random], None]] = {
    "slow": slow_copy, "reserved": preallocated, "sparse": sparse, "renamed": renamed, "pausing": pausing,
    "recording": recording, "mapped": mapped,
}  # fmt: skip


def in_fragments(source: Path, target: Path) -> bytes:
    """The same clip as a recorder writes it that may lose its power at any time."""
    options = {"movflags": "frag_every_frame+empty_moov+default_base_moof"}
    with av.open(str(source)) as given, av.open(str(target), "w", format="mp4", options=options) as made:
        video = given.streams.video[0]
        stream = made.add_stream_from_template(video)
        for packet in given.demux(video):
            if packet.dts is not None:
                packet.stream = stream
                made.mux(packet)
    return target.read_bytes()


class _Moments(Silent):
    """When each file was first taken: when it left its quiet period as a known content."""

    def __init__(self) -> None:
        self.taken_s: dict[str, float] = {}
        self.done: set[str] = set()

    def moved(self, path: Path, state: str, reason: str) -> None:
        if state == "identified":
            self.taken_s.setdefault(path.name, time.monotonic())
        elif state == "enriched":
            self.done.add(path.name)


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(3600)
def test_f26_half_copied_files_of_all_writers(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """As the test below, with more files."""
    half_copied_files(row, workshop, make_clip, row.times(merge=4, long=200))


def test_f26_half_copied_files(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """No file is taken before its writer is gone and it is whole; afterwards each is, soon."""
    half_copied_files(row, workshop, make_clip, 1)


def half_copied_files(row: Row, workshop: Workshop, make_clip: MakeClip, files: int) -> None:
    if not hasattr(fcntl, "F_SETLEASE"):
        row.gap("needs a system that says who writes a file (leases of Linux)")
    workshop.changes = {
        "sync": SyncSettings(settle_s=SETTLE_S, poll_s=0.05),
        "analysis": AnalysisSettings(kinds=()),
    }
    source = make_clip(workshop.footage.with_name("source.mp4"), duration_s=8.0, tone_hz=0)
    whole = source.read_bytes()
    fragments = in_fragments(source, source.with_name("fragments.mp4"))
    moments = _Moments()
    closed_s: dict[str, float] = {}
    wanted: dict[str, str] = {}

    def write(kind: str, number: int, seed: int) -> None:
        path = workshop.footage / f"{kind}{number}.mp4"
        # Each file is a content of its own: a box that players skip, with its name.
        data = (fragments if kind == "recording" else whole) + b"\0\0\0\x20free" + path.name.encode().ljust(24)
        WRITERS[kind](path, data, random.Random(seed))
        closed_s[path.name] = time.monotonic()
        wanted[path.name] = sha256_of(path)

    with watching(workshop, moments), ThreadPoolExecutor(_AT_ONCE) as pool:
        jobs = [
            pool.submit(write, kind, number, row.random.randrange(2**32)) for number in range(files) for kind in WRITERS
        ]
        for job in jobs:
            job.result()
        done, deadline_s = 0, time.monotonic() + _PATIENCE_S
        while len(moments.done) < len(jobs) and time.monotonic() < deadline_s:
            if len(moments.done) > done:
                done, deadline_s = len(moments.done), time.monotonic() + _PATIENCE_S
            _NAP.wait(0.05)
    early = [name for name in closed_s if name in moments.taken_s and moments.taken_s[name] < closed_s[name]]
    assert not early, early
    assert set(workshop.remote_contents()) == set(wanted.values()), workshop.states()
    assert set(workshop.states().values()) == {"enriched"}
    workshop.assert_clean()
    delays = sorted(moments.taken_s[name] - closed_s[name] for name in closed_s)
    p99 = delays[min(len(delays) - 1, len(delays) * 99 // 100)]
    row.say(
        f"{files} files x {len(WRITERS)} writers: {len(early)} early uploads; taken after close: "
        f"p50 {statistics.median(delays):.2f} s, p99 {p99:.2f} s at a settle time of {SETTLE_S} s"
    )
