"""Whole or not: what RIFF, Matroska, MXF, transport streams and fragments say of themselves."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.media.containers import FTYP, Check, box, encode, riff

HOSTILE_SIZES = [0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]


# RIFF


def test_riff_may_be_padded(check: Check) -> None:
    """To an even length, or by a writer that rounds up to a disk block."""
    assert check(riff(b"WAVE", b"x" * 101) + b"\0") is None
    assert check(riff(b"WAVE", b"x" * 100) + bytes(512)) is None


def test_riff_with_much_behind_it_is_not_whole(check: Check) -> None:
    """A recorder writes the length last."""
    assert "more than its header says" in (check(riff(b"WAVE", b"x" * 100) + b"x" * 10_000) or "")


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_riff_whose_length_is_not_filled_in_is_not_whole(check: Check, size: int) -> None:
    assert "not filled in" in (check(riff(b"WAVE", b"x" * 100, size=size)) or "")
    data = b"data" + size.to_bytes(4, "little") + b"\x80" * 1000
    assert "not filled in" in (check(riff(b"WAVE", b"fmt \x04\0\0\0abcd" + data)) or "")


def test_a_wav_without_sound_or_with_chunks_behind_it_is_whole(check: Check) -> None:
    form = b"fmt \x04\0\0\0abcd"
    assert check(riff(b"WAVE", form + b"data" + bytes(4))) is None
    assert check(riff(b"WAVE", form + b"data" + bytes(4) + b"LIST\x04\0\0\0INFO")) is None
    assert check(riff(b"WAVE", form + b"data\x06\0\0\0soundsLIST\x04\0\0\0INFO")) is None


def test_sound_that_should_go_on_is_missing(check: Check) -> None:
    data = b"data" + (5000).to_bytes(4, "little") + b"\x80" * 1000
    assert "sound should end" in (check(riff(b"WAVE", data)) or "")


def test_rf64_has_its_length_in_a_chunk(check: Check) -> None:
    def rf64(length: int) -> bytes:
        return riff(
            b"WAVE", b"ds64" + (28).to_bytes(4, "little") + length.to_bytes(8, "little") + bytes(80),
            size=0xFFFFFFFF, kind=b"RF64",
        )  # fmt: skip

    total = len(rf64(0))
    assert check(rf64(total - 8)) is None
    assert "should be" in (check(rf64(2**40)) or "")
    assert "not filled in" in (check(rf64(0)) or "")
    assert "ds64" in (check(riff(b"WAVE", b"x" * 100, size=0xFFFFFFFF, kind=b"BW64")) or "")


def test_a_long_avi_has_several_riffs(check: Check) -> None:
    whole = riff(b"AVI ", b"x" * 100) + riff(b"AVIX", b"x" * 100)
    assert check(whole) is None
    assert "should be" in (check(whole[:-1]) or "")


def test_a_long_avi_cut_between_its_riffs_is_noticed(check: Check) -> None:
    """Its index in the first names what lies in the second."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return kind + len(body).to_bytes(4, "little") + body

    def avi(last: int) -> bytes:
        entry = struct.pack("<QII", last, 50, 1)
        index = struct.pack("<HBBI4s12x", 4, 0, 0, 1, b"00dc") + entry
        streams = chunk(b"LIST", b"strl" + chunk(b"indx", index))
        return riff(b"AVI ", chunk(b"LIST", b"hdrl" + streams) + chunk(b"LIST", b"movi" + b"x" * 100))

    assert check(avi(100)) is None
    assert "index names data" in (check(avi(10_000)) or "")


# Matroska

EBML = b"\x1a\x45\xdf\xa3\x84test"


def element(kind: bytes, body: bytes, *, size: int | None = None) -> bytes:
    return kind + b"\x01" + (len(body) if size is None else size).to_bytes(7, "big") + body


UNKNOWN = 2**56 - 1
SEGMENT, CLUSTER, VOID = b"\x18\x53\x80\x67", b"\x1f\x43\xb6\x75", b"\xec"


def test_a_live_matroska_recording_does_not_say_how_long_it_is(check: Check) -> None:
    assert check(EBML + element(SEGMENT, b"x" * 50, size=UNKNOWN)) is None
    clusters = element(CLUSTER, b"x" * 90) * 3
    assert check(EBML + element(SEGMENT, clusters, size=UNKNOWN)) is None
    assert "more bytes than the file has" in (check(EBML + element(SEGMENT, clusters[:-1], size=UNKNOWN)) or "")
    assert check(EBML + element(SEGMENT, element(CLUSTER, b"x" * 90, size=UNKNOWN) * 3, size=UNKNOWN)) is None


