"""Single values of the settings: paths, addresses, times, what is counted in."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from tlsync.local_days import is_day
from tlsync.units import parse_duration

if TYPE_CHECKING:
    from tlsync.hours import Hours
    from tlsync.timetable import Timetable


def absolute_path(text: str) -> Path | None:
    """An absolute path without `..`; links stay as they are. None for an empty text.

    Raises:
        ValueError: It depends on where tlsync is started.
    """
    if not text:
        return None
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{text!r}: there is no such user") from error
    if not path.is_absolute():
        raise ValueError(f"{text!r} must be a whole path, beginning with / or ~")
    return Path(os.path.normpath(path))


def check_base_url(text: str) -> str:
    """A base URL without its last slash. The key is sent there, so it must be encrypted, or this machine.

    Raises:
        ValueError: It is neither, or no URL that paths can be added to.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not a URL: {error}") from error
    if parts.scheme not in ("https", "http") or not host:
        raise ValueError(f"{text!r} is not a URL that begins with https://")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be a plain URL, without user, query or fragment")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(f"{text!r} would send the key unencrypted; use https (http is for this machine only)")
    return text.rstrip("/")


def check_webhook_url(text: str) -> str:
    """A URL that events may be posted to: encrypted, or this machine; "" is none.

    Raises:
        ValueError: It is neither. The message does not show it: its query may hold a secret.
    """
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError("is not a URL") from error
    if parts.scheme not in ("https", "http") or not host or not text.isascii() or not text.isprintable():
        raise ValueError("is not a URL that begins with https://")
    if parts.username is not None or parts.fragment or " " in text:
        raise ValueError("must be a URL without user and fragment")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError("would send names of files unencrypted; use https (http is for this machine only)")
    return text


def bandwidth(text: str) -> Timetable | None:
    """A rate or a timetable of rates; None where there is no limit at any time. Raises as `parse_timetable`."""
    if text == "unlimited":
        return None
    from tlsync.timetable import parse_timetable  # only for who has a limit

    timetable = parse_timetable(text)
    return None if timetable.is_unlimited else timetable


def hours(text: str) -> Hours | None:
    """Hours for uploads; None for always. Raises as `parse_hours`."""
    if text == "always":
        return None
    from tlsync.hours import parse_hours

    found = parse_hours(text)
    return None if found.are_always else found


def check_day(text: str) -> str:
    """A day of the calendar, as `2026-11-22`.

    Raises:
        ValueError: It is none.
    """
    if not is_day(text):
        raise ValueError(f"{text!r} is not a day; write it like 2026-11-22")
    return text


def check_currency(text: str) -> str:
    """A currency by its three letters, as `USD`.

    Raises:
        ValueError: It is not written so.
    """
    if len(text) != 3 or not text.isascii() or not text.isalpha() or not text.isupper():
        raise ValueError(f'{text!r} is not a currency; write its three letters, like "USD"')
    return text


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def log_file(text: str) -> Path | Literal["auto"] | None:
    """Where a log goes: "" is nowhere, "auto" the state folder, else a path.

    Raises:
        ValueError: As `absolute_path`.
    """
    return "auto" if text.strip().lower() == "auto" else absolute_path(text)


def span_or_forever(text: str) -> float | None:
    """A span in seconds; None for "forever".

    Raises:
        ValueError: Neither.
    """
    return None if text.strip().lower() == "forever" else parse_duration(text)
