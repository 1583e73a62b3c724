from __future__ import annotations

import socket
import ssl

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync.api.failures import Outcome, clean, from_answer, from_exception, read_refusal
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
)

from .helpers import KEY, SIGNED_URL

ROUTE = Route("GET", "/assets/{asset_id}")
REMOVED = Route("POST", "/gist", lifetime=Lifetime.REMOVED, instead="POST /analyze")


def refuse(status: int, body: bytes = b"", route: Route = ROUTE, wait_s: float | None = None) -> ApiError:
    return from_answer(route, status, {}, body, wait_s).error


@pytest.mark.parametrize(
    ("status", "code", "kind", "outcome"),
    [
        (400, "parameter_invalid", Rejected, Outcome.FINAL),
        (400, "resource_not_exist", NotFound, Outcome.FINAL),
        (400, "usage_limit_exceeded", QuotaExceeded, Outcome.FINAL),
        (400, "api_key_invalid", Unauthorized, Outcome.FINAL),
        (400, "too_many_requests", RateLimited, Outcome.LIMITED),
        (401, None, Unauthorized, Outcome.FINAL),
        (402, None, QuotaExceeded, Outcome.FINAL),
        (403, None, QuotaExceeded, Outcome.FINAL),
        (403, "api_allowed_for_paid_plan", QuotaExceeded, Outcome.FINAL),
        (403, "api_not_allowed", QuotaExceeded, Outcome.FINAL),
        (403, "unauthorized", Unauthorized, Outcome.FINAL),
        (404, None, NotFound, Outcome.FINAL),
        (408, None, ServerFault, Outcome.UNKNOWN),
        (409, None, Rejected, Outcome.FINAL),
        (410, None, Gone, Outcome.FINAL),
        (413, None, Rejected, Outcome.FINAL),
        (415, None, Rejected, Outcome.FINAL),
        (418, None, Rejected, Outcome.FINAL),
        (422, None, Rejected, Outcome.FINAL),
        (425, None, ServerFault, Outcome.UNKNOWN),
        (429, None, RateLimited, Outcome.LIMITED),
        (500, "api_key_invalid", ServerFault, Outcome.UNKNOWN),
        (502, None, ServerFault, Outcome.UNKNOWN),
        (503, None, ServerFault, Outcome.UNAVAILABLE),
        (504, None, ServerFault, Outcome.UNKNOWN),
        (529, None, ServerFault, Outcome.UNKNOWN),
        (301, None, BadAnswer, Outcome.FINAL),
        (304, None, BadAnswer, Outcome.FINAL),
        (600, None, BadAnswer, Outcome.FINAL),
    ],
)
def test_each_status_has_its_class(status: int, code: str | None, kind: type[ApiError], outcome: Outcome) -> None:
    body = b"" if code is None else b'{"code": "%s", "message": "no"}' % code.encode()
    failed = from_answer(ROUTE, status, {}, body, None)
    assert type(failed.error) is kind
    assert failed.outcome is outcome
    assert (failed.error.status, failed.error.remote_code) == (429 if kind is RateLimited else status, code)


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (
            b'{"code": "parameter_invalid", "message": "bad page", "docs_url": "https://x"}',
            "parameter_invalid",
            "bad page",
        ),
        (b'{"error": {"code": "VALIDATION_ERROR", "message": "m", "details": {}}}', "VALIDATION_ERROR", "m"),
        (b'{"error_code": 400, "message": "old"}', "400", "old"),
        (b'{"error": "text", "message": "m"}', None, "m"),
        (b'{"code": null, "message": 5}', None, ""),
        (b"", None, ""),
        (b"<html>", None, ""),
        (b"[1]", None, ""),
        (b"[" * 100_000, None, ""),
        (b"\xff\xfe", None, ""),
    ],
)
def test_the_shapes_of_error_bodies(body: bytes, code: str | None, text: str) -> None:
    refusal = read_refusal(body)
    assert (refusal.code, refusal.text) == (code, text)


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_no_error_body_can_break_us(body: bytes) -> None:
    for status in (400, 404, 429, 500):
        assert isinstance(refuse(status, body), ApiError)


def test_the_message_says_what_was_called_and_what_came_back() -> None:
    error = from_answer(ROUTE, 400, {"x-request-id": "r-1"}, b'{"code": "c", "message": "the reason"}', None).error
    assert str(error) == "GET /assets/{asset_id} answered 400 (c): the reason [request r-1]"


def test_messages_hold_no_links_and_no_control_characters() -> None:
    error = refuse(400, f'{{"message": "see {SIGNED_URL} \\u001b[31m now\\nERROR x\\u202e"}}'.encode())
    assert "CANARY" not in str(error) and "://" not in str(error)
    assert str(error).isprintable()


def test_endless_messages_are_cut() -> None:
    assert len(str(refuse(400, b'{"message": "%s"}' % (b"x" * 10**6)))) < 700