def test_matroska_that_ends_in_zeros_is_not_whole(check: Check) -> None:
    assert check(EBML + element(SEGMENT, b"x" * 1000 + bytes(100_000)))
    assert check(EBML + element(SEGMENT, element(CLUSTER, b"x" * 1000 + bytes(100_000))))
    assert "only zeros" in (check(EBML + element(SEGMENT, element(CLUSTER, b"x" * 1000) + bytes(100))) or "")


def test_matroska_may_end_in_space_that_is_marked_as_void(check: Check) -> None:
    assert check(EBML + element(SEGMENT, element(CLUSTER, b"x" * 1000) + element(VOID, bytes(100_000)))) is None


def test_matroska_elements_run_to_the_end_of_the_segment(check: Check) -> None:
    assert "more bytes than the segment has" in (
        check(EBML + element(SEGMENT, element(CLUSTER, b"x" * 100) + element(CLUSTER, b"x" * 10, size=500))) or ""
    )


# MXF


@pytest.fixture(scope="module")
def mxf(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("mxf") / "a.mxf"
    return encode(path, "mxf", video_codec="mpeg2video", fps=25, rate_hz=48000)


def with_header(data: bytes, *, status: int, footer: int) -> bytes:
    """The bytes of an MXF with another status and place of the footer in its header."""
    body = 17 + (data[16] & 0x7F if data[16] >= 0x80 else 0)
    changed = bytearray(data)
    changed[14] = status
    changed[body + 24 : body + 32] = footer.to_bytes(8, "big")
    return bytes(changed)


def footer_of(data: bytes) -> int:
    return data.rindex(bytes.fromhex("060e2b34020501010d0102010104"))


def test_an_mxf_that_is_still_recorded_has_an_open_header_and_no_footer(check: Check, mxf: bytes) -> None:
    for status in (1, 3):
        opened = with_header(mxf, status=status, footer=0)
        assert "still open" in (check(opened[: footer_of(mxf)]) or "")


def test_an_mxf_with_an_open_header_is_whole_when_its_footer_is(check: Check, mxf: bytes) -> None:
    """The index at the end leads to it; a header need not be closed then."""
    assert check(with_header(mxf, status=1, footer=0)) is None
    assert check(with_header(mxf, status=1, footer=footer_of(mxf))) is None


def test_an_mxf_with_a_closed_header_and_no_footer_is_walked(check: Check, mxf: bytes) -> None:
    closed = with_header(mxf, status=4, footer=0)[: footer_of(mxf)]
    assert check(closed) is None
    assert "more bytes than the file has" in (check(closed[:-5]) or "")


def test_an_mxf_whose_footer_is_not_written_yet_is_not_whole(check: Check, mxf: bytes) -> None:
    footer = footer_of(mxf)
    assert "not written yet" in (check(mxf[:footer].ljust(len(mxf), b"\0")) or "")
    assert "should be at byte" in (check(mxf[: footer - 10]) or "")
    assert check(mxf[: footer + 60])
    assert check(mxf + bytes(5000)) is None  # padding behind the closing index


# Transport streams


def packets(count: int, *, size: int = 188, sync_at: int = 0) -> bytes:
    return (b"\x01" * sync_at + b"\x47" + b"\x02" * (size - 1 - sync_at)) * count


@pytest.mark.parametrize(("size", "sync_at"), [(188, 0), (192, 4), (204, 0)])
def test_a_transport_stream_is_whole_packets(check: Check, size: int, sync_at: int) -> None:
    data = packets(1000, size=size, sync_at=sync_at)
    assert check(data) is None
    assert "packet is cut" in (check(data[:-1]) or "")
    assert "zeros" in (check(data[: -size * 2] + bytes(size * 2)) or "")
    middle = 400 * size
    assert "no packets" in (check(data[:middle] + bytes(200 * size) + data[middle + 200 * size :]) or "")


def test_a_transport_stream_may_be_joined_out_of_step(check: Check) -> None:
    assert check(packets(500) + packets(500)[100:] + b"\x01" * 100) is None


# Fragments


def fragmented(*, promised_s: int, fragments: int, sidx_bytes: int = 0) -> bytes:
    """A recording in fragments of a second each, with its whole length in the index."""
    header = box(b"mvhd", bytes(12) + struct.pack(">I", 1000) + bytes(84))
    track = box(
        b"trak",
        box(b"tkhd", bytes(12) + struct.pack(">I", 1) + bytes(68))
        + box(b"mdia", box(b"mdhd", bytes(12) + struct.pack(">I", 90_000) + bytes(8))),
    )
    extension = box(
        b"mvex",
        box(b"mehd", bytes(4) + struct.pack(">I", promised_s * 1000))
        + box(b"trex", bytes(4) + struct.pack(">IIIII", 1, 1, 9000, 0, 0)),
    )
    start = FTYP + box(b"moov", header + track + extension)
    if sidx_bytes:
        start += box(
            b"sidx", bytes(4) + struct.pack(">IIIIHH", 1, 90_000, 0, 0, 0, 1) + struct.pack(">III", sidx_bytes, 0, 0)
        )
    for number in range(fragments):
        part = (
            box(b"tfhd", struct.pack(">II", 0x020000, 1))
            + box(b"tfdt", struct.pack(">II", 0, number * 90_000))
            + box(b"trun", struct.pack(">II", 0, 10))
        )
        start += box(b"moof", box(b"mfhd", bytes(8)) + box(b"traf", part)) + box(b"mdat", b"x" * 100)
    return start


def test_fragments_that_end_before_the_promised_length_are_not_all(check: Check) -> None:
    assert check(fragmented(promised_s=10, fragments=10)) is None
    assert check(fragmented(promised_s=10, fragments=9)) is None  # lengths are rounded
    assert "should be 10.0 s long" in (check(fragmented(promised_s=10, fragments=5)) or "")


def test_fragments_that_a_table_of_segments_names_must_be_there(check: Check) -> None:
    one = len(fragmented(promised_s=3, fragments=3)) - len(fragmented(promised_s=3, fragments=2))
    assert check(fragmented(promised_s=3, fragments=3, sidx_bytes=3 * one)) is None
    assert "table of segments" in (check(fragmented(promised_s=3, fragments=2, sidx_bytes=3 * one)) or "")


def test_an_index_of_fragments_is_the_end_and_has_to_be_whole(check: Check) -> None:
    closing = box(b"mfra", box(b"tfra", b"x" * 40) + box(b"mfro", bytes(4) + (72).to_bytes(4, "big")))
    data = fragmented(promised_s=10, fragments=5)
    assert check(data + closing) is None
    assert "index of fragments" in (check(data + closing[:-20] + bytes(20)) or "")


# Sizes that lie


def starts() -> dict[str, bytes]:
    return {
        "riff": riff(b"WAVE", b"fmt \x10\0\0\0" + bytes(16) + b"data" + bytes(4)),
        "avi": riff(b"AVI ", b"LIST\x20\0\0\0hdrlLIST\x10\0\0\0strlindx" + bytes(40)),
        "rf64": riff(b"WAVE", b"ds64" + bytes(40), size=0xFFFFFFFF, kind=b"RF64"),
        "w64": bytes.fromhex("726966662e91cf11a5d628db04c10000") + bytes(40),
        "mkv": EBML + element(SEGMENT, element(CLUSTER, b"x" * 40)),
        "mxf": bytes.fromhex("060e2b34020501010d01020101020400") + b"\x83\0\0\x58" + bytes(88),
        "ts": packets(6),
        "fragments": fragmented(promised_s=2, fragments=2, sidx_bytes=400),
    }


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    kind=st.sampled_from(sorted(starts())),
    at=st.integers(0, 400),
    size=st.sampled_from(HOSTILE_SIZES),
    width=st.sampled_from([1, 4, 8]),
    order=st.sampled_from(["big", "little"]),
    tail=st.binary(max_size=200),
)
@example(kind="riff", at=4, size=1, width=4, order="little", tail=b"")
def test_sizes_that_lie_cost_little_and_never_raise(
    check: Check, reads: list[int], kind: str, at: int, size: int, width: int, order: str, tail: bytes
) -> None:
    data = bytearray(starts()[kind] + tail)
    at = min(at, len(data))
    data[at : at + width] = (size % 2 ** (8 * width)).to_bytes(width, order)  # type: ignore[arg-type]
    before = len(reads)
    verdict = check(bytes(data))
    assert verdict is None or verdict
    assert len(reads) - before <= 100


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(kind=st.sampled_from(sorted(starts())), data=st.binary(max_size=600))
def test_anything_behind_a_start_never_raises(check: Check, kind: str, data: bytes) -> None:
    verdict = check(starts()[kind][:24] + data)
    assert verdict is None or verdict


@pytest.mark.parametrize(
    "hostile",
    [
        riff(b"AVI ", (b"JUNK" + bytes(4)) * 500_000),
        EBML + element(SEGMENT, (VOID + b"\x80") * 500_000),
        bytes.fromhex("060e2b34020501010d01020101020400") + b"\x58" + bytes(88)
        + (bytes.fromhex("060e2b34010101020301021001000000") + b"\0") * 200_000,
        packets(100_000),
        fragmented(promised_s=9, fragments=1) + (box(b"moof") + box(b"mdat")) * 150_000,
    ],
    ids=["chunks", "elements", "items", "packets", "fragments"],
)  # fmt: skip
def test_many_small_parts_cost_little(check: Check, hostile: bytes, reads: list[int]) -> None:
    check(hostile)
    assert len(reads) <= 250_000


def test_a_real_file_of_each_kind_is_whole(check: Check, tmp_path: Path) -> None:
    assert check(encode(tmp_path / "live.mkv", "matroska", options={"live": "1"})) is None
