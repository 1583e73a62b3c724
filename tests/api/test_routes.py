from __future__ import annotations

import pytest

from tlsync.api.routes import Repeat, Route, route_of, serves
from tlsync.errors import Rejected


def test_path_is_filled_in() -> None:
    route = Route("GET", "/indexes/{index_id}/videos/{video_id}")
    assert route.path({"index_id": "abc", "video_id": "ksi_1-2"}) == "/indexes/abc/videos/ksi_1-2"


@pytest.mark.parametrize("value", ["", ".", "..", "a/b", "../x", "a?b", "a#b", "a%2fb", "a b", "ä", "a\n", "x" * 65])
def test_odd_ids_are_refused_before_anything_is_sent(value: str) -> None:
    with pytest.raises(Rejected):
        Route("GET", "/assets/{asset_id}").path({"asset_id": value})


def test_page_tokens_are_opaque_and_percent_encoded() -> None:
    assert Route("GET", "/search/{page_token}").path({"page_token": "a/b+c==?%2F"}) == "/search/a%2Fb%2Bc%3D%3D%3F%252F"


@pytest.mark.parametrize("token", ["", ".", "..", "a\nb", "x" * 5000])
def test_impossible_page_tokens_are_refused(token: str) -> None:
    with pytest.raises(Rejected):
        Route("GET", "/search/{page_token}").path({"page_token": token})


@pytest.mark.parametrize(
    ("verb", "repeat"),
    [
        ("GET", Repeat.HARMLESS),
        ("PUT", Repeat.HARMLESS),
        ("PATCH", Repeat.HARMLESS),
        ("DELETE", Repeat.HARMLESS),
        ("POST", Repeat.DUPLICATES),
    ],
)
def test_what_a_repeat_does_follows_from_the_verb(verb: str, repeat: Repeat) -> None:
    assert Route(verb, "/x").repeat is repeat


def test_each_endpoint_is_its_own_group_unless_told() -> None:
    assert Route("GET", "/x").group == "GET /x"
    assert Route("POST", "/x", group="indexing").group == "indexing"


def test_methods_know_their_route() -> None:
    route = Route("GET", "/x")

    @serves(route)
    def method() -> None: ...

    assert route_of(method) is route
    assert route_of(len) is None
