"""Holes in media data: space that was reserved and never written."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import MakeClip
from tests.media.containers import FTYP, box, moov
from tlsync.media import container_holes
from tlsync.media.container import check_whole
from tlsync.media.identity import open_media

PAGE = 64 * 1024


@pytest.fixture
def verdict(tmp_path: Path) -> Callable[[Path], str | None]:
    """Of a file; the test ends where the file system knows no holes."""
    trial = tmp_path / "trial"
    with trial.open("wb") as file:
        file.truncate(4 * PAGE)
        if not hasattr(os, "SEEK_HOLE") or os.lseek(file.fileno(), 0, os.SEEK_HOLE) != 0:
            pytest.skip("this file system knows no holes")

    def check(path: Path) -> str | None:
        with open_media(path) as fd:
            return check_whole(fd, path.stat().st_size, path)

    return check


Verdict = Callable[[Path], str | None]


def sparse(path: Path, pieces: list[tuple[int, bytes]], size_bytes: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size_bytes)
        for offset, data in pieces:
            file.seek(offset)
            file.write(data)
    return path


def clip(path: Path, *, holes: list[tuple[int, int]], coding: bytes = b"avc1", chunk_at: int = 0) -> Path:
    """A clip of one track and one chunk of 64 pages, with holes in its data (in pages)."""
    data_bytes = 64 * PAGE
    start = len(FTYP) + 8
    index = moov(offset=start + chunk_at * PAGE, sample_sizes=[data_bytes - chunk_at * PAGE - 100, 100], coding=coding)
    whole = FTYP + box(b"mdat", b"\x55" * data_bytes) + index
    pieces, at = [], 0
    for first, last in holes:
        pieces.append((at, whole[at : first * PAGE]))
        at = last * PAGE
    return sparse(path, [*pieces, (at, whole[at:])], len(whole))


def test_a_clip_without_holes_is_whole(verdict: Verdict, tmp_path: Path) -> None:
    assert verdict(clip(tmp_path / "a.mp4", holes=[])) is None


def test_what_was_never_written_is_counted(verdict: Verdict, tmp_path: Path) -> None:
    found = verdict(clip(tmp_path / "a.mp4", holes=[(2, 4), (10, 40)]))
    assert found == f"{32 * PAGE} bytes of its media data were never written"


def test_holes_of_uncompressed_tracks_may_be_silence(verdict: Verdict, tmp_path: Path) -> None:
    assert verdict(clip(tmp_path / "a.mov", holes=[(2, 40)], coding=b"sowt")) is None


def test_holes_before_the_first_chunk_belong_to_nobody(verdict: Verdict, tmp_path: Path) -> None:
    assert verdict(clip(tmp_path / "a.mp4", holes=[(2, 4)], chunk_at=8)) is None


def test_a_hole_in_which_a_chunk_begins_counts(verdict: Verdict, tmp_path: Path) -> None:
    assert "never written" in (verdict(clip(tmp_path / "a.mp4", holes=[(2, 20)], chunk_at=8)) or "")


def test_holes_outside_of_media_data_are_fine(verdict: Verdict, tmp_path: Path) -> None:
    """Writers reserve room for tags (`free`), and copies make holes of it."""
    room = 32 * PAGE
    start = len(FTYP) + 8
    whole = FTYP + box(b"mdat", b"\x55" * 1000) + moov(offset=start, sample_sizes=[900, 100])
    whole += struct.pack(">I4s", room, b"free")
    assert verdict(sparse(tmp_path / "a.mp4", [(0, whole)], len(whole) + room - 8)) is None


def test_a_file_system_that_is_wrong_about_holes_is_not_believed(
    verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some said so of what was written a moment ago."""
    path = clip(tmp_path / "a.mp4", holes=[])
    monkeypatch.setattr(os, "lseek", lambda fd, at, how: at if how == os.SEEK_HOLE else at + 10 * PAGE)
    assert verdict(path) is None


@pytest.mark.parametrize("answer", [OSError(22, "no"), None])
def test_a_file_system_that_cannot_say_has_no_holes(
    verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: OSError | None
) -> None:
    path = clip(tmp_path / "a.mp4", holes=[(2, 40)])

    def refuse(fd: int, at: int, how: int) -> int:
        raise answer or OSError(95, "not supported")

    monkeypatch.setattr(os, "lseek", refuse)
    assert verdict(path) is None


def test_holes_of_a_fragmented_recording_count(verdict: Verdict, tmp_path: Path) -> None:
    start = FTYP + box(b"moov", box(b"mvhd", bytes(100))) + box(b"moof", box(b"mfhd", bytes(8)))
    data_bytes = 64 * PAGE
    head = start + struct.pack(">I4s", data_bytes + 8, b"mdat") + b"\x55" * PAGE
    path = sparse(
        tmp_path / "a.mp4", [(0, head), (len(start) + 40 * PAGE, b"\x55" * 24 * PAGE)], len(start) + 8 + data_bytes
    )
    assert "never written" in (verdict(path) or "")


def test_a_real_clip_with_a_hole_in_it_is_noticed(verdict: Verdict, make_clip: MakeClip, tmp_path: Path) -> None:
    data = make_clip(tmp_path / "whole.mp4", duration_s=10.0, width=1280, height=720).read_bytes()
    assert verdict(tmp_path / "whole.mp4") is None
    middle = len(data) // 2 // 4096 * 4096
    pieces = [(0, data[:middle]), (middle + 3 * 4096, data[middle + 3 * 4096 :])]
    path = sparse(tmp_path / "half.mp4", pieces, len(data))
    assert "never written" in (verdict(path) or "")


def test_many_holes_cost_little(tmp_path: Path, verdict: Verdict) -> None:
    holes = [(n, n + 1) for n in range(1, 63, 2)]
    assert verdict(clip(tmp_path / "a.mp4", holes=holes)) == f"{31 * PAGE} bytes of its media data were never written"
    assert container_holes.MOST_PARTS < 100_000
