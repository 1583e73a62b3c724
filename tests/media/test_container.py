"""Whole or not, told from the outside of a container."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import MakeClip
from tests.media.containers import FTYP, Check, box, encode, moov
from tlsync.errors import FileChanged
from tlsync.media.container import check_whole
from tlsync.media.identity import open_media


class Files(dict[str, bytes]):
    """By kind. Says nothing of the bytes when a test fails."""

    def __repr__(self) -> str:
        return "Files()"


@pytest.fixture(scope="module")
def real_files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("containers")
    return Files(
        {
            "mp4": encode(folder / "a.mp4", "mp4"),
            "faststart": encode(folder / "b.mp4", "mp4", options={"movflags": "faststart"}),
            "fragmented": encode(folder / "c.mp4", "mp4", options={"movflags": "frag_keyframe+empty_moov"}),
            "mov": encode(folder / "d.mov", "mov"),
            "mkv": encode(folder / "e.mkv", "matroska"),
            "avi": encode(folder / "f.avi", "avi"),
            "wav": encode(folder / "g.wav", "wav", video_codec=None),
            "m4a": encode(folder / "h.m4a", "ipod", video_codec=None),
            "webm": encode(folder / "i.webm", "webm", video_codec="libvpx", audio_codec="libopus", rate_hz=48000),
            "mxf": encode(folder / "j.mxf", "mxf", video_codec="mpeg2video", fps=25, rate_hz=48000),
            "rf64": encode(folder / "k.wav", "wav", video_codec=None, options={"rf64": "always"}),
            "w64": encode(folder / "l.w64", "w64", video_codec=None),
            "dash": encode(folder / "m.mp4", "mp4", options={"movflags": "dash+frag_every_frame+global_sidx"}),
            "ts": encode(folder / "n.ts", "mpegts", video_codec="mpeg2video", audio_codec="mp2", fps=25, rate_hz=48000),
            "m2ts": encode(
                folder / "o.m2ts",
                "mpegts",
                video_codec="mpeg2video",
                audio_codec="mp2",
                fps=25,
                rate_hz=48000,
                options={"mpegts_m2ts_mode": "1"},
            ),
        }
    )


KINDS = [
    "mp4", "faststart", "fragmented", "mov", "mkv", "avi", "wav", "m4a", "webm", "mxf", "rf64", "w64", "dash", "ts",
    "m2ts",
]  # fmt: skip
ENDLESS = {"fragmented", "ts", "m2ts"}
"""They do not say how long they are."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_is_whole(real_files: Files, check: Check, kind: str) -> None:
    assert check(real_files[kind]) is None


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ENDLESS])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(part=st.floats(0.02, 0.9999))
def test_the_beginning_of_a_file_is_not_whole(real_files: Files, check: Check, kind: str, part: float) -> None:
    """A copy under way, cut off anywhere."""
    data = real_files[kind]
    assert check(data[: max(64, int(len(data) * part))])


