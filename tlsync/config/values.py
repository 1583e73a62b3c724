"""Single values of the settings: paths and the address of the platform."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from urllib.parse import urlsplit


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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
