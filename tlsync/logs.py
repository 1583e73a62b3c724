"""Log lines for people or programs, one per record, with no secret in them."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import traceback
from datetime import UTC, datetime
from types import TracebackType
from typing import Literal, TextIO

from tlsync.secret import Secret
from tlsync.terminal_text import printable

log = logging.getLogger(__name__)

Format = Literal["text", "json"]

_HIDDEN = "***"
_QUERY = re.compile(r"(https?://[^\s?#\"'<>]+)\?[^\s\"'<>]*")
_USER = re.compile(r"(https?://)[^\s/?#@\"'<>]+@")
# A name, its sign in any notation (header, query, JSON, repr), and a value with or without a scheme before it.
_SIGNED = re.compile(
    r"(?i)\b(x-amz-[a-z0-9-]+|x-api-key|signature|sig|(?:[a-z]+_)?token|access_?key|api_?key|authorization)"
    r"([\"']?\s*[=:]\s*(?:b?[\"'])?)(?:(?:bearer|basic|aws4-hmac-sha256)\s+)?+[^\s&\"',;}\])]+"
)
_secrets: tuple[str, ...] = ()


def register_secret(secret: Secret) -> None:
    """From now on this text is in no log line and in nothing that passed `redact`."""
    global _secrets  # replaced as a whole, so that threads that log meanwhile see the old or the new
    text = secret.reveal()
    if len(text) >= 8 and text not in _secrets:  # shorter ones would blot out ordinary words
        _secrets = (*_secrets, text)


def redact(text: str) -> str:
    """Take out known keys, the queries of URLs, and whatever is named like a signature."""
    for secret in _secrets:
        text = text.replace(secret, _HIDDEN)
    text = _QUERY.sub(rf"\1?{_HIDDEN}", _USER.sub(rf"\1{_HIDDEN}@", text))
    return _SIGNED.sub(rf"\1\2{_HIDDEN}", text)


def set_up(
    level: int,
    style: Format = "text",
    stream: TextIO | None = None,
    *,
    file: logging.Handler | None = None,
    is_on_stderr: bool = True,
) -> None:
    """Send log records to `stream` (stderr), redacted, and keep libraries quiet.

    Errors that nobody caught go the same way: Python itself would print them bare.

    Args:
        file: Where they go as well; instead, without `is_on_stderr`.
    """
    handlers: list[logging.Handler] = []
    if is_on_stderr:
        handlers.append(logging.StreamHandler(stream or sys.stderr))
        handlers[0].setFormatter(_Json() if style == "json" else _Text())
    if file is not None:
        file.setFormatter(_Json() if style == "json" else _Text(is_dated=True))
        handlers.append(file)
    root = logging.getLogger()
    root.handlers[:] = handlers
    root.setLevel(level)
    for library in ("httpx", "httpcore", "watchdog", "uvicorn", "asyncio", "python_multipart"):
        logging.getLogger(library).setLevel(logging.WARNING)  # at INFO, httpx prints whole URLs
    logging.raiseExceptions = False  # a line that can't be written would be printed bare, its arguments too
    if sys.excepthook is sys.__excepthook__:  # else somebody else wants to see them
        sys.excepthook = _note_uncaught
    if threading.excepthook is threading.__excepthook__:
        threading.excepthook = _note_uncaught_in_thread


def set_up_if_needed() -> None:
    """As `set_up` with the defaults of the command line, unless log records go somewhere already."""
    if not logging.getLogger().handlers:
        set_up(logging.WARNING)


def _note_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not issubclass(kind, Exception):  # KeyboardInterrupt and the like
        sys.__excepthook__(kind, error, trace)
        return
    log.critical("unexpected error, please report it with these lines", exc_info=(kind, error, trace))


def _note_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    error = arguments.exc_value
    if error is not None and isinstance(error, Exception):
        name = arguments.thread.name if arguments.thread else "a thread"
        log.critical("unexpected error in=%s", name, exc_info=(type(error), error, error.__traceback__))


class _Text(logging.Formatter):
    """`12:00:00 WARNING  message`, in a file with the day; a traceback follows, escaped line by line."""

    def __init__(self, *, is_dated: bool = False) -> None:
        super().__init__()
        self._how = "%Y-%m-%d %H:%M:%S" if is_dated else "%H:%M:%S"

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime(self._how)
        line = f"{at} {record.levelname:<7} {printable(_message(record))}"
        return line + "".join(f"\n    {printable(part)}" for part in _trace(record).splitlines())


class _Json(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": _message(record),
        }
        if trace := _trace(record):
            entry["trace"] = trace
        return json.dumps(entry)


def _message(record: logging.LogRecord) -> str:
    try:
        return redact(record.getMessage())
    except Exception:  # whatever an argument's own str() does; logging itself would print all arguments bare
        return redact(f"{record.msg} (its arguments can't be shown)")


def _trace(record: logging.LogRecord) -> str:
    """The traceback of a record; empty without one."""
    parts = ["".join(traceback.format_exception(*record.exc_info)).rstrip()] if record.exc_info else []
    if record.stack_info:
        parts.append(record.stack_info)
    return redact("\n".join(parts))
