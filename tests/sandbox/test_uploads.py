"""Upload sessions and the storage behind their URLs."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tlsync.sandbox.settings import SandboxSettings

from .conftest import CHUNK_BYTES, MakeCaller
from .helpers import Answer, Caller, clip, report_of

SESSIONS = "/assets/multipart-uploads"
CONTENT = clip(pad_bytes=3 * CHUNK_BYTES + 100)  # four chunks, the last one short


def open_session(caller: Caller, size: int = len(CONTENT), filename: str = "lake.mp4") -> dict[str, Any]:
    answer = caller("POST", SESSIONS, json_body={"filename": filename, "type": "video", "total_size": size})
    assert answer.status == 201
    session: dict[str, Any] = answer.json
    return session


def part(chunk: int) -> bytes:
    return CONTENT[(chunk - 1) * CHUNK_BYTES : chunk * CHUNK_BYTES]


def fresh_url(caller: Caller, session: dict[str, Any], chunk: int) -> str:
    answer = caller("POST", f"{SESSIONS}/{session['upload_id']}/presigned-urls", json_body={"start": chunk, "count": 1})
    url: str = answer.json["upload_urls"][0]["url"]
    return url


def report(caller: Caller, session: dict[str, Any], *entries: dict[str, Any]) -> Answer:
    return caller("POST", f"{SESSIONS}/{session['upload_id']}", json_body={"completed_chunks": list(entries)})


def send(caller: Caller, session: dict[str, Any], chunk: int) -> dict[str, Any]:
    answer = caller.put(fresh_url(caller, session, chunk), part(chunk))
    assert answer.status == 200
    return report_of(chunk, part(chunk), answer.headers["etag"])


def status(caller: Caller, session: dict[str, Any], **query: str) -> dict[str, Any]:
    answer: dict[str, Any] = caller("GET", f"{SESSIONS}/{session['upload_id']}", query=query.items()).json
    return answer


def test_session_answer_covers_only_the_first_urls(caller: Caller) -> None:
    session = open_session(caller)
    assert session["total_chunks"] == 4
    assert session["chunk_size"] == CHUNK_BYTES
    assert [entry["chunk_index"] for entry in session["upload_urls"]] == [1, 2, 3]
    assert session["upload_headers"] == {"Content-Type": "application/octet-stream"}
    assert session["expires_at"] == "2026-01-02T12:00:00.000Z"
    assert session["upload_urls"][0]["expires_at"] == "2026-01-01T13:00:00.000Z"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "video", "total_size": 10}, "parameter_not_provided"),
        ({"filename": "", "type": "video", "total_size": 10}, "parameter_invalid"),
        ({"filename": "x" * 256, "type": "video", "total_size": 10}, "parameter_invalid"),
        ({"filename": "a.mp4", "total_size": 10}, "parameter_not_provided"),
        ({"filename": "a.jpg", "type": "image", "total_size": 10}, "parameter_invalid"),
        ({"filename": "a.mp4", "type": "video", "total_size": 0}, "parameter_invalid"),
        ({"filename": "a.mp4", "type": "video", "total_size": 4 * 1024**3 + 1}, "parameter_invalid"),
        ({"filename": "a.mp4", "type": "video", "total_size": "10"}, "parameter_invalid"),
        ({"filename": "a.mp4", "type": "video", "total_size": True}, "parameter_invalid"),
        ({"filename": "a.mp4", "type": "video", "total_size": 10, "user_metadata": {}}, "parameter_unknown"),
    ],
)
def test_session_parameters_are_checked(caller: Caller, body: dict[str, Any], code: str) -> None:
    answer = caller("POST", SESSIONS, json_body=body)
    assert (answer.status, answer.code) == (400, code)
    assert caller.world.ledger.sessions() == []


def test_whole_upload_becomes_an_asset_with_the_same_bytes(caller: Caller) -> None:
    asset_id = caller.upload(CONTENT)
    asset = caller("GET", f"/assets/{asset_id}").json
    assert asset["status"] == "ready"
    assert asset["method"] == "direct"
    assert caller.get(asset["url"]).content == CONTENT
    assert caller.world.ledger.assets_by_sha256() == {hashlib.sha256(CONTENT).hexdigest(): [asset_id]}


def test_asset_waits_for_its_bytes_and_is_then_processed(caller: Caller) -> None:
    session = open_session(caller)
    asset = f"/assets/{session['asset_id']}"
    assert caller("GET", asset).json["status"] == "waiting"
    report(caller, session, *(send(caller, session, chunk) for chunk in range(1, 5)))
    assert caller("GET", asset).json["status"] == "processing"
    caller.clock.advance(0.2)
    assert caller("GET", asset).json["status"] == "ready"


def test_unreadable_file_fails(caller: Caller) -> None:
    asset_id = caller.upload(b"no media at all")
    asset = caller("GET", f"/assets/{asset_id}").json
    assert asset["status"] == "failed"
    assert asset["error"]["code"] == "video_file_broken"


def test_put_answers_the_quoted_md5(caller: Caller) -> None:
    session = open_session(caller)
    answer = caller.put(session["upload_urls"][0]["url"], part(1))
    assert answer.status == 200
    assert answer.headers["etag"] == f'"{hashlib.md5(part(1)).hexdigest()}"'
    assert answer.content == b""


def test_url_serves_once(caller: Caller) -> None:
    url = open_session(caller)["upload_urls"][0]["url"]
    assert caller.put(url, part(1)).status == 200
    assert caller.put(url, part(1)).status == 403


def test_url_expires_after_an_hour(caller: Caller) -> None:
    session = open_session(caller)
    caller.clock.advance(3600)
    assert caller.put(session["upload_urls"][0]["url"], part(1)).status == 403
    assert caller.put(fresh_url(caller, session, 1), part(1)).status == 200


def test_url_is_good_for_its_own_chunk_only(caller: Caller) -> None:
    first, second, _ = (entry["url"] for entry in open_session(caller)["upload_urls"])
    assert caller.put(first.split("?")[0] + "?" + second.split("?")[1], part(1)).status == 403
    assert caller.put(first.split("?")[0], part(1)).status == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-api-key": "tlsync-sandbox-key"}, 400),
        ({"content-length": None}, 411),
        ({"content-length": None, "transfer-encoding": "chunked"}, 411),
        ({"content-type": "text/plain"}, 403),
        ({"content-type": None}, 403),
    ],
)
def test_put_with_wrong_headers_is_refused_and_spends_nothing(
    caller: Caller, headers: dict[str, str | None], status: int
) -> None:
    url = open_session(caller)["upload_urls"][0]["url"]
    assert caller.put(url, part(1), headers).status == status
    assert caller.put(url, part(1)).status == 200


@pytest.mark.parametrize("content", [part(1) + b"x", part(1)[:-1], b""])
def test_put_of_a_wrong_size_is_refused(caller: Caller, content: bytes) -> None:
    url = open_session(caller)["upload_urls"][0]["url"]
    assert caller.put(url, content).status == 400
    assert caller.put(url, content, {"content-length": str(CHUNK_BYTES)}).status == 400
    assert caller.put(url, part(1)).status == 200


def test_second_put_replaces_the_first_until_reported(caller: Caller) -> None:
    session = open_session(caller)
    wrong = bytes(CHUNK_BYTES)
    caller.put(fresh_url(caller, session, 1), wrong)
    entries = [send(caller, session, chunk) for chunk in range(1, 5)]
    assert report(caller, session, report_of(1, wrong)).status == 400
    assert report(caller, session, entries[0]).status == 200
    caller.put(fresh_url(caller, session, 1), wrong)
    assert "url" in report(caller, session, *entries[1:]).json
    caller.clock.advance(1)
    asset = caller("GET", f"/assets/{session['asset_id']}").json
    assert caller.get(asset["url"]).content == CONTENT


@pytest.mark.parametrize(
    "change",
    [
        {"proof": "0" * 32},
        {"proof": ""},
        {"proof_type": "md5"},
        {"proof_type": None},
        {"chunk_size": CHUNK_BYTES - 1},
        {"chunk_index": 0},
        {"chunk_index": 5},
        {"chunk_index": 2},
        {"extra": 1},
    ],
)
def test_wrong_report_is_refused_whole(caller: Caller, change: dict[str, Any]) -> None:
    """Nothing of a report counts when one of its entries is wrong."""
    session = open_session(caller)
    good, bad = send(caller, session, 3), send(caller, session, 1)
    changed = {key: value for key, value in {**bad, **change}.items() if value is not None}
    assert report(caller, session, good, changed).status == 400
    assert status(caller, session)["chunks_completed"] == 0


@pytest.mark.parametrize("count", [0, 51])
def test_report_has_1_to_50_entries(caller: Caller, count: int) -> None:
    session = open_session(caller)
    entry = send(caller, session, 1)
    assert report(caller, session, *[entry] * count).status == 400


def test_report_takes_quoted_proofs_and_counts_duplicates(caller: Caller) -> None:
    session = open_session(caller)
    entry = send(caller, session, 2)
    quoted = {**entry, "proof": f'"{entry["proof"]}"'}
    answer = report(caller, session, quoted, entry).json
    assert (answer["processed_chunks"], answer["duplicate_chunks"], answer["total_completed"]) == (1, 1, 1)
    assert "url" not in answer
    answer = report(caller, session, entry).json
    assert (answer["processed_chunks"], answer["duplicate_chunks"], answer["total_completed"]) == (0, 1, 1)


def test_last_report_completes_and_a_repeated_one_changes_nothing(caller: Caller) -> None:
    session = open_session(caller)
    entries = [send(caller, session, chunk) for chunk in (4, 2, 3, 1)]
    assert "url" not in report(caller, session, *entries[:3]).json
    assert "url" in report(caller, session, entries[3]).json
    again = report(caller, session, *entries).json
    assert again["duplicate_chunks"] == again["total_completed"] == 4
    assert "url" not in again
    assert status(caller, session)["status"] == "completed"
    assert len(caller.world.ledger.assets_by_sha256()) == 1
    assert caller("GET", SESSIONS).json["data"] == []


def test_completed_session_takes_nothing_more(caller: Caller) -> None:
    session = open_session(caller)
    spare = fresh_url(caller, session, 1)
    report(caller, session, *(send(caller, session, chunk) for chunk in range(1, 5)))
    assert caller.put(spare, part(1)).status == 403
    more = caller("POST", f"{SESSIONS}/{session['upload_id']}/presigned-urls", json_body={"start": 1, "count": 1})
    assert more.status == 400


def test_status_lists_all_chunks_page_by_page(caller: Caller) -> None:
    session = open_session(caller)
    report(caller, session, send(caller, session, 2))
    found = status(caller, session)
    assert [(chunk["index"], chunk["status"]) for chunk in found["uploaded_chunks"]] == [
        (1, "pending"),
        (2, "completed"),
        (3, "pending"),
        (4, "pending"),
    ]
    assert (found["chunks_completed"], found["chunks_failed"], found["chunks_pending"]) == (1, 0, 3)
    assert (found["total_size"], found["uploaded_size"]) == (len(CONTENT), CHUNK_BYTES)
    assert found["page_info"] == {"limit_per_page": 10, "page": 1, "total_page": 1, "total_results": 4}
    second = status(caller, session, page="2", page_limit="3")
    assert [chunk["index"] for chunk in second["uploaded_chunks"]] == [4]
    assert status(caller, session, page="3", page_limit="3")["uploaded_chunks"] == []


def test_session_expires_after_a_day(caller: Caller) -> None:
    session = open_session(caller)
    entry = send(caller, session, 1)
    caller.clock.advance(24 * 3600)
    assert status(caller, session)["status"] == "expired"
    assert report(caller, session, entry).status == 400
    more = caller("POST", f"{SESSIONS}/{session['upload_id']}/presigned-urls", json_body={"start": 1, "count": 1})
    assert more.status == 400
    assert caller("GET", f"/assets/{session['asset_id']}").json["status"] == "failed"
    assert [entry["status"] for entry in caller("GET", SESSIONS).json["data"]] == ["expired"]


def test_incomplete_uploads_are_listed_newest_first(caller: Caller) -> None:
    sessions = [open_session(caller) for _ in range(3)]
    listed = caller("GET", SESSIONS, query=[("page_limit", "2")]).json
    assert [entry["upload_id"] for entry in listed["data"]] == [sessions[2]["upload_id"], sessions[1]["upload_id"]]
    assert listed["data"][0]["total_chunks"] == 4
    assert "asset_id" not in listed["data"][0]
    assert listed["page_info"] == {"limit_per_page": 2, "page": 1, "total_page": 2, "total_results": 3}


@pytest.mark.parametrize(("start", "count"), [(0, 1), (1, 0), (1, 51), (4, 2), (5, 1), ("1", 1)])
def test_url_ranges_are_checked(caller: Caller, start: Any, count: int) -> None:
    session = open_session(caller)
    path = f"{SESSIONS}/{session['upload_id']}/presigned-urls"
    assert caller("POST", path, json_body={"start": start, "count": count}).status == 400


def test_more_urls_for_any_chunk_at_any_time(caller: Caller) -> None:
    session = open_session(caller)
    path = f"{SESSIONS}/{session['upload_id']}/presigned-urls"
    answer = caller("POST", path, json_body={"start": 2, "count": 3}).json
    assert [entry["chunk_index"] for entry in answer["upload_urls"]] == [2, 3, 4]
    assert (answer["start_index"], answer["count"]) == (2, 3)
    assert answer["upload_urls"][0]["url"] != session["upload_urls"][1]["url"]
    assert caller.put(session["upload_urls"][1]["url"], part(2)).status == 200


def test_unknown_and_malformed_ids(caller: Caller) -> None:
    unknown = caller("GET", f"{SESSIONS}/{'0' * 24}")
    assert (unknown.status, unknown.code) == (404, "resource_not_exist")
    assert "docs_url" not in unknown.json
    assert caller("GET", f"{SESSIONS}/nonsense").code == "parameter_invalid"


def test_deleting_an_unfinished_asset_ends_its_session(caller: Caller) -> None:
    session = open_session(caller)
    assert caller("DELETE", f"/assets/{session['asset_id']}").status == 204
    assert status(caller, session)["status"] == "expired"


def test_everything_survives_a_restart(make_caller: MakeCaller) -> None:
    """As after a kill: the first world is never closed before the second one opens the folder."""
    before = make_caller()
    session = open_session(before)
    entries = [send(before, session, chunk) for chunk in (1, 2)]
    report(before, session, entries[0])
    spare = fresh_url(before, session, 3)
    after = make_caller()
    assert status(after, session)["chunks_completed"] == 1
    assert after.put(spare, part(3)).status == 200
    assert after.put(session["upload_urls"][0]["url"], part(1)).status == 200
    third, fourth = report_of(3, part(3)), send(after, session, 4)
    assert "url" in report(after, session, entries[1], third, fourth).json
    after.clock.advance(1)
    assert after("GET", f"/assets/{session['asset_id']}").json["status"] == "ready"


def test_crash_before_the_asset_was_made_is_made_good(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """All chunks are reported, but the asset could not be put together: the next look does it."""
    session = open_session(caller)
    entries = [send(caller, session, chunk) for chunk in range(1, 5)]
    with monkeypatch.context() as patch:
        patch.setattr(caller.world.storage, "join", lambda files: 1 / 0)
        assert report(caller, session, *entries).status == 500
    found = status(caller, session)
    assert (found["status"], found["chunks_completed"]) == ("completed", 4)


def test_later_platform_takes_larger_and_other_files(later: Caller) -> None:
    body = {"filename": "a.jpg", "type": "image", "total_size": 10, "user_metadata": {"k": ["a"]}, "enable_hls": True}
    assert later("POST", SESSIONS, json_body=body).status == 201
    assert later("POST", SESSIONS, json_body={**body, "total_size": 33 * 1024**2}).status == 400
    video = {"filename": "a.mov", "type": "video", "total_size": 10 * 1024**3}
    assert later("POST", SESSIONS, json_body=video).status == 201


def test_later_platform_says_multipart_and_processing(later: Caller) -> None:
    session = open_session(later)
    waiting = later("GET", f"/assets/{session['asset_id']}").json
    assert (waiting["status"], waiting["method"]) == ("processing", "multipart")
    assert "url" not in waiting


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="chunk_size_bytes"):
        SandboxSettings(chunk_size_bytes=0)
    with pytest.raises(ValueError, match="platform"):
        SandboxSettings(platform="2027-01")  # type: ignore[arg-type]
