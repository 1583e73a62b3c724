from __future__ import annotations

import itertools

import httpx
import pytest

from tlsync.errors import BadAnswer, Rejected

from .conftest import MakeClient
from .helpers import ID, json_reply


def page(numbers: range, **info: int) -> httpx.Response:
    return json_reply({"data": [{"_id": str(number)} for number in numbers], "page_info": info})


def test_nothing_is_asked_before_it_is_iterated(make_client: MakeClient) -> None:
    client, wire = make_client(page(range(1), total_page=1))
    client.assets.list()
    assert wire.requests == []


def test_a_list_ends_at_the_last_page_by_count(make_client: MakeClient) -> None:
    client, wire = make_client(page(range(2), page=1, total_page=2), page(range(2, 3), page=2, total_page=2))
    assert [asset.id for asset in client.assets.list()] == ["0", "1", "2"]
    assert [request.url.params["page"] for request in wire.requests] == ["1", "2"]
    assert {request.url.params["page_limit"] for request in wire.requests} == {"50"}


def test_a_list_ends_at_an_empty_page(make_client: MakeClient) -> None:
    client, wire = make_client(page(range(2), total_page=9), page(range(0), total_page=9))
    assert len(list(client.assets.list())) == 2
    assert len(wire.requests) == 2


def test_a_list_without_any_count_ends_at_an_empty_page(make_client: MakeClient) -> None:
    client, wire = make_client(page(range(2)), page(range(2)), json_reply({}))
    assert len(list(client.assets.list())) == 4
    assert len(wire.requests) == 3


def test_a_server_that_gives_the_last_page_again_ends_the_list(make_client: MakeClient) -> None:
    client, wire = make_client(page(range(2), page=1))
    assert len(list(client.assets.list())) == 2
    assert len(wire.requests) == 2


def test_a_list_without_end_is_an_error(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlsync.api.pages._MOST_PAGES", 5)
    client, wire = make_client(page(range(1)))
    with pytest.raises(BadAnswer):
        list(client.assets.list())
    assert len(wire.requests) == 6


def test_a_list_may_begin_later(make_client: MakeClient) -> None:
    client, wire = make_client(page(range(1), page=3, total_page=3))
    assert len(list(client.assets.list(page=3, page_limit=10))) == 1
    assert dict(wire.last.url.params) == {"page": "3", "page_limit": "10"}


def test_pages_are_within_reach(make_client: MakeClient) -> None:
    client, wire = make_client(page(range(2), page=1, total_page=1, total_results=2))
    pages = client.assets.list()
    assert pages.first.page_info.total_results == 2
    assert [len(one.items) for one in pages.pages()] == [2]
    assert len(wire.requests) == 1
    assert [asset.id for asset in pages.page(7)] == ["0", "1"]
    assert wire.last.url.params["page"] == "7"


@pytest.mark.parametrize(("number", "limit"), [(0, 10), (-1, 10), (1, 0), (1, 51)])
def test_impossible_pages_are_refused_before_anything_is_sent(make_client: MakeClient, number: int, limit: int) -> None:
    client, wire = make_client()
    for listing in (client.assets.list, client.multipart_upload.list_incomplete_uploads):
        with pytest.raises(Rejected):
            listing(page=number, page_limit=limit)
    assert wire.requests == []


def test_an_upload_status_is_a_page_of_chunks_and_more(make_client: MakeClient) -> None:
    def status(first: int) -> httpx.Response:
        chunks = [
            {"index": first, "status": "completed"},
            {"index": first + 1, "status": "pending", "uploaded_at": None},
        ]
        info = {"page": (first + 1) // 2, "total_page": 2}
        return json_reply({"status": "active", "chunks_completed": 2, "uploaded_chunks": chunks, "page_info": info})

    client, wire = make_client(status(1), status(3))
    pages = client.multipart_upload.get_status(ID)
    assert (pages.first.status, pages.first.chunks_completed) == ("active", 2)
    assert [chunk.index for chunk in pages] == [1, 2, 3, 4]
    assert len(wire.requests) == 2
    assert wire.last.url.path == f"/v1.3/assets/multipart-uploads/{ID}"


def hits(*ids: str, token: str | None) -> httpx.Response:
    return json_reply({"data": [{"video_id": id, "rank": 1} for id in ids], "page_info": {"next_page_token": token}})


def test_search_follows_tokens(make_client: MakeClient) -> None:
    client, wire = make_client(hits("a", token="t/1"), hits("b", "c", token=None))
    found = client.search.create(index_id=ID, search_options=["visual"], query_text="x", include_user_metadata=True)
    assert len(wire.requests) == 1 and found.next_page_token == "t/1"
    assert [hit.video_id for hit in found] == ["a", "b", "c"]
    assert wire.last.url.raw_path == b"/v1.3/search/t%2F1?include_user_metadata=true"


def test_an_empty_token_ends_a_search(make_client: MakeClient) -> None:
    client, wire = make_client(hits("a", token=""))
    assert len(list(client.search.create(index_id=ID, search_options=["visual"]))) == 1
    assert len(wire.requests) == 1


def test_a_search_that_goes_in_circles_is_an_error(make_client: MakeClient) -> None:
    client, wire = make_client(hits("a", token="t"))
    found = client.search.create(index_id=ID, search_options=["visual"])
    with pytest.raises(BadAnswer):
        list(itertools.islice(found, 99))
    assert len(wire.requests) == 2


def test_an_expired_token_says_so(make_client: MakeClient) -> None:
    refusal = json_reply({"code": "search_page_token_expired", "message": "expired"}, status=400)
    client, _ = make_client(refusal)
    with pytest.raises(Rejected) as caught:
        client.search.retrieve("t")
    assert caught.value.remote_code == "search_page_token_expired"
