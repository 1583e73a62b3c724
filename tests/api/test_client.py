from __future__ import annotations

import pytest

from tlsync.api import BASE_URL, TwelveLabs
from tlsync.errors import ApiError, ConfigError
from tlsync.secret import Secret

from .conftest import MakeClient
from .helpers import ID, KEY, json_reply


@pytest.mark.parametrize("key", ["", " ", "abc\n", "a b", "käse", "a\x00b"])
def test_a_key_that_cannot_be_sent_is_refused_without_quoting_it(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        TwelveLabs(key)
    assert not key.strip() or key.strip() not in f"{caught.value}{caught.value.hint}"


def test_the_key_may_be_a_secret_or_a_text(make_client: MakeClient) -> None:
    api, wire = make_client(json_reply({"_id": ID}))
    api.assets.retrieve(ID)
    assert wire.last.headers["x-api-key"] == KEY
    with TwelveLabs(Secret(KEY), transport=wire, storage_transport=wire) as other:
        other.assets.retrieve(ID)
    assert wire.last.headers["x-api-key"] == KEY


def test_the_key_is_in_no_repr(make_client: MakeClient) -> None:
    api, _ = make_client()
    for thing in (api, api.indexes, api._requests, api._requests._http, api._requests._http.auth, api.storage):
        assert KEY not in repr(thing)
        assert KEY not in repr(getattr(thing, "__dict__", {}))


def test_plain_http_is_for_loopback_only() -> None:
    TwelveLabs(KEY, "http://127.0.0.1:1/v1.3").close()
    with pytest.raises(ConfigError):
        TwelveLabs(KEY, "http://api.twelvelabs.io/v1.3")


def test_the_base_url_is_known(make_client: MakeClient) -> None:
    with TwelveLabs(KEY) as api:
        assert api.base_url == BASE_URL


def test_closing_twice_does_no_harm(make_client: MakeClient) -> None:
    api, _ = make_client()
    api.close()
    api.close()


def test_good_answers_are_shown_whole_before_their_call_returns(make_client: MakeClient) -> None:
    """Also fields that the types do not have; nothing of an answer that is refused."""
    shown: list[object] = []
    good = {"_id": ID, "born_in": None}
    api, _ = make_client(json_reply(good), json_reply({"_id": 5}), json_reply({}, 404), on_answer=shown.append)
    api.assets.retrieve(ID)
    assert shown == [good]
    for _ in range(2):
        with pytest.raises(ApiError):
            api.assets.retrieve(ID)
    assert shown == [good]
