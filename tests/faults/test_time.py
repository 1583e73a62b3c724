"""F31, F32: clocks that jump, and a computer that sleeps in the middle of an upload."""

from __future__ import annotations

import random
import struct
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.faults.conftest import Row
from tests.faults.disks import running, wait_until
from tests.workshop import Workshop, sha256_of
from tlsync.config import UploadSettings
from tlsync.sandbox.server import SandboxServer
from tlsync.timetable import constant

MakeClip = Callable[..., Path]


class ShiftedClock:
    """The clock of the machine, moved: on the wall only, or while everything slept."""

    def __init__(self, factor: float = 1.0) -> None:
        self._factor = factor
        self._start_s = time.monotonic()
        self._start = datetime.now(UTC)
        self.set_s = 0.0
        self.slept_s = 0.0

    def awake_s(self) -> float:
        return self._start_s + (time.monotonic() - self._start_s) * self._factor

    def monotonic_s(self) -> float:
        return self.awake_s() + self.slept_s

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic_s() - self._start_s + self.set_s)

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        return stop.wait(max(0.0, seconds / self._factor))


class JumpyClock(ShiftedClock):
    """Its wall clock is set now and then, at any moment that somebody asks for the time."""

    def __init__(self, source: random.Random) -> None:
        super().__init__(factor=20.0)
        self._source = source
        self._guard = threading.Lock()
        self.jumps = 0

    def now(self) -> datetime:
        with self._guard:
            if self._source.random() < 0.1:
                self.jumps += 1
                self.set_s = self._source.choice([0.0, 3600.0, -3600.0, 400 * 86400.0, -10 * 365 * 86400.0])
        return super().now()


def lengthen(clip: Path, source: random.Random, size_bytes: int) -> Path:
    """Make it a content of its own, which takes a while to send."""
    with clip.open("ab") as stream:
        stream.write(struct.pack(">I4s", size_bytes, b"free") + source.randbytes(size_bytes - 8))
    return clip


def test_f31_the_wall_clock_jumps(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """Set by an hour, 400 days or ten years, to and fro, while clips are sent: each is done, once, without a stall."""
    jumps(row, workshop, make_clip, row.times(every=3))


@pytest.mark.long
def test_f31_the_wall_clock_jumps_often(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """The same, with more jumps."""
    jumps(row, workshop, make_clip, row.times(every=50, long=500))


def jumps(row: Row, workshop: Workshop, make_clip: MakeClip, wanted: int) -> None:
    clock = JumpyClock(row.random)
    workshop.clock = clock
    clips, longest_s = 0, 0.0
    with running(workshop):
        while clock.jumps < wanted:
            clips += 1
            lengthen(make_clip(workshop.footage / f"{clips}.mp4"), row.random, 40_000)
            workshop.server.faults.answer("storage.put", 500, times=1)
            done = ["enriched"] * clips
            took_s = wait_until(lambda done=done: list(workshop.states().values()) == done, "the clip", 60)
            longest_s = max(longest_s, took_s)
    workshop.assert_clean()
    assert workshop.server.ledger.count("multipart_upload.create") == clips
    row.say(f"{clock.jumps} jumps of the wall clock, {clips} clips: clean, the longest took {longest_s:.1f} s")


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.parametrize("hours", [2, 30])
def test_f32_asleep_in_the_middle_of_an_upload(
    row: Row, workshop: Workshop, make_clip: MakeClip, tmp_path: Path, hours: int
) -> None:
    """After two hours the same session goes on with fresh URLs; after thirty it is a new one, and one asset."""
    clock = ShiftedClock()
    clip = lengthen(make_clip(workshop.footage / "clip.mp4"), row.random, 1_500_000)
    with SandboxServer(chunk_size_bytes=32 * 1024, first_urls=2, clock=clock) as server:
        workshop.server, workshop.clock = server, clock
        workshop.changes["upload"] = UploadSettings(bandwidth=constant(400_000))
        with running(workshop):
            wait_until(lambda: len(server.ledger.puts()) >= 8, "a few chunks")
            clock.slept_s += hours * 3600
            wait_until(lambda: workshop.states() == {"clip.mp4": "enriched"}, "the rest", 60)
        sessions = server.ledger.count("multipart_upload.create")
        by_session: dict[str, int] = {}
        for put in server.ledger.puts():
            by_session[put.upload_id] = by_session.get(put.upload_id, 0) + put.puts - 1
        assert sessions == (1 if hours < 24 else 2)
        assert max(by_session.values()) <= workshop.settings.upload.workers
        assert list(server.ledger.assets_by_sha256()) == [sha256_of(clip)]
        row.say(
            f"asleep for {hours} h: {sessions} session(s), {sum(by_session.values())} chunks on their way sent again"
        )
