"""Log lines for people or programs, one per record, with no secret in them."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Literal, TextIO

from tlsync.secret import Secret
from tlsync.terminal_text import printable

Format = Literal["text", "json"]

_HIDDEN = "***"
_QUERY = re.compile(r"(https?://[^\s?#\"'<>]+)\?[^\s\"'<>]*")
_SIGNED = re.compile(
    r"(?i)\b(x-amz-[a-z-]+|x-api-key|signature|sig|token|access_?key|authorization)(\s*[=:]\s*)[^\s&\"',;]+"
)
_secrets: set[str] = set()


def register_secret(secret: Secret) -> None:
    """From now on this text is in no log line and in nothing that passed `redact`."""
    if len(secret.reveal()) >= 8:  # shorter ones would blot out ordinary words
        _secrets.add(secret.reveal())


def redact(text: str) -> str:
    """Take out known keys, the queries of URLs, and whatever is named like a signature."""
    for secret in _secrets:
        text = text.replace(secret, _HIDDEN)
    return _SIGNED.sub(rf"\1\2{_HIDDEN}", _QUERY.sub(rf"\1?{_HIDDEN}", text))


def set_up(level: int, style: Format = "text", stream: TextIO | None = None) -> None:
    """Send log records to `stream` (stderr), redacted, and keep libraries quiet."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Json() if style == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for library in ("httpx", "httpcore", "watchdog", "uvicorn", "asyncio", "python_multipart"):
        logging.getLogger(library).setLevel(logging.WARNING)  # at INFO, httpx prints whole URLs


class _Text(logging.Formatter):
    """`12:00:00 WARNING  message`; a traceback follows, escaped line by line."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        line = f"{at} {record.levelname:<7} {printable(redact(record.getMessage()))}"
        if record.exc_info:
            trace = redact(self.formatException(record.exc_info))
            line += "".join(f"\n    {printable(part)}" for part in trace.splitlines())
        return line


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
        }
        if record.exc_info:
            entry["trace"] = redact(self.formatException(record.exc_info))
        return json.dumps(entry)