@given(st.text(), st.integers(2, 100))
def test_cleaned_text_is_one_printable_line_of_limited_length(text: str, longest: int) -> None:
    cleaned = clean(text, longest)
    assert len(cleaned) <= longest and cleaned.isprintable()


def test_unauthorized_says_where_the_key_comes_from() -> None:
    assert "TWELVE_LABS_API_KEY" in refuse(401).hint and "api_key_file" in refuse(401).hint


@pytest.mark.parametrize("status", [404, 410])
def test_removed_endpoints_name_their_replacement(status: int) -> None:
    error = refuse(status, b'{"code": "not_found"}', REMOVED)
    assert type(error) is Gone and "POST /analyze" in str(error)


def test_an_unknown_video_on_a_removed_endpoint_is_only_that() -> None:
    assert type(refuse(404, b'{"code": "resource_not_exist"}', REMOVED)) is NotFound


def test_a_deprecated_endpoint_is_gone_with_410_only() -> None:
    route = Route(
        "GET", "/indexes/{index_id}/videos", lifetime=Lifetime.DEPRECATED, instead="indexes.indexed_assets.list"
    )
    assert type(refuse(404, b"", route)) is NotFound
    assert "indexes.indexed_assets.list" in str(refuse(410, b"", route))


@pytest.mark.parametrize(
    ("header_s", "body", "told_s"),
    [
        (7.0, b"", 7.0),
        (None, b"", None),
        (None, b'{"error": {"code": "RATE_LIMIT_EXCEEDED", "message": "m", "details": {"retryAfter": 9}}}', 9.0),
        (20.0, b'{"error": {"details": {"retryAfter": 9}}}', 20.0),
        (None, b'{"error": {"details": {"retryAfter": "soon"}}}', None),
        (None, b'{"error": {"details": {"retryAfter": -1}}}', None),
        (None, b'{"error": {"details": {"retryAfter": 1e300}}}', None),
    ],
)
def test_how_long_to_wait_is_the_longest_that_was_said(
    header_s: float | None, body: bytes, told_s: float | None
) -> None:
    error = refuse(429, body, wait_s=header_s)
    assert isinstance(error, RateLimited) and error.retry_after_s == told_s


REQUEST = httpx.Request("GET", SIGNED_URL, headers={"x-api-key": KEY})


@pytest.mark.parametrize(
    ("error", "kind", "outcome"),
    [
        (httpx.ConnectTimeout("t"), Unreachable, Outcome.NOT_SENT),
        (httpx.PoolTimeout("t"), Unreachable, Outcome.NOT_SENT),
        (httpx.ConnectError("c"), Unreachable, Outcome.NOT_SENT),
        (httpx.ReadTimeout("t"), Unreachable, Outcome.UNKNOWN),
        (httpx.WriteTimeout("t"), Unreachable, Outcome.UNKNOWN),
        (httpx.ReadError("r"), Unreachable, Outcome.UNKNOWN),
        (httpx.WriteError("w"), Unreachable, Outcome.UNKNOWN),
        (httpx.CloseError("w"), Unreachable, Outcome.UNKNOWN),
        (httpx.RemoteProtocolError("r"), Unreachable, Outcome.UNKNOWN),
        (httpx.DecodingError("d"), BadAnswer, Outcome.UNKNOWN),
        (httpx.LocalProtocolError(f"Illegal header value {KEY}"), Rejected, Outcome.FINAL),
        (httpx.TooManyRedirects("r"), Unreachable, Outcome.UNKNOWN),
    ],
)
def test_each_exception_has_its_class(error: httpx.RequestError, kind: type[ApiError], outcome: Outcome) -> None:
    error.request = REQUEST
    failed = from_exception(error, "GET /x")
    assert type(failed.error) is kind and failed.outcome is outcome
    assert str(failed.error).startswith("GET /x: ") and "CANARY" not in f"{failed.error!r}{failed.error.hint}"


KINDS = [kind for kind in vars(httpx).values() if isinstance(kind, type) and issubclass(kind, httpx.RequestError)]


@pytest.mark.parametrize("kind", KINDS)
def test_no_exception_of_the_library_is_forgotten(kind: type[httpx.RequestError]) -> None:
    assert isinstance(from_exception(kind("x"), "GET /x").error, ApiError)


@pytest.mark.parametrize(
    ("cause", "words", "outcome"),
    [
        (ssl.SSLCertVerificationError(1, f"Hostname mismatch for {KEY}"), "certificate is not trusted", Outcome.FINAL),
        (socket.gaierror(-3, "Temporary failure in name resolution"), "host name is not known", Outcome.NOT_SENT),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused", Outcome.NOT_SENT),
        (OSError(), "no connection", Outcome.NOT_SENT),
    ],
)
def test_why_no_connection_was_made(cause: Exception, words: str, outcome: Outcome) -> None:
    error = httpx.ConnectError("x")
    error.__cause__ = cause
    failed = from_exception(error, "GET /x")
    assert words in str(failed.error) and failed.outcome is outcome and "CANARY" not in str(failed.error)
