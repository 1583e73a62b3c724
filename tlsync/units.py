"""Sizes, rates and durations the way people write them."""

from __future__ import annotations

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzµ"
_BYTES = {
    "": 1, "b": 1,
    "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
_SECONDS = {
    "ms": 0.001, "s": 1, "sec": 1, "second": 1, "seconds": 1,
    "m": 60, "min": 60, "minute": 60, "minutes": 60,
    "h": 3600, "hour": 3600, "hours": 3600,
    "d": 86400, "day": 86400, "days": 86400,
}  # fmt: skip


def parse_size(text: str) -> int:
    """`"8 MiB"`, `"200 MB"` or a plain number, as bytes.

    Raises:
        ValueError: Not a size; the message shows how to write one.
    """
    number, unit = _split(text)
    if number is None or unit.lower() not in _BYTES:
        raise ValueError(f'{text!r} is not a size; write it like "200 MB" or "8 MiB"')
    return round(number * _BYTES[unit.lower()])


def parse_rate(text: str) -> int | None:
    """`"200 MB/s"` as bytes per second; None for `"unlimited"`.

    Raises:
        ValueError: Not a rate, or zero.
    """
    if text.strip().lower() == "unlimited":
        return None
    head, slash, per = text.rpartition("/")
    try:
        if not slash or per.strip().lower() not in ("s", "sec", "second"):
            raise ValueError
        rate = parse_size(head)
    except ValueError:
        raise ValueError(f'{text!r} is not a rate; write it like "20 MB/s", or "unlimited"') from None
    if rate < 1:
        raise ValueError(f"{text!r}: at that rate nothing is ever sent; tlsync pause stops uploads")
    return rate


def parse_duration(text: str) -> float:
    """`"10 s"`, `"15 min"` or `"2h"`, as seconds.

    Raises:
        ValueError: Not a duration.
    """
    number, unit = _split(text)
    if number is None or unit.lower() not in _SECONDS:
        raise ValueError(f'{text!r} is not a duration; write it like "10 s", "15 min" or "2 h"')
    return number * _SECONDS[unit.lower()]


def _split(text: str) -> tuple[float | None, str]:
    # Without a pattern, which would take longer to make than all settings take to read.
    text = text.strip()
    head = text.rstrip(_LETTERS)
    number, unit = head.rstrip(), text.removeprefix(head)
    is_number = all(digits.isdecimal() for digits in number.split(".", 1))
    return (float(number), unit) if is_number else (None, "")
