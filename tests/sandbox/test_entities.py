"""Entities and their collections, and entities in a search."""

from __future__ import annotations

from typing import Any

import pytest

from .helpers import Answer, Caller, clip, png

COLLECTIONS = "/entity-collections"


def image(caller: Caller, width: int = 200) -> str:
    form = {"method": "direct"}
    asset_id: str = caller("POST", "/assets", form=form, files={"file": ("kim.png", png(width))}).json["_id"]
    caller.clock.advance(1)
    return asset_id


def collection(caller: Caller, name: str = "team") -> str:
    collection_id: str = caller("POST", COLLECTIONS, json_body={"name": name}).json["_id"]
    return collection_id


def entity(caller: Caller, collection_id: str, **body: Any) -> Answer:
    return caller("POST", f"{COLLECTIONS}/{collection_id}/entities", json_body={"name": "Kim", **body})


def test_entity_becomes_ready_and_again_after_new_assets(caller: Caller) -> None:
    team, first = collection(caller), image(caller)
    made = entity(caller, team, asset_ids=[first], description="Goalkeeper", metadata={"number": 1, "left": True})
    assert (made.status, made.json["status"]) == (201, "processing")
    path = f"{COLLECTIONS}/{team}/entities/{made.json['_id']}"
    caller.clock.advance(1)
    assert caller("GET", path).json["status"] == "ready"
    second = image(caller, 300)
    changed = caller("POST", f"{path}/assets", json_body={"asset_ids": [second, first]})
    assert (changed.status, changed.json["status"]) == (200, "processing")
    assert changed.json["asset_ids"] == [first, second]
    caller.clock.advance(1)
    taken = caller("DELETE", f"{path}/assets", json_body={"asset_ids": [first]})
    assert (taken.status, taken.json["asset_ids"], taken.json["status"]) == (200, [second], "ready")
    assert caller("DELETE", f"{path}/assets", json_body={"asset_ids": [second]}).status == 400
    assert caller("DELETE", f"{path}/assets", json_body={"asset_ids": [first]}).status == 400


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "Kim"}, "parameter_not_provided"),
        ({"name": "Kim", "asset_ids": []}, "parameter_invalid"),
        ({"name": "Kim", "asset_ids": ["0" * 24]}, "resource_not_exist"),
        ({"name": "Kim", "asset_ids": ["x"]}, "parameter_invalid"),
        ({"name": "Kim", "asset_ids": [1]}, "parameter_invalid"),
        ({"name": "", "asset_ids": ["IMAGE"]}, "parameter_invalid"),
        ({"name": "Kim", "asset_ids": ["VIDEO"]}, "parameter_invalid"),
        ({"name": "Kim", "asset_ids": ["IMAGE"], "metadata": {"a": {}}}, "parameter_invalid"),
        ({"name": "Kim", "asset_ids": ["IMAGE"], "age": 3}, "parameter_unknown"),
    ],
)
def test_wrong_entities_are_refused(caller: Caller, body: dict[str, Any], code: str) -> None:
    ids = {"IMAGE": image(caller), "VIDEO": caller.upload(clip())}
    body = {**body, "asset_ids": [ids.get(str(one), one) for one in body["asset_ids"]]} if "asset_ids" in body else body
    answer = caller("POST", f"{COLLECTIONS}/{collection(caller)}/entities", json_body=body)
    assert (answer.status, answer.code) == (400, code)


def test_bulk_takes_what_is_good(caller: Caller) -> None:
    team, picture = collection(caller), image(caller)
    entities = [{"name": "Kim", "asset_ids": [picture]}, {"name": "Lee", "asset_ids": ["0" * 24]}, {"asset_ids": []}, 7]
    answer = caller("POST", f"{COLLECTIONS}/{team}/entities/bulk", json_body={"entities": entities})
    assert answer.status == 201
    assert (answer.json["success_count"], answer.json["failed_count"]) == (1, 3)
    assert [error["entity_index"] for error in answer.json["errors"]] == [1, 2, 3]
    assert answer.json["entities"][0]["status"] == "processing"


