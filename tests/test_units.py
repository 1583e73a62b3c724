"""Sizes, rates and durations as people write them."""

from __future__ import annotations

import pytest

from tlsync.units import parse_duration, parse_rate, parse_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("8 MiB", 8 * 2**20),
        ("200 MB", 200_000_000),
        ("200MB", 200_000_000),
        ("1.5 gb", 1_500_000_000),
        ("4GiB", 4 * 2**30),
        (" 64 KiB ", 65_536),
        ("12 B", 12),
        ("4294967296", 4_294_967_296),
        ("0 B", 0),
        ("5\u3000MB\x1c", 5_000_000),
    ],
)
def test_sizes(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    "text", ["", "MB", "-1 MB", "1 XB", "1 MB/s", "1,5 MB", "1 m b", "nan B", "1e3 B", "ten MB", "1. MB", ".5 MB"]
)
def test_other_texts_are_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size; write it like"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "bytes_per_s"),
    [
        ("200 MB/s", 200_000_000),
        ("512KiB/s", 524_288),
        ("1 MiB / sec", 2**20),
        ("unlimited", None),
        (" Unlimited ", None),
    ],
)
def test_rates(text: str, bytes_per_s: int | None) -> None:
    assert parse_rate(text) == bytes_per_s


@pytest.mark.parametrize("text", ["", "200 MB", "200 MB/h", "MB/s", "fast/s", "/s"])
def test_other_texts_are_no_rates(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate; write it like"):
        parse_rate(text)


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is ever sent"):
        parse_rate("0 MB/s")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("10 s", 10), ("15 min", 900), ("2h", 7200), ("500 ms", 0.5), ("1.5 hours", 5400), ("1 d", 86400), ("0 s", 0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "s", "-5 s", "10 sx", "1h30", "soon"])
def test_other_texts_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write it like"):
        parse_duration(text)
