"""The sandbox's own calls, under `/sandbox`: faults and the ledger, for tests that speak to it over HTTP."""

from __future__ import annotations

from typing import Any

import msgspec

from tlsync.sandbox.calls import JSON_LIMIT_BYTES
from tlsync.sandbox.faults import Rule
from tlsync.sandbox.refusals import invalid
from tlsync.sandbox.wire import Request, Response, empty_response, json_response
from tlsync.sandbox.world import World

CONTROL = "/sandbox"


class RuleForm(msgspec.Struct, forbid_unknown_fields=True):
    """The JSON form of a fault. `expire_urls` and `expire_sessions` happen at once and need no `on`."""

    action: str
    on: str = "*"
    nth: int = 1
    times: int | None = 1
    status: int = 503
    body: Any = None
    headers: dict[str, str] = {}
    after_effect: bool = False
    delay_s: float = 0.0
    keep_bytes: int = 0
    etag: str | None = None
    code: str = "video_file_broken"


def handle_control(world: World, request: Request) -> Response:
    """`GET /sandbox/ledger`, `GET|POST|DELETE /sandbox/faults`."""
    match request.method, request.path:
        case "GET", "/sandbox/ledger":
            return json_response(200, world.ledger.to_json())
        case "GET", "/sandbox/faults":
            return json_response(200, {"faults": world.faults.to_json()})
        case "DELETE", "/sandbox/faults":
            world.faults.clear()
            return empty_response()
        case "POST", "/sandbox/faults":
            return _add(world, request)
    return json_response(404, {"code": "not_found", "message": "The sandbox has no such call."})


def _add(world: World, request: Request) -> Response:
    raw = request.body.read(JSON_LIMIT_BYTES)
    try:
        form = msgspec.json.decode(raw or b"{}", type=RuleForm)
    except msgspec.DecodeError as error:
        raise invalid(f"The fault is not valid: {error}.") from None
    if form.action == "expire_urls":
        world.expire_urls()
        return empty_response()
    if form.action == "expire_sessions":
        world.expire_sessions()
        return empty_response()
    try:
        rule = Rule(**msgspec.structs.asdict(form))
    except ValueError as error:
        raise invalid(f"The fault is not valid: {error}.") from None
    world.faults.add(rule)
    return json_response(201, {"on": rule.on, "action": rule.action})
