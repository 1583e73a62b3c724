"""Signatures by which a web server knows that events come from here.

Source: Standard Webhooks, specification 1.0.0, "Signature scheme" and "Webhook headers".
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from tlsync.errors import ConfigError
from tlsync.private_file import read_private_file

_PREFIX = "whsec_"
_SHORTEST, _LONGEST = 24, 64
_LONGEST_FILE = 4096
_HINT = "make one with: (umask 077; echo whsec_$(openssl rand -base64 32) > FILE), and set [webhook] secret_file"


def read_secrets(file: Path) -> list[bytes]:
    """The keys of a file, one in a line. Two of them sign while one takes the place of the other.

    Raises:
        ConfigError: It can't be read, others can read it, or it holds something else. No secret is shown.
    """
    keys = []
    for line in read_private_file(file, hint=_HINT, longest=_LONGEST_FILE).split():
        try:
            key = base64.b64decode(line.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not line.startswith(_PREFIX) or not _SHORTEST <= len(key) <= _LONGEST:
            raise ConfigError(
                f"{file}: a secret is {_PREFIX} and {_SHORTEST} to {_LONGEST} bytes in base64", hint=_HINT
            )
        keys.append(key)
    if not keys:
        raise ConfigError(f"{file}: holds no secret", hint=_HINT)
    return keys


def signed_headers(number: str, at: datetime, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The headers of one attempt.

    Args:
        number: Of the message; the same for each attempt. Has no full stop.
        at: When this attempt is made.
    """
    timestamp = str(int(at.timestamp()))
    content = f"{number}.{timestamp}.".encode("ascii") + body
    signatures = [base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode("ascii") for key in keys]
    return {
        "webhook-id": number,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }
