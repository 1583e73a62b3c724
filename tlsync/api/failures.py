"""An answer or an httpx exception → our error tree, and what is known about the fate of the request.

Messages hold verb, route template, status, the platform's code and text, and the request id; never a URL, the key
or a header. Text of the platform is cut, and freed of control characters and links.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import httpx
import msgspec

from tlsync.api.routes import Lifetime, Route
from tlsync.errors import (
    ApiError,
    BadAnswer,
    Gone,
    NotFound,
    QuotaExceeded,
    RateLimited,
    Rejected,
    ServerFault,
    Unauthorized,
    Unreachable,
    Untrusted,
)


class Outcome(Enum):
    """What became of a request that failed."""

    NOT_SENT = auto()
    """It never left: repeating it is a first try."""
    LIMITED = auto()
    """Turned away by a rate limit, not processed."""
    UNAVAILABLE = auto()
    """503: the platform says that it did not take the request up. It was seen to be wrong about that."""
    UNKNOWN = auto()
    """It may have taken effect."""
    FINAL = auto()
    """The same request would fail the same way."""


class Failed(Exception):
    """Carries an error up to the retry policy. Never leaves this package."""

    def __init__(self, error: ApiError, outcome: Outcome) -> None:
        super().__init__(str(error))
        self.error = error
        self.outcome = outcome


# --- no answer ------------------------------------------------------------------------------------------------------

_NETWORK_HINT = "check the network; tlsync tries again"
_CERTIFICATE_REASONS = {
    9: ": it is not valid yet",
    10: ": it has expired",
    18: ": nobody known vouches for it",
    19: ": nobody known vouches for it",
    20: ": nobody known vouches for it",
    62: ": it is for another name",
    64: ": it is for another address",
}
"""Source: OpenSSL, X509_V_ERR_…"""


def from_exception(error: httpx.HTTPError, call: str) -> Failed:
    """A failure of the way there or back. The texts of httpx are not used: they may quote URLs and headers."""
    if isinstance(error, httpx.LocalProtocolError):
        return Failed(Rejected(f"{call}: the request is not one that HTTP can carry"), Outcome.FINAL)
    if isinstance(error, httpx.DecodingError):
        return Failed(BadAnswer(f"{call}: the answer's compression is damaged"), Outcome.UNKNOWN)
    if isinstance(error, httpx.ConnectError):
        return _not_connected(error, call)
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout | httpx.UnsupportedProtocol | httpx.ProxyError):
        return Failed(Unreachable(f"{call}: {_REASONS[type(error)]}", hint=_NETWORK_HINT), Outcome.NOT_SENT)
    reason = _REASONS.get(type(error), "the exchange broke off")
    lost = Unreachable(f"{call}: {reason}", hint=_NETWORK_HINT)
    lost.concerns = "file"  # there is a way; this exchange may have had bad luck
    return Failed(lost, Outcome.UNKNOWN)


_REASONS: dict[type[httpx.HTTPError], str] = {
    httpx.ConnectTimeout: "no connection in time",
    httpx.PoolTimeout: "every connection was busy",
    httpx.UnsupportedProtocol: "not a protocol that can be spoken",
    httpx.ProxyError: "the proxy refused",
    httpx.ReadTimeout: "no answer in time",
    httpx.WriteTimeout: "the other side stopped taking data",
    httpx.ReadError: "the connection broke while waiting for the answer",
    httpx.WriteError: "the connection broke while sending",
    httpx.CloseError: "the connection broke while closing",
    httpx.RemoteProtocolError: "the other side hung up or did not speak HTTP",
}


def _not_connected(error: httpx.ConnectError, call: str) -> Failed:
    root = _root(error)
    if isinstance(root, ssl.SSLCertVerificationError):
        # Failing closed: trying again would not make the certificate better.
        hint = "check the date of this machine and whether something between here and the platform reads the traffic"
        reason = _CERTIFICATE_REASONS.get(getattr(root, "verify_code", 0), "")
        return Failed(Untrusted(f"{call}: the server's certificate is not trusted{reason}", hint=hint), Outcome.FINAL)
    if isinstance(root, socket.gaierror):
        reason = "the host name is not known"
    elif isinstance(root, OSError) and root.strerror:
        reason = root.strerror.lower()
    else:
        reason = "no connection"
    return Failed(Unreachable(f"{call}: {reason}", hint=_NETWORK_HINT), Outcome.NOT_SENT)


def _root(error: BaseException) -> BaseException:
    seen = {id(error)}
    while (inner := error.__cause__ or error.__context__) is not None and id(inner) not in seen:
        seen.add(id(inner))
        error = inner
    return error


# --- an answer that says no -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error body, whichever of its three shapes it had."""

    code: str | None = None
    text: str = ""
    retry_after_s: float | None = None


