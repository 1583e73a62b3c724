"""What stands before every method: key, ids, paging, unknown paths, limits, faults, ledger."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tlsync.sandbox.faults import Rule
from tlsync.sandbox.settings import RateLimit
from tlsync.sandbox.wire import ClientGone, ConnectionCut

from .conftest import MakeCaller
from .helpers import ORIGIN, Caller, clip

MODELS = [{"model_name": "marengo3.0", "model_options": ["visual", "audio"]}]


@pytest.mark.parametrize("key", [None, "", "wrong"])
def test_wrong_key_is_refused_everywhere(caller: Caller, key: str | None) -> None:
    for route in caller.router.routes:
        if route.has_key:
            path = route.template.replace("{", "").replace("}", "")
            answer = caller(route.verb, path, key=key)
            assert (answer.status, answer.code) == (401, "api_key_invalid"), route.name


def test_every_id_must_be_known_and_well_formed(caller: Caller) -> None:
    """Every GET with ids in its path answers 404 for an unknown one and 400 for one that is no id."""
    for route in caller.router.routes:
        if route.has_key and route.verb == "GET" and "_id}" in route.template:
            for given, status in (("0" * 24, 404), ("zz", 400), ("A" * 24, 400)):
                path = "/".join(given if part.startswith("{") else part for part in route.template.split("/"))
                if "integration_id" not in route.template:
                    assert caller("GET", path).status == status, route.name


def test_every_list_pages_alike(caller: Caller) -> None:
    index_id = caller.index()
    lists = ["/indexes", "/assets", "/assets/multipart-uploads", f"/indexes/{index_id}/indexed-assets"]
    for path in [*lists, f"/indexes/{index_id}/videos"]:
        past = caller("GET", path, query=[("page", "99")]).json
        assert past["data"] == []
        assert past["page_info"]["page"] == 99
        for wrong in ({"page": "0"}, {"page": "x"}, {"page_limit": "51"}, {"page_limit": "0"}):
            assert caller("GET", path, query=wrong.items()).code == "parameter_invalid", path


def test_page_info_counts(caller: Caller) -> None:
    for number in range(5):
        caller.index(name=f"index {number}")
    listed = caller("GET", "/indexes", query=[("page", "2"), ("page_limit", "2")]).json
    assert [index["index_name"] for index in listed["data"]] == ["index 2", "index 1"]
    assert listed["page_info"] == {"limit_per_page": 2, "page": 2, "total_page": 3, "total_results": 5}


def test_unknown_path_and_unknown_parameter(caller: Caller) -> None:
    assert caller("GET", "/nothing").status == 404
    assert caller("PATCH", "/indexes").status == 404
    assert caller("GET", "/indexes", query=[("pages", "2")]).code == "parameter_unknown"
    assert caller("GET", "/indexes/").status == 404


@pytest.mark.parametrize(
    ("content", "kind"), [(b"{", "application/json"), (b"[]", "application/json"), (b"{}", "text/plain")]
)
def test_bodies_must_be_json_objects(caller: Caller, content: bytes, kind: str) -> None:
    request = httpx.Request(
        "POST",
        f"{ORIGIN}/v1.3/indexes",
        content=content,
        headers={"x-api-key": "tlsync-sandbox-key", "content-type": kind},
    )
    assert caller.send(request).code == "parameter_invalid"


def test_answers_carry_the_version(caller: Caller) -> None:
    assert caller("GET", "/indexes").headers["x-api-version"] == "1.3"


def test_a_mistake_of_the_sandbox_is_a_500(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller.world.indexes, "view", lambda index: 1 / 0)
    caller.index()
    assert caller("GET", "/indexes").status == 500


# -- rate limits --------------------------------------------------------------------------------------------


def test_rate_limit_headers_are_on_the_documented_answers(caller: Caller) -> None:
    index_id = caller.index()
    form = {"index_id": index_id, "search_options": ["visual"], "query_text": "lake"}
    for used in (1, 2):
        headers = caller("POST", "/search", form=form).headers
        assert (headers["x-ratelimit-limit"], headers["x-ratelimit-used"]) == ("3000", str(used))
        assert headers["x-ratelimit-remaining"] == str(3000 - used)
        assert int(headers["x-ratelimit-reset"]) == int(caller.clock.now().timestamp()) + 86400
    assert "x-ratelimit-limit" not in caller("GET", "/indexes").headers


def test_limit_that_is_switched_on_answers_429(make_caller: MakeCaller) -> None:
    limits = {"search.create": RateLimit(2, 60), "indexes.list": RateLimit(1, 10)}
    caller = make_caller(rate_limits=limits)
    form = {"index_id": caller.index(), "search_options": ["visual"], "query_text": "lake"}
    assert [caller("POST", "/search", form=form).status for _ in range(3)] == [200, 200, 429]
    caller.clock.advance(20)
    refused = caller("POST", "/search", form=form)
    assert (refused.status, refused.headers["retry-after"], refused.content) == (429, "40", b"")
    caller.clock.advance(40)
    assert caller("POST", "/search", form=form).status == 200
    caller("GET", "/indexes")
    refused = caller("GET", "/indexes")
    assert (refused.code, refused.headers["retry-after"]) == ("too_many_requests", "10")
    assert "1 requests" in refused.json["message"] and "10 seconds" in refused.json["message"]


# -- faults -------------------------------------------------------------------------------------------------


def body(name: str) -> dict[str, Any]:
    return {"index_name": name, "models": MODELS}


def test_nth_and_times(caller: Caller) -> None:
    rule = caller.world.faults.answer("indexes.list", 503, nth=2, times=2)
    assert [caller("GET", "/indexes").status for _ in range(4)] == [200, 503, 503, 200]
    assert (rule.seen, rule.hits) == (4, 2)


def test_rules_match_names_wildcards_and_templates(caller: Caller) -> None:
    caller.world.faults.answer("indexes.*", 500)
    caller.world.faults.answer("GET /indexes/{index_id}", 502)
    assert caller("GET", "/assets").status == 200
    assert caller("GET", "/indexes").status == 500
    assert caller("GET", f"/indexes/{'0' * 24}").status == 502
    caller.world.faults.answer("indexes.list", 500, times=None)
    caller.world.faults.clear()
    assert caller("GET", "/indexes").status == 200


def test_canned_answer_before_and_after_the_effect(caller: Caller) -> None:
    answer = {"code": "generic_error", "message": "busy"}
    caller.world.faults.answer("indexes.create", 503, body=answer, headers={"retry-after": "7"})
    refused = caller("POST", "/indexes", json_body=body("a"))
    assert (refused.status, refused.json, refused.headers["retry-after"]) == (503, answer, "7")
    assert caller("GET", "/indexes").json["data"] == []
    caller.world.faults.answer("indexes.create", 503, after_effect=True)
    assert caller("POST", "/indexes", json_body=body("a")).status == 503
    assert caller("POST", "/indexes", json_body=body("a")).code == "index_name_already_exists"


def test_lost_answer_and_reset_in_process(caller: Caller) -> None:
    caller.world.faults.lose_answer("indexes.create")
    with pytest.raises(httpx.RemoteProtocolError):
        caller("POST", "/indexes", json_body=body("a"))
    caller.world.faults.reset("indexes.create")
    with pytest.raises(httpx.ReadError):
        caller("POST", "/indexes", json_body=body("b"))
    assert [index["index_name"] for index in caller("GET", "/indexes").json["data"]] == ["a"]
    entries = caller.world.ledger.calls("indexes.create")
    assert [(entry.status, entry.is_answered) for entry in entries] == [(201, False), (0, False)]


def test_delay_runs_on_the_clock(caller: Caller) -> None:
    before = caller.clock.monotonic_s()
    caller.world.faults.delay("indexes.list", 90)
    assert caller("GET", "/indexes").status == 200
    assert caller.clock.monotonic_s() == before + 90


@pytest.mark.parametrize("value", [None, '"wrong"'])
def test_wrong_or_missing_etag(caller: Caller, value: str | None) -> None:
    """Only the answer is wrong: what is stored can be reported with the right ETag."""
    caller.world.faults.etag(value)
    session = caller(
        "POST", "/assets/multipart-uploads", json_body={"filename": "a.mp4", "type": "video", "total_size": 10}
    ).json
    assert caller.put(session["upload_urls"][0]["url"], bytes(10)).headers.get("etag") == value


def test_expire_all_urls_and_sessions(caller: Caller) -> None:
    path = "/assets/multipart-uploads"
    session = caller("POST", path, json_body={"filename": "a.mp4", "type": "video", "total_size": 10}).json
    caller.world.expire_urls()
    assert caller.put(session["upload_urls"][0]["url"], bytes(10)).status == 403
    caller.world.expire_sessions()
    assert caller("GET", f"{path}/{session['upload_id']}").json["status"] == "expired"
    assert caller("GET", f"/assets/{session['asset_id']}").json["status"] == "failed"


def test_assets_and_indexing_fail_or_stall_on_demand(caller: Caller) -> None:
    index_id, faults = caller.index(), caller.world.faults
    good = caller.upload(clip())
    faults.fail("asset", "video_file_broken")
    failed = caller("GET", f"/assets/{caller.upload(clip())}").json
    assert (failed["status"], failed["error"]["code"]) == ("failed", "video_file_broken")
    faults.stall("asset")
    stuck = caller.upload(clip())
    faults.fail("indexed_asset", "video_duration_too_long")
    faults.stall("indexed_asset", nth=2)
    path = f"/indexes/{index_id}/indexed-assets"
    ids = [caller("POST", path, json_body={"asset_id": good}).json["_id"] for _ in range(3)]
    caller.clock.advance(3600)
    assert caller("GET", f"/assets/{stuck}").json["status"] == "processing"
    items = [caller("GET", f"{path}/{indexed_id}").json for indexed_id in ids]
    assert [item["status"] for item in items] == ["failed", "indexing", "ready"]
    assert items[0]["error"]["code"] == "video_duration_too_long"


@pytest.mark.parametrize(
    ("on", "action", "more"),
    [("indexes.list", "explode", {}), ("indexes.list", "fail", {}), ("*", "reset", {"nth": 0})],
)
def test_wrong_rules_are_refused(caller: Caller, on: str, action: Any, more: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        caller.world.faults.add(Rule(on, action, **more))


# -- ledger -------------------------------------------------------------------------------------------------


def test_ledger_tells_waste_from_need(caller: Caller) -> None:
    """A PUT after an answered one is a repetition; after a lost answer it is not."""
    path = "/assets/multipart-uploads"
    session = caller("POST", path, json_body={"filename": "a.mp4", "type": "video", "total_size": 6000}).json
    more = f"{path}/{session['upload_id']}/presigned-urls"
    urls = [caller("POST", more, json_body={"start": 1, "count": 1}).json["upload_urls"][0]["url"] for _ in range(4)]
    caller.put(urls[0], bytes(3999))
    caller.world.faults.lose_answer("storage.put")
    with pytest.raises(ConnectionCut):
        caller.put(urls[1], bytes(4000))
    caller.put(urls[2], bytes(4000))
    caller.put(urls[3], bytes(4000))
    (chunk,) = caller.world.ledger.puts(session["upload_id"])
    assert (chunk.chunk, chunk.puts, chunk.stored, chunk.repeated, chunk.received_bytes) == (1, 4, 3, 1, 12000)
    assert caller.world.ledger.put_bytes() == 12000


def test_ledger_keeps_no_signature_and_no_key(caller: Caller) -> None:
    caller.upload(clip())
    text = str(caller.world.ledger.to_json())
    assert "ignature" not in text and "tlsync-sandbox-key" not in text


def test_client_that_goes_away_is_in_the_ledger(caller: Caller) -> None:
    def leaving() -> Any:
        yield b'{"index'
        raise ClientGone

    request = httpx.Request(
        "POST", f"{ORIGIN}/v1.3/indexes", content=leaving(), headers={"x-api-key": "tlsync-sandbox-key"}
    )
    with pytest.raises(httpx.WriteError):
        caller.send(request)
    (entry,) = caller.world.ledger.calls("indexes.create")
    assert (entry.status, entry.received_bytes) == (0, 7)
