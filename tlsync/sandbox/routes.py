"""Which method answers which call, and what stands before and after each: host, key, limits, faults, ledger."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterator
from urllib.parse import urlsplit

import msgspec

from tlsync.sandbox.calls import Call
from tlsync.sandbox.control import CONTROL, handle_control
from tlsync.sandbox.faults import Rule
from tlsync.sandbox.methods import Route, routes_of
from tlsync.sandbox.quotas import REPORTED
from tlsync.sandbox.refusals import Refusal, nested
from tlsync.sandbox.wire import ClientGone, ConnectionCut, Request, Response, json_response
from tlsync.sandbox.world import World

logger = logging.getLogger(__name__)

API_VERSION = "1.3"
NESTED = "/embed-v2"


class Router:
    """Answers requests. One per world; safe to use from any thread."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.routes = routes_of(world)
        self._patterns = [(route.pattern, route) for route in self.routes]

    def handle(self, request: Request) -> Response:
        """Answer one request.

        Raises:
            ConnectionCut: A fault wants no answer to go out.
            ClientGone: The client went away in the middle of its body.
        """
        try:
            _check_origin(request)
            if request.path.startswith(f"{CONTROL}/"):
                return handle_control(self.world, request)
        except Refusal as refusal:
            return refusal.response()
        found = self._find(request)
        if found is None:
            self.world.ledger.record("unknown", request.method, request.path, 404)
            return json_response(
                404, {"code": "not_found", "message": f"{request.method} {request.path} is not known."}
            )
        route, path = found
        call = Call(request, path, self.world.core.scratch_folder)
        try:
            return self._handle(route, call)
        finally:
            call.close()

    def _find(self, request: Request) -> tuple[Route, dict[str, str]] | None:
        for pattern, route in self._patterns:
            match = pattern.match(request.path) if route.verb == request.method else None
            if match:
                return route, match.groupdict()
        return None

    def _handle(self, route: Route, call: Call) -> Response:
        rules = self.world.faults.due(route.name, f"{route.verb} {route.template}")
        try:
            self._before(rules)
            response = self._canned(rules, after_effect=False) or self._answer(route, call)
            response = self._canned(rules, after_effect=True) or response
        except (ConnectionCut, ClientGone):
            self._record(route, call, 0, is_answered=False)
            raise
        is_lost = any(rule.action == "lose_answer" for rule in rules)
        self._record(route, call, response.status, is_answered=not is_lost)
        if is_lost:
            raise ConnectionCut
        return _after(rules, response)

    def _before(self, rules: list[Rule]) -> None:
        for rule in rules:
            if rule.action == "delay":
                self.world.clock.wait(self.world.core.stop, rule.delay_s)
            if rule.action == "reset":
                raise ConnectionCut(is_reset=True)

    def _canned(self, rules: list[Rule], *, after_effect: bool) -> Response | None:
        for rule in rules:
            if rule.action == "answer" and rule.after_effect == after_effect:
                is_text = rule.body is None or isinstance(rule.body, str)
                body = (rule.body or "").encode() if is_text else msgspec.json.encode(rule.body)
                kind = {} if not body else {"content-type": "text/plain" if is_text else "application/json"}
                return Response(rule.status, {**kind, **rule.headers}, body)
        return None

    def _answer(self, route: Route, call: Call) -> Response:
        try:
            if route.has_key:
                self._check_key(call.request)
            limit_headers = self._check_quota(route)
            response = route.method(call)
        except Refusal as refusal:
            is_nested = route.template.startswith(NESTED) and refusal.status != 401
            response = nested(refusal) if is_nested else refusal.response()
            limit_headers = {}
        except (ConnectionCut, ClientGone):
            raise
        except Exception:  # a mistake of ours: the client gets what a broken server answers
            logger.exception("the sandbox failed: %s %s", route.verb, route.template)
            response, limit_headers = json_response(500, {"code": "generic_error", "message": "sandbox error"}), {}
        if route.has_key:
            response.headers["x-api-version"] = API_VERSION
            if response.status == 204 and self.world.settings.is_later:
                response.status = 200  # so the newest description says (contract, 1.5)
        if response.status == 200 and route.name in REPORTED:
            response.headers.update(limit_headers)
        return response

    def _check_key(self, request: Request) -> None:
        sent = request.headers.get("x-api-key", "")
        if not hmac.compare_digest(sent.encode(), self.world.settings.api_key.encode()):
            raise Refusal(401, "api_key_invalid", "The API key is missing, wrong or expired.")

    def _check_quota(self, route: Route) -> dict[str, str]:
        headers, wait_s = self.world.quotas.take(route.name, self.world.core.now_ms())
        if wait_s is None:
            return headers
        headers["retry-after"] = str(wait_s)
        raise TooMany(route.name, headers, wait_s)

    def _record(self, route: Route, call: Call, status: int, *, is_answered: bool) -> None:
        self.world.ledger.record(
            route.name,
            call.request.method,
            call.request.path,
            status,
            received_bytes=call.request.body.received_bytes,
            is_answered=is_answered,
            upload_id=call.upload_id,
            chunk=call.chunk,
        )


class TooMany(Refusal):
    """429; without a body on the methods for which the reference documents none."""

    def __init__(self, name: str, headers: dict[str, str], wait_s: int) -> None:
        limit = headers["x-ratelimit-limit"]
        message = f"You have exceeded the rate limit ({limit} requests). Try again in {wait_s} seconds."
        super().__init__(429, "too_many_requests", message, headers)
        self._has_body = name not in REPORTED

    def response(self) -> Response:
        return super().response() if self._has_body else Response(429, dict(self.headers))


def _check_origin(request: Request) -> None:
    """Only who knows this server by its own name may speak: a web page elsewhere must not (DNS rebinding, CSRF)."""
    origin = urlsplit(request.origin)
    names = {origin.netloc, origin.netloc.replace("127.0.0.1", "localhost")}
    if request.headers.get("host", origin.netloc) not in names:
        raise Refusal(421, "wrong_host", "This server only answers to its own name.")
    page = request.headers.get("origin")
    if page is not None and urlsplit(page).netloc not in names:
        raise Refusal(403, "wrong_origin", "This server does not answer to web pages.")


def _after(rules: list[Rule], response: Response) -> Response:
    for rule in rules:
        if rule.action == "etag" and response.status == 200:
            response.headers.pop("etag", None)
            if rule.etag is not None:
                response.headers["etag"] = rule.etag
        if rule.action == "cut_body":
            body = response.body
            length = None if not isinstance(body, bytes) else len(body)
            if length is not None:
                response.headers["content-length"] = str(length)
            response.body = _cut(iter([body]) if isinstance(body, bytes) else body, rule.keep_bytes)
    return response


def _cut(blocks: Iterator[bytes], keep_bytes: int) -> Iterator[bytes]:
    for block in blocks:
        if len(block) > keep_bytes:
            yield block[:keep_bytes]
            break
        keep_bytes -= len(block)
        yield block
    raise ConnectionCut