def read_refusal(body: bytes) -> Refusal:
    """Flat, nested under `error`, or the old one with `error_code`. Anything else is an empty refusal.

    Source: API v1.3, "Error bodies".
    """
    try:
        parsed: Any = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return Refusal()
    if not isinstance(parsed, dict):
        return Refusal()
    if isinstance(parsed.get("error"), dict):
        parsed = parsed["error"]
    details = parsed.get("details")
    wait = details.get("retryAfter") if isinstance(details, dict) else None
    code = parsed.get("code", parsed.get("error_code"))
    return Refusal(
        code=clean(str(code), 80) if isinstance(code, str | int) else None,
        text=clean(parsed["message"], 500) if isinstance(parsed.get("message"), str) else "",
        retry_after_s=float(wait) if isinstance(wait, int | float) and 0 <= wait < _FOREVER_S else None,
    )


_FOREVER_S = 10**9
_LINK = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]*://\S+")

_KEY_CODES = {"api_key_invalid", "unauthorized"}
_PLAN_CODES = {"usage_limit_exceeded", "api_allowed_for_paid_plan", "api_not_allowed", "region_not_allowed"}
_RATE_CODES = {"too_many_requests", "RATE_LIMIT_EXCEEDED"}
_LATER_CODES = {"request_canceled_or_timed_out", "INTERNAL_SERVER_ERROR"}
_MISSING_CODE = "resource_not_exist"


def clean(text: str, longest: int) -> str:
    """Text from outside as it may stand in a log line: one line, printable, no links, not endless."""
    text = _LINK.sub("(link)", text[: 4 * longest])
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def from_answer(
    route: Route, status: int, headers: Mapping[str, str], body: bytes, retry_after_s: float | None
) -> Failed:
    """An answer outside 2xx.

    Args:
        route: What was called.
        status: Its status.
        headers: Its headers; only the request id is looked at.
        body: Its body, as far as it was read.
        retry_after_s: What the headers say about waiting.
    """
    refusal = read_refusal(body)
    code = refusal.code
    message = _message(route, status, refusal, headers.get("x-request-id", ""))
    if not 400 <= status <= 599:
        hint = "redirects are not followed, since they would take the API key along; check platform.base_url"
        return Failed(BadAnswer(message, status=status, remote_code=code, hint=hint), Outcome.FINAL)
    if status == 429 or (status < 500 and code in _RATE_CODES):
        waits = [wait for wait in (retry_after_s, refusal.retry_after_s) if wait is not None]
        hint = "tlsync waits and goes on by itself"
        limited = RateLimited(message, retry_after_s=max(waits, default=None), remote_code=code, hint=hint)
        return Failed(limited, Outcome.LIMITED)
    if status >= 500 or status in (408, 425) or code in _LATER_CODES:
        hint = "the platform has trouble; tlsync tries again"
        fault = ServerFault(message, status=status, remote_code=code, hint=hint)
        fault.retry_after_s = retry_after_s if status >= 500 else None
        return Failed(fault, Outcome.UNAVAILABLE if status == 503 else Outcome.UNKNOWN)
    return Failed(_refused(route, status, code, message), Outcome.FINAL)


def _refused(route: Route, status: int, code: str | None, message: str) -> ApiError:
    if status == 401 or code in _KEY_CODES:
        hint = "tlsync auth login with a valid key (or set TWELVE_LABS_API_KEY, platform.api_key_file); keys expire"
        return Unauthorized(message, status=status, remote_code=code, hint=hint)
    if status in (402, 403) or code in _PLAN_CODES:
        hint = "look at the plan and its usage in the TwelveLabs console; the feature may not be part of it"
        return QuotaExceeded(message, status=status, remote_code=code, hint=hint)
    if status == 410 or (status == 404 and route.lifetime is Lifetime.REMOVED and code != _MISSING_CODE):
        hint = f"use {route.instead}" if route.instead else ""
        ending = f"; this endpoint was removed, its replacement: {route.instead}" if route.instead else ""
        return Gone(message + ending, status=status, remote_code=code, hint=hint)
    if status == 404 or code == _MISSING_CODE:
        return NotFound(message, status=status, remote_code=code, hint="it was deleted, or belongs to another account")
    return Rejected(message, status=status, remote_code=code, hint="these parameters or this content are not accepted")


def _message(route: Route, status: int, refusal: Refusal, request_id: str) -> str:
    parts = [f"{route} answered {status}"]
    if refusal.code:
        parts.append(f" ({refusal.code})")
    if refusal.text:
        parts.append(f": {refusal.text}")
    if request_id:
        parts.append(f" [request {clean(request_id, 64)}]")
    return "".join(parts)
