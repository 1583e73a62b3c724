"""How the platform says no: status, code and text (reference, "Error bodies" and "Known error codes")."""

from __future__ import annotations

from typing import Any

from tlsync.sandbox.wire import Response, json_response

DOCS_URL = "https://docs.twelvelabs.io/api-reference/error-codes"


class Refusal(Exception):
    """A request that is answered with an error. `headers` go with the answer."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}

    def response(self) -> Response:
        """The flat error body; 404 has no `docs_url` in the reference."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.status != 404:
            body["docs_url"] = DOCS_URL
        return json_response(self.status, body, self.headers)


def invalid(message: str) -> Refusal:
    return Refusal(400, "parameter_invalid", message)


def not_provided(name: str) -> Refusal:
    return Refusal(400, "parameter_not_provided", f"The {name} parameter is required but was not provided.")


def unknown_parameter(name: str) -> Refusal:
    return Refusal(400, "parameter_unknown", f"The {name} parameter is unknown.")


def not_found(what: str, identifier: str) -> Refusal:
    return Refusal(404, "resource_not_exist", f"The {what} with id {identifier} does not exist.")


def refused(code: str, message: str) -> Refusal:
    """400 with a code of its own."""
    return Refusal(400, code, message)


NESTED_CODES = {429: "RATE_LIMIT_EXCEEDED", 404: "NOT_FOUND"}


def nested(refusal: Refusal) -> Response:
    """The error body of the `/embed-v2` family: the object sits under one key."""
    error: dict[str, Any] = {
        "code": NESTED_CODES.get(refusal.status, "VALIDATION_ERROR"),
        "message": refusal.message,
    }
    if refusal.status == 429:
        limit, wait_s = refusal.headers.get("x-ratelimit-limit", "0"), refusal.headers.get("retry-after", "0")
        error["details"] = {"retryAfter": int(wait_s), "currentLimit": int(limit)}
    return json_response(refusal.status, {"error": error}, refusal.headers)