def test_updates_keep_what_is_not_named(caller: Caller) -> None:
    team = collection(caller)
    made = entity(caller, team, asset_ids=[image(caller)], metadata={"a": 1}).json
    path = f"{COLLECTIONS}/{team}/entities/{made['_id']}"
    changed = caller("PATCH", path, json_body={"description": "Goalkeeper"}).json
    assert (changed["name"], changed["description"], changed["metadata"]) == ("Kim", "Goalkeeper", {"a": 1})
    assert caller("PATCH", path, json_body={"metadata": {"b": 2}}).json["metadata"] == {"b": 2}
    renamed = caller("PATCH", f"{COLLECTIONS}/{team}", json_body={"description": "First"}).json
    assert (renamed["name"], renamed["description"]) == ("team", "First")


def test_lists_filter_and_sort(caller: Caller) -> None:
    teams = [collection(caller, name) for name in ("b", "a")]
    picture = image(caller)
    for team, name in ((0, "Kim"), (0, "Lee"), (1, "Ada")):
        entity(caller, teams[team], name=name, asset_ids=[picture])
        caller.clock.advance(1)
    entity(caller, teams[1], name="New", asset_ids=[picture])

    def names(path: str, **query: str) -> list[str]:
        return [one["name"] for one in caller("GET", path, query=query.items()).json["data"]]

    assert names(COLLECTIONS) == ["a", "b"]
    assert names(COLLECTIONS, sort_by="name", sort_option="desc") == ["b", "a"]
    assert names(COLLECTIONS, name="b") == ["b"]
    assert names(f"{COLLECTIONS}/{teams[0]}/entities") == ["Lee", "Kim"]
    assert names(f"{COLLECTIONS}/{teams[1]}/entities", status="ready") == ["Ada"]
    assert names("/entities", sort_by="name", sort_option="asc") == ["Ada", "Kim", "Lee", "New"]
    assert names("/entities", status="processing") == ["New"]
    (ada,) = caller("GET", "/entities", query=[("name", "Ada")]).json["data"]
    assert (ada["entity_collection_id"], ada["entity_collection_name"]) == (teams[1], "a")
    assert caller.get(ada["asset_urls"][0]).content == png()
    assert caller("GET", "/entities", query=[("sort_by", "age")]).status == 400


def test_deleting_a_collection_deletes_its_entities_but_no_assets(caller: Caller) -> None:
    team, picture = collection(caller), image(caller)
    made = entity(caller, team, asset_ids=[picture]).json["_id"]
    other = collection(caller, "other")
    assert caller("GET", f"{COLLECTIONS}/{other}/entities/{made}").status == 404
    assert caller("DELETE", f"{COLLECTIONS}/{team}").status == 204
    assert caller("GET", f"{COLLECTIONS}/{team}/entities/{made}").status == 404
    assert caller("GET", "/entities").json["data"] == []
    assert caller("GET", f"/assets/{picture}").status == 200


def test_assets_of_entities_do_not_grow_old(caller: Caller) -> None:
    picture, other = image(caller), image(caller, 300)
    entity(caller, collection(caller), asset_ids=[picture])
    caller.clock.advance(72 * 3600)
    assert caller("GET", f"/assets/{picture}").status == 200
    assert caller("GET", f"/assets/{other}").status == 404


def test_entities_can_be_named_in_a_search(caller: Caller) -> None:
    index_id = caller.index()
    caller.indexed(index_id, clip(lines=[(1.0, 2.0, "Kim saves a goal"), (3.0, 4.0, "rain")]))
    made = entity(caller, collection(caller), asset_ids=[image(caller)]).json["_id"]
    form = {"index_id": index_id, "search_options": ["transcription"], "query_text": f"<@{made}> saves"}
    assert caller("POST", "/search", form=form).code == "parameter_invalid"
    caller.clock.advance(1)
    assert [hit["start"] for hit in caller("POST", "/search", form=form).json["data"]] == [1.0]


def test_later_platform_names_the_collection_and_has_no_list_of_all(later: Caller) -> None:
    team = collection(later)
    assert entity(later, team, asset_ids=[image(later)]).json["entity_collection_id"] == team
    assert later("GET", "/entities").status == 404
