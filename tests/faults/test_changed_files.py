"""F27 to F30 and F40: files that change, shrink, are replaced, or only seem to have changed."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import MakeClip
from tests.faults.conftest import Row
from tests.workshop import HastyClock, Workshop, sha256_of
from tlsync.config import AnalysisSettings
from tlsync.engine import scheduler
from tlsync.engine.progress import Silent
from tlsync.errors import FileChanged
from tlsync.media.chunks import plan_chunks, read_chunk
from tlsync.media.identity import open_media

YEAR_2200_S = 7_258_118_400


@pytest.fixture(autouse=True)
def quick(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    workshop.clock = HastyClock(20)
    workshop.changes = {"analysis": AnalysisSettings(kinds=())}
    monkeypatch.setattr(scheduler, "_LONGEST_NAP_S", 0.02)


class _During(Silent):
    """Does something once, when so much of a file has been sent."""

    def __init__(self, name: str, part: float, act: Callable[[], object]) -> None:
        self._name, self._part = name, part
        self._act: Callable[[], object] | None = act
        self._guard = threading.Lock()

    @property
    def is_done(self) -> bool:
        return self._act is None

    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        with self._guard:
            if self._act is None or path.name != self._name or not done_bytes > self._part * total_bytes:
                return
            act, self._act = self._act, None
        act()


def unique(data: bytes, luck: random.Random) -> bytes:
    """The same clip as a content of its own: with a box behind it that players skip."""
    return data + b"\0\0\0\x20free" + luck.randbytes(24)


def overwrite(path: Path, new: bytes, luck: random.Random) -> None:
    """The next version over the first, in place and of the same length."""
    with path.open("r+b") as file:
        file.write(new)


def append(path: Path, new: bytes, luck: random.Random) -> None:
    with path.open("ab") as file:
        file.write(b"\0\0\0\x20free" + luck.randbytes(24))


def shrink(path: Path, new: bytes, luck: random.Random) -> None:
    os.truncate(path, luck.randrange(path.stat().st_size))


def replace(path: Path, new: bytes, luck: random.Random) -> None:
    other = path.with_name(".other")
    other.write_bytes(new)
    other.replace(path)


def delete(path: Path, new: bytes, luck: random.Random) -> None:
    path.unlink()


CHANGES = (overwrite, append, shrink, replace, delete)


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(3600)
def test_f27_changes_during_the_upload(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """The last report is withheld and the session abandoned: whatever becomes an asset was a version once."""
    rounds = row.times(merge=4, long=100)
    template = make_clip(workshop.footage.with_name("template.mp4"), duration_s=12.0).read_bytes()
    other = make_clip(workshop.footage.with_name("other.mp4"), duration_s=12.0, pattern=9).read_bytes()
    size_bytes = max(len(template), len(other)) + 64
    versions: set[str] = set()
    changed = 0
    for number in range(rounds):
        for change in CHANGES:
            path = workshop.footage / f"{change.__name__}{number}.mp4"
            first, second = (
                unique(data + (size_bytes - len(data)).to_bytes(4, "big") + b"free" + bytes(size_bytes - len(data) - 8),
                       row.random)
                for data in (template, other)
            )  # fmt: skip
            path.write_bytes(first)
            versions.add(sha256_of(path))
            during = _During(path.name, row.random.uniform(0, 0.95), partial(change, path, second, row.random))
            workshop.sync([path], progress=during)
            changed += during.is_done
            if path.exists():
                versions.add(sha256_of(path))
                workshop.sync([path])
                state = workshop.states()[path.name]
                assert state == ("ineligible" if change is shrink else "enriched"), (change.__name__, state)
    mixed = len(set(workshop.remote_contents()) - versions)
    assert mixed == 0
    assert changed >= len(CHANGES) * rounds * 0.6, "most changes came too late to test anything"
    workshop.assert_clean()
    row.say(f"{changed} files changed while they were sent: {mixed} mixed assets, {len(versions)} versions existed")


def test_f28_damaged_files_do_not_replace_good_ones(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """Empty, shorter, or full of zeros: held as suspect, the copy on the platform stays, and a repair costs nothing."""
    names = ["empty", "shorter", "cut", "zeros"]
    clips = {name: make_clip(workshop.footage / f"{name}.mp4", pattern=name, duration_s=6.0) for name in names}
    short = make_clip(workshop.footage.with_name("short.mp4"), duration_s=4.0).read_bytes()
    assert workshop.sync().enriched == len(names)
    good = {name: clip.read_bytes() for name, clip in clips.items()}
    contents, before = workshop.remote_contents(), workshop.files()
    clips["empty"].write_bytes(b"")
    clips["shorter"].write_bytes(short)
    os.truncate(clips["cut"], len(good["cut"]) // 2)
    clips["zeros"].write_bytes(bytes(len(good["zeros"])))
    summary = workshop.sync()
    assert (summary.ineligible, summary.bytes_sent) == (len(names), 0)
    for name, view in workshop.files().items():
        assert view.asset_id == before[name].asset_id, name
        assert view.hint, name
    assert workshop.remote_contents() == contents
    for name, clip in clips.items():
        clip.write_bytes(good[name])
    summary = workshop.sync()
    assert (summary.enriched, summary.bytes_sent) == (len(names), 0)
    assert workshop.remote_contents() == contents
    assert not workshop.counts().get("assets.delete")
    row.say(f"{len(names)} kinds of damage to uploaded files: 0 replacements, 0 bytes re-sent after the repair")


@pytest.mark.merge
def test_f29_only_another_content_is_sent_again(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """An edit with its old size and time is found; touch, chmod and a hard link are none."""
    names = ["edited", "touched", "mode", "linked"]
    clips = {name: make_clip(workshop.footage / f"{name}.mp4", pattern=name) for name in names}
    workshop.sync()
    sent = workshop.server.ledger.put_bytes()
    old = clips["edited"].stat()
    data = bytearray(clips["edited"].read_bytes())
    data[-200] ^= 0xFF
    with clips["edited"].open("r+b") as file:
        file.write(data)
    os.utime(clips["edited"], ns=(old.st_atime_ns, old.st_mtime_ns))
    clips["touched"].touch()
    clips["mode"].chmod(0o600)
    os.link(clips["linked"], workshop.footage / "second name.mp4")
    summary = workshop.sync()
    assert summary.enriched == len(names) + 1
    assert sha256_of(clips["edited"]) in workshop.remote_contents()
    resent = workshop.server.ledger.put_bytes() - sent
    assert resent == clips["edited"].stat().st_size
    assert summary.uploaded == 1
    row.say("same size with restored time: 1 of 1 found; touch, chmod, hard link: 0 needless uploads")


@pytest.mark.merge
def test_f30_odd_times_are_only_times(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """1970, before it, far ahead, an hour off on every file: nothing is sent again, nothing breaks."""
    shifts: dict[str, Callable[[int], int]] = {
        "zero": lambda ns: 0,
        "negative": lambda ns: -86_400 * 10**9,
        "far": lambda ns: YEAR_2200_S * 10**9,
        "farther": lambda ns: 2 * YEAR_2200_S * 10**9,
        "hour": lambda ns: ns + 3600 * 10**9,
        "back": lambda ns: ns - 3600 * 10**9,
    }
    for name in shifts:
        make_clip(workshop.footage / f"{name}.mp4", pattern=name)
    workshop.sync()
    sent = workshop.server.ledger.put_bytes()
    for name, shift in shifts.items():
        path = workshop.footage / f"{name}.mp4"
        old = path.stat()
        os.utime(path, ns=(old.st_atime_ns, shift(old.st_mtime_ns)))
    for _ in range(2):
        assert workshop.sync().enriched == len(shifts)
    assert workshop.server.ledger.put_bytes() == sent
    new = make_clip(workshop.footage / "new.mp4", pattern="new")
    os.utime(new, ns=(0, -(10**9)))
    assert workshop.sync().enriched == len(shifts) + 1
    workshop.assert_clean()
    row.say(
        f"{len(shifts)} kinds of times: {workshop.server.ledger.put_bytes() - sent - new.stat().st_size} bytes re-sent"
    )


def test_f40_a_source_that_ends_early_gives_no_short_chunk(
    row: Row, workshop: Workshop, make_clip: MakeClip, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Short reads are put together; an end that comes too soon is an error, at every place."""
    path = tmp_path / "source"
    data = row.random.randbytes(10_000)
    path.write_bytes(data)
    chunks = plan_chunks(len(data), 3000)
    real = os.pread
    short = 0

    def shortly(fd: int, length: int, offset: int) -> bytes:
        return real(fd, row.random.randint(1, length), offset)

    monkeypatch.setattr(os, "pread", shortly)
    with open_media(path) as fd:
        assert b"".join(b"".join(read_chunk(fd, chunk, path=path)) for chunk in chunks) == data
        for end in range(0, len(data), row.times(every=97, long=1)):
            os.truncate(path, end)
            got = 0
            for chunk in chunks:
                try:
                    got += sum(len(block) for block in read_chunk(fd, chunk, path=path))
                except FileChanged:
                    break
            else:
                short += 1
            path.write_bytes(data)
    monkeypatch.undo()
    assert short == 0

    # The same through an upload: the file loses its end between the look at it and the reading.
    clip = make_clip(workshop.footage / "clip.mp4", duration_s=12.0)
    size_bytes = clip.stat().st_size
    workshop.sync(progress=_During("clip.mp4", 0, lambda: os.truncate(clip, size_bytes - 10)))
    assert not workshop.remote_contents()
    assert all(chunk.received_bytes % (32 * 1024) == 0 for chunk in workshop.server.ledger.puts())
    row.say("0 short chunks for a source that ended early at every place")