@pytest.mark.parametrize(
    "kind", ["mp4", "faststart", "mov", "m4a", "fragmented", "dash", "mkv", "webm", "mxf", "avi", "ts", "m2ts"]
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(part=st.floats(0.03, 0.9))
def test_a_file_whose_space_was_reserved_first_is_not_whole(
    real_files: Files, check: Check, kind: str, part: float
) -> None:
    """A copy under way that has its final size from the start; the rest is zeros."""
    data = real_files[kind]
    assert check(data[: int(len(data) * part)].ljust(len(data), b"\0"))


@pytest.mark.parametrize("size_bytes", [1, 100, 100_000])
def test_zeros_are_not_whole(check: Check, size_bytes: int) -> None:
    assert "zeros" in (check(bytes(size_bytes)) or "")


def test_a_real_clip_is_whole_and_takes_a_few_reads(make_clip: MakeClip, tmp_path: Path, reads: list[int]) -> None:
    path = make_clip(tmp_path / "a.mp4", duration_s=5.0)
    with open_media(path) as fd:
        assert check_whole(fd, path.stat().st_size, path) is None
    assert len(reads) <= 200
    assert sum(reads) <= 20_000


def test_what_is_no_known_container_passes(check: Check) -> None:
    """Whether it opens is for the probe to find out."""
    assert check(b"\x47" + b"whatever" * 50) is None


def test_an_mp4_is_known_by_its_content(real_files: Files, tmp_path: Path) -> None:
    path = tmp_path / "clip.wav"
    path.write_bytes(real_files["mp4"][:-100])
    with open_media(path) as fd:
        assert check_whole(fd, path.stat().st_size, path)


def test_an_mp4_without_index_is_not_whole(check: Check) -> None:
    assert "moov" in (check(FTYP + box(b"mdat", b"x" * 100)) or "")


def test_the_last_part_may_reach_to_the_end(check: Check) -> None:
    """Size 0 means so; then the index must come first, and tells whether the data is there."""
    index = moov(offset=len(FTYP) + 300, sample_sizes=[50, 50])
    start = len(FTYP + index)
    index = moov(offset=start + 8, sample_sizes=[50, 50])
    assert check(FTYP + index + box(b"mdat", b"x" * 100, size=0)) is None
    assert "behind the end" in (check(FTYP + index + box(b"mdat", b"x" * 99, size=0)) or "")


@pytest.mark.parametrize("wide", [False, True])
def test_samples_behind_the_end_of_the_file_are_noticed(check: Check, wide: bool) -> None:
    """Where the sizes of parts add up, the sample tables still tell."""
    start = len(FTYP) + 8
    whole = FTYP + box(b"mdat", b"x" * 100) + moov(offset=start, sample_sizes=[60, 40], wide=wide)
    assert check(whole) is None
    beyond = FTYP + box(b"mdat", b"x" * 100) + moov(offset=start + 10_000, sample_sizes=[60, 40], wide=wide)
    assert "behind the end" in (check(beyond) or "")


def test_empty_last_samples_are_noticed_unless_they_may_be_zeros(check: Check) -> None:
    start = len(FTYP) + 8
    data = FTYP + box(b"mdat", b"x" * 60 + bytes(40))
    assert "zeros" in (check(data + moov(offset=start, sample_sizes=[60, 40])) or "")
    assert check(data + moov(offset=start, sample_sizes=[60, 40], coding=b"raw ")) is None


def test_sizes_of_64_bits_are_read(check: Check) -> None:
    wide = struct.pack(">I4sQ", 1, b"mdat", 116) + b"x" * 100
    index = moov(offset=len(FTYP) + 16, sample_sizes=[60, 40])
    assert check(FTYP + wide + index) is None
    huge = struct.pack(">I4sQ", 1, b"mdat", 2**63) + b"x" * 100
    assert "more bytes than the file has" in (check(FTYP + huge + index) or "")


def test_bytes_behind_the_last_part_are_noticed(check: Check) -> None:
    whole = FTYP + box(b"mdat", b"x" * 100) + moov(offset=len(FTYP) + 8, sample_sizes=[100])
    assert "too many" in (check(whole + b"abc") or "")
    assert "more bytes than the file has" in (check(whole + box(b"udta", size=5000) + b"abc") or "")
    assert "only zeros" in (check(whole + bytes(100_000) + b"and then something") or "")
    assert "only zeros" in (check(FTYP + box(b"moov", b"") + box(b"moof") + box(b"mdat") + bytes(1000)) or "")


@pytest.mark.parametrize("trailer", [bytes(3), bytes(1000), bytes(2_000_000), b"\x03abc" * 1000, b"\xff" * 64])
def test_the_trailer_of_a_camera_does_not_make_a_clip_incomplete(check: Check, trailer: bytes) -> None:
    """Padding, or what has not the name of a part where one would begin: all samples lie before it."""
    whole = FTYP + box(b"mdat", b"x" * 100) + moov(offset=len(FTYP) + 8, sample_sizes=[100])
    assert check(whole + trailer) is None


def test_samples_in_the_trailer_are_not_there(check: Check) -> None:
    """A copy under way with its space reserved: the index in front, zeros where the data will be."""
    index = moov(offset=1000, sample_sizes=[100])
    assert "behind the end" in (check(FTYP + index + bytes(100_000)) or "")


@pytest.mark.parametrize("size", [2, 7])
def test_a_part_smaller_than_its_own_header_is_damage(check: Check, size: int) -> None:
    assert "damaged" in (check(FTYP + box(b"moov", b"x" * 50, size=size)) or "")


def test_an_index_without_samples_is_not_whole(check: Check) -> None:
    """What a recorder that writes fragments leaves before the first of them."""
    tables = box(b"stsc", bytes(8)) + box(b"stsz", bytes(12)) + box(b"stco", bytes(8))
    media = box(b"hdlr", struct.pack(">II4s", 0, 0, b"vide")) + box(b"minf", box(b"stbl", tables))
    assert "no samples" in (check(FTYP + box(b"moov", box(b"trak", box(b"mdia", media)))) or "")


def test_a_track_that_was_never_written_to_does_not_matter(check: Check) -> None:
    """Some cameras make a sound track with the microphone off."""
    tables = box(b"stsc", bytes(8)) + box(b"stsz", bytes(12)) + box(b"stco", bytes(8))
    media = box(b"hdlr", struct.pack(">II4s", 0, 0, b"soun")) + box(b"minf", box(b"stbl", tables))
    index = moov(offset=len(FTYP) + 8, sample_sizes=[100])
    both = box(b"moov", index[8:] + box(b"trak", box(b"mdia", media)))
    assert check(FTYP + box(b"mdat", b"x" * 100) + both) is None


def test_a_fragment_without_its_data_is_not_whole(real_files: Files, check: Check) -> None:
    assert "no data yet" in (check(real_files["fragmented"] + box(b"moof", bytes(50))) or "")


@pytest.mark.parametrize(
    "hostile",
    [
        FTYP + box(b"free") * 300_000,
        FTYP + box(b"moov", box(b"trak") * 50_000),
        FTYP + box(b"moov", box(b"trak", size=0) + bytes(1000)),
        FTYP + box(b"moov", box(b"trak", box(b"trak", box(b"trak", box(b"mdia", box(b"mdia")))))),
        FTYP + moov(offset=0, sample_sizes=[2**32 - 1] * 1000),
        FTYP
        + box(
            b"moov", box(b"trak", box(b"mdia", box(b"minf", box(b"stbl", box(b"stco", b"\0\0\0\0\xff\xff\xff\xff")))))
        ),
        b"RIFF" + (4).to_bytes(4, "little") + b"AVI " + (b"RIFF" + (4).to_bytes(4, "little") + b"AVIX") * 50_000,
    ],
    ids=["many parts", "many tracks", "endless track", "nested", "huge samples", "huge table", "many riffs"],
)
def test_hostile_structures_cost_little(check: Check, hostile: bytes, reads: list[int]) -> None:
    check(hostile)
    assert len(reads) <= 250_000


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    places=st.lists(st.tuples(st.floats(0, 0.9999), st.integers(0, 255)), min_size=1, max_size=8),
    kind=st.sampled_from(KINDS),
)
def test_damaged_bytes_never_raise(real_files: Files, check: Check, kind: str, places: list[tuple[float, int]]) -> None:
    data = bytearray(real_files[kind])
    for place, value in places:
        data[int(place * len(data))] = value
    verdict = check(bytes(data))
    assert verdict is None or verdict


def test_a_file_that_became_shorter_has_changed(tmp_path: Path, real_files: Files) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(real_files["mp4"])
    size_bytes = path.stat().st_size
    with open_media(path) as fd:
        os.truncate(path, 100)
        with pytest.raises(FileChanged):
            check_whole(fd, size_bytes, path)
