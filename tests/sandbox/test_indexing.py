"""Indexes, indexed assets, videos and assets: states over time, limits, filters, metadata."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import MakeCaller
from .helpers import Caller, clip, png

MARENGO = {"model_name": "marengo3.0", "model_options": ["visual", "audio"]}
PEGASUS = {"model_name": "pegasus1.2", "model_options": ["visual"]}


def add(caller: Caller, index_id: str, asset_id: str, **more: Any) -> str:
    answer = caller("POST", f"/indexes/{index_id}/indexed-assets", json_body={"asset_id": asset_id, **more})
    assert answer.status == 202, answer.content
    indexed_id: str = answer.json["_id"]
    assert answer.headers["location"] == f"/indexes/{index_id}/indexed-assets/{indexed_id}"
    return indexed_id


def listed(caller: Caller, index_id: str, *query: tuple[str, str], kind: str = "indexed-assets") -> list[str]:
    answer = caller("GET", f"/indexes/{index_id}/{kind}", query=query)
    assert answer.status == 200, answer.content
    return [item["system_metadata"]["filename"] for item in answer.json["data"]]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"models": [MARENGO]}, "parameter_not_provided"),
        ({"index_name": "a"}, "parameter_invalid"),
        ({"index_name": "a", "models": []}, "parameter_invalid"),
        ({"index_name": "a", "models": [MARENGO, PEGASUS, PEGASUS]}, "parameter_invalid"),
        ({"index_name": "a", "models": [MARENGO, MARENGO]}, "parameter_invalid"),
        ({"index_name": "a", "models": [{**MARENGO, "model_name": "marengo9"}]}, "parameter_invalid"),
        ({"index_name": "a", "models": [{"model_name": "marengo3.0"}]}, "parameter_invalid"),
        ({"index_name": "a", "models": [{**MARENGO, "model_options": ["smell"]}]}, "parameter_invalid"),
        ({"index_name": "a", "models": [MARENGO], "addons": ["x"]}, "parameter_invalid"),
        ({"index_name": "a", "models": [PEGASUS], "addons": ["thumbnail"]}, "parameter_invalid"),
        ({"index_name": "a", "models": [MARENGO], "color": 1}, "parameter_unknown"),
    ],
)
def test_index_parameters_are_checked(caller: Caller, body: dict[str, Any], code: str) -> None:
    assert caller("POST", "/indexes", json_body=body).code == code


def test_index_names_are_unique_also_after_renaming(caller: Caller) -> None:
    first, second = caller.index(name="a"), caller.index(name="b")
    assert caller("POST", "/indexes", json_body={"index_name": "a", "models": [MARENGO]}).status == 400
    assert caller("PUT", f"/indexes/{second}", json_body={"index_name": "a"}).code == "index_name_already_exists"
    changed = caller("PUT", f"/indexes/{second}", json_body={"index_name": "c", "models": [MARENGO]})
    assert changed.code == "index_engine_cannot_be_changed"
    assert caller("PUT", f"/indexes/{first}", json_body={"index_name": "a"}).status == 204
    assert caller("DELETE", f"/indexes/{first}").status == 204
    assert caller("PUT", f"/indexes/{second}", json_body={"index_name": "a"}).status == 204


def test_index_list_filters(caller: Caller) -> None:
    caller("POST", "/indexes", json_body={"index_name": "eyes", "models": [{**MARENGO, "model_options": ["visual"]}]})
    caller.clock.advance(3600)
    caller("POST", "/indexes", json_body={"index_name": "both", "models": [MARENGO]})
    caller("POST", "/indexes", json_body={"index_name": "text", "models": [PEGASUS]})

    def names(**query: str) -> list[str]:
        return [index["index_name"] for index in caller("GET", "/indexes", query=query.items()).json["data"]]

    assert names() == ["text", "both", "eyes"]
    assert names(sort_option="asc") == ["eyes", "both", "text"]
    assert names(index_name="eyes") == ["eyes"]
    assert names(model_options="visual,audio") == ["both"]
    assert names(model_family="pegasus") == ["text"]
    assert names(created_at="2026-01-01T12:30:00Z") == ["text", "both"]
    assert names(created_at="2025-12-31T12:30:00Z") == []


def test_states_follow_the_clock(caller: Caller) -> None:
    index_id, asset_id = caller.index(), caller.upload(clip())
    path = f"/indexes/{index_id}/indexed-assets/{add(caller, index_id, asset_id)}"
    seen = []
    for _ in range(7):
        item = caller("GET", path).json
        seen.append(item["status"])
        assert ("indexed_at" in item) == (item["status"] == "ready")
        caller.clock.advance(0.05)
    assert seen == ["pending", "queued", "indexing", "indexing", "indexing", "indexing", "ready"]
    assert item["indexed_at"] == item["updated_at"] > item["created_at"]
    assert caller("GET", f"/indexes/{index_id}").json["video_count"] == 1


def test_second_indexing_is_billed_again(caller: Caller) -> None:
    index_id, asset_id = caller.index(), caller.upload(clip())
    first, second = add(caller, index_id, asset_id), add(caller, index_id, asset_id)
    assert first != second
    caller("DELETE", f"/indexes/{index_id}/indexed-assets/{first}")
    assert caller.world.ledger.indexed_by_asset() == {asset_id: [first, second]}


def test_only_ready_media_can_be_indexed(caller: Caller) -> None:
    index_id = caller.index()
    path = f"/indexes/{index_id}/indexed-assets"
    session = caller(
        "POST", "/assets/multipart-uploads", json_body={"filename": "a.mp4", "type": "video", "total_size": 9}
    ).json
    broken = caller.upload(b"broken")
    image = caller("POST", "/assets", form={"method": "direct"}, files={"file": ("a.png", png())}).json["_id"]
    caller.clock.advance(1)
    for asset_id in (session["asset_id"], broken, image):
        assert caller("POST", path, json_body={"asset_id": asset_id}).code == "parameter_invalid"
    assert caller("POST", path, json_body={"asset_id": "0" * 24}).status == 404
    assert caller("POST", path, json_body={}).code == "parameter_not_provided"


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"duration_s": 3.9}, "video_duration_too_short"),
        ({"duration_s": 3601.0}, "video_duration_too_long"),
        ({"width": 640, "height": 350}, "video_resolution_too_low"),
        ({"width": 4096, "height": 2160}, "video_resolution_too_high"),
        ({"width": 1000, "height": 400}, "video_resolution_invalid_aspect_ratio"),
        ({"width": 360, "height": 900}, "video_resolution_invalid_aspect_ratio"),
    ],
)
def test_media_beyond_the_limits_fail_in_indexing(caller: Caller, facts: dict[str, Any], code: str) -> None:
    index_id = caller.index()
    indexed_id = caller.indexed(index_id, clip(**{"duration_s": 10.0, **facts}))
    item = caller("GET", f"/indexes/{index_id}/indexed-assets/{indexed_id}").json
    assert (item["status"], item["error"]["code"]) == ("failed", code)


def test_each_model_has_its_own_limits(caller: Caller) -> None:
    hours, square = clip(duration_s=7000.0), clip(width=720, height=1080)
    asset, odd = caller.upload(hours), caller.upload(square)
    expected = {("marengo3.0",): ["ready", "ready"], ("marengo2.7",): ["ready", "failed"]}
    expected |= {("marengo3.0", "pegasus1.2"): ["failed", "ready"]}
    for models, wanted in expected.items():
        index_id = caller.index(models, name=str(models))
        ids = [add(caller, index_id, asset_id) for asset_id in (asset, odd)]
        caller.clock.advance(5)
        found = [caller("GET", f"/indexes/{index_id}/indexed-assets/{one}").json["status"] for one in ids]
        assert found == wanted, models


def test_sound_can_be_indexed(caller: Caller) -> None:
    index_id = caller.index()
    indexed_id = caller.indexed(index_id, clip(kind="audio", width=None, height=None), "talk.wav")
    item = caller("GET", f"/indexes/{index_id}/indexed-assets/{indexed_id}").json
    assert item["status"] == "ready"
    assert "width" not in item["system_metadata"]


def test_list_filters_and_order(caller: Caller) -> None:
    index_id = caller.index()
    caller.indexed(index_id, clip(10.0), "a.mp4")
    second = caller.indexed(index_id, clip(20.5, width=1280, height=720), "b.mp4")
    caller.indexed(index_id, clip(30.0, width=640, height=100), "bad.mp4")
    add(caller, index_id, caller.upload(clip(140.0), "new.mp4"))
    path = f"/indexes/{index_id}/indexed-assets/{second}"
    metadata = {"take": 2, "rating": 9.5, "night": True, "shot": "wide", "filename2": "x"}
    assert caller("PATCH", path, json_body={"user_metadata": metadata}).status == 204
    everything = ["new.mp4", "bad.mp4", "b.mp4", "a.mp4"]
    assert listed(caller, index_id) == everything
    assert listed(caller, index_id, ("sort_option", "asc")) == everything[::-1]
    assert listed(caller, index_id, ("sort_by", "updated_at"))[0] in ("b.mp4", "new.mp4")
    assert listed(caller, index_id, ("status", "failed"), ("status", "pending")) == ["new.mp4", "bad.mp4"]
    assert listed(caller, index_id, ("filename", "b.mp4")) == ["b.mp4"]
    assert listed(caller, index_id, ("duration", "20.5")) == ["b.mp4"]
    assert listed(caller, index_id, ("width", "1280"), ("height", "720"), ("fps", "25")) == ["b.mp4"]
    assert listed(caller, index_id, ("size", str(len(clip(10.0))))) == ["a.mp4"]
    for key, value in (("take", "2"), ("rating", "9.5"), ("night", "true"), ("shot", "wide")):
        assert listed(caller, index_id, (key, value)) == ["b.mp4"]
        assert listed(caller, index_id, (f"user_metadata[{key}]", value)) == ["b.mp4"]
        assert listed(caller, index_id, (key, "other")) == []
    assert listed(caller, index_id, ("updated_at", "2026-01-01T00:00:00Z")) == ["b.mp4"]
    assert listed(caller, index_id, kind="videos") == ["b.mp4", "a.mp4"]
    for wrong in (("status", "gone"), ("duration", "long"), ("duration[gte]", "1"), ("sort_by", "size")):
        assert caller("GET", f"/indexes/{index_id}/indexed-assets", query=[wrong]).status == 400


def test_user_metadata_merges_and_null_removes(caller: Caller) -> None:
    index_id = caller.index()
    path = f"/indexes/{index_id}/indexed-assets/{caller.indexed(index_id, clip())}"
    caller("PATCH", path, json_body={"user_metadata": {"a": 1, "b": "x"}})
    caller("PATCH", path, json_body={"user_metadata": {"a": None, "c": 1.5}})
    assert caller("GET", path).json["user_metadata"] == {"b": "x", "c": 1.5}
    for wrong in ({"a": {}}, {"a": ["x"]}, {"": 1}):
        assert caller("PATCH", path, json_body={"user_metadata": wrong}).code == "parameter_invalid"
    video = path.replace("indexed-assets", "videos")
    assert caller("PATCH", video, json_body={"user_metadata": {"b": None}}).status == 204
    assert caller("GET", video).json["user_metadata"] == {"c": 1.5}


def test_transcription_is_the_subtitle_track(caller: Caller) -> None:
    index_id = caller.index()
    lines = [(0.5, 2.0, "Look at that."), (3.0, 4.0, "So blue!")]
    path = f"/indexes/{index_id}/indexed-assets/{caller.indexed(index_id, clip(lines=lines))}"
    assert "transcription" not in caller("GET", path).json
    spoken = caller("GET", path, query=[("transcription", "true")]).json["transcription"]
    assert spoken[0] == {"start": 0.5, "end": 2.0, "value": "Look at that."}
    assert [line["value"] for line in spoken] == ["Look at that.", "So blue!"]


def test_embeddings_of_an_indexed_asset(caller: Caller) -> None:
    index_id = caller.index()
    path = f"/indexes/{index_id}/indexed-assets/{caller.indexed(index_id, clip(13.0))}"
    query = [("embedding_option", "visual"), ("embedding_option", "audio")]
    block = caller("GET", path, query=query).json["embedding"]
    segments = block["video_embedding"]["segments"]
    assert [(one["start_offset_sec"], one["end_offset_sec"]) for one in segments[:2]] == [(0.0, 6.0), (6.0, 12.0)]
    assert len(segments) == 4
    assert {len(one["float"]) for one in segments} == {512}
    assert caller("GET", path, query=[("embedding_option", "visual-text")]).status == 400
    text_only = caller.index(["pegasus1.2"], name="text")
    path = f"/indexes/{text_only}/indexed-assets/{caller.indexed(text_only, clip())}"
    assert caller("GET", path, query=query).status == 400


def test_streaming_links_lead_to_the_file(caller: Caller) -> None:
    index_id = caller.index()
    content = clip()
    indexed_id = add(caller, index_id, caller.upload(content), enable_video_stream=True)
    caller.clock.advance(5)
    hls = caller("GET", f"/indexes/{index_id}/indexed-assets/{indexed_id}").json["hls"]
    assert hls["status"] == "COMPLETE"
    segment = caller.get(hls["video_url"]).content.decode().splitlines()[4]
    assert caller.get(segment).content == content
    assert caller.get(hls["thumbnail_urls"][0]).content.startswith(b"\xff\xd8\xff")
    caller.clock.advance(3600)
    assert caller.get(hls["video_url"]).status == 403


def test_deleting_an_index_takes_its_videos(caller: Caller) -> None:
    index_id = caller.index()
    indexed_id = caller.indexed(index_id, clip())
    assert caller("DELETE", f"/indexes/{index_id}").status == 204
    assert caller("GET", f"/indexes/{index_id}/indexed-assets/{indexed_id}").status == 404
    assert caller("POST", "/gist", json_body={"video_id": indexed_id, "types": ["title"]}).status == 404


def test_deleting_an_asset_leaves_what_was_indexed(caller: Caller) -> None:
    index_id, asset_id = caller.index(), caller.upload(clip())
    indexed_id = add(caller, index_id, asset_id)
    caller.clock.advance(5)
    assert caller("DELETE", f"/assets/{asset_id}").status == 204
    assert caller("GET", f"/assets/{asset_id}").status == 404
    assert caller("GET", f"/indexes/{index_id}/indexed-assets/{indexed_id}").json["status"] == "ready"


# -- assets -------------------------------------------------------------------------------------------------


def test_direct_assets_and_their_checks(caller: Caller) -> None:
    made = caller("POST", "/assets", form={"method": "direct"}, files={"file": ("lake.mp4", clip())})
    assert made.status == 201
    assert (made.json["status"], made.json["file_type"]) == ("processing", "video/mp4")
    assert caller("POST", "/assets", form={"method": "direct"}).code == "parameter_not_provided"
    assert caller("POST", "/assets", form={"method": "url"}).code == "parameter_not_provided"
    assert caller("POST", "/assets", form={"method": "magic"}).code == "parameter_invalid"
    assert caller("POST", "/assets", form={"method": "direct"}, files={"file": ("a", b"")}).code == "parameter_invalid"
    assert caller("POST", "/assets", json_body={"method": "direct"}).code == "parameter_invalid"
    assert list(caller.world.core.scratch_folder.iterdir()) == []


def test_images_are_assets(caller: Caller) -> None:
    made = caller("POST", "/assets", form={"method": "direct"}, files={"file": ("a.png", png())}).json
    small = caller("POST", "/assets", form={"method": "direct"}, files={"file": ("s.png", png(120, 300))}).json
    caller.clock.advance(1)
    assert caller("GET", f"/assets/{made['_id']}").json["status"] == "ready"
    assert made["file_type"] == "image/png"
    assert caller("GET", f"/assets/{small['_id']}").json["status"] == "failed"
    found = caller("GET", "/assets", query=[("asset_types", "image")]).json["data"]
    assert [asset["_id"] for asset in found] == [small["_id"], made["_id"]]


def test_assets_from_urls_come_only_from_the_sandbox_itself(caller: Caller) -> None:
    first = caller("GET", f"/assets/{caller.upload(clip())}").json
    form = {"method": "url", "url": first["url"]}
    copy = caller("POST", "/assets", form=form).json
    other = caller("POST", "/assets", form={"method": "url", "url": "https://media.example.com/lake.mp4"}).json
    assert copy["status"] == other["status"].replace("waiting", "processing") == "processing"
    caller.clock.advance(1)
    assert caller("GET", f"/assets/{copy['_id']}").json["status"] == "ready"
    failed = caller("GET", f"/assets/{other['_id']}").json
    assert failed["status"] == "failed" and "no network" in failed["error"]["message"]


def test_old_assets_without_an_entity_go_in_the_reference_only(make_caller: MakeCaller) -> None:
    caller = make_caller()
    asset_id = caller.upload(clip())
    caller.clock.advance(72 * 3600)
    assert caller("GET", f"/assets/{asset_id}").status == 404
    assert caller("GET", "/assets").json["data"] == []
    assert make_caller(platform="2026-07")("GET", f"/assets/{asset_id}").status == 200


# -- the later platform -------------------------------------------------------------------------------------


def test_later_platform_differences(later: Caller) -> None:
    assert later("POST", "/indexes", json_body={"index_name": "p", "models": [PEGASUS]}).status == 400
    index_id, asset_id = later.index(["marengo3.0"]), later.upload(clip(10.0))
    asset = later("GET", f"/assets/{asset_id}").json
    assert (asset["method"], asset["size"], asset["duration"]) == ("multipart", len(clip(10.0)), 10.0)
    body = {"asset_id": asset_id, "user_metadata": {"tags": ["a", "b"]}}
    made = later("POST", f"/indexes/{index_id}/indexed-assets", json_body=body).json
    assert made["asset_id"] == asset_id
    path = f"/indexes/{index_id}/indexed-assets/{made['_id']}"
    assert later("GET", path).json["status"] == "validating"
    later.clock.advance(5)
    item = later("GET", path).json
    assert (item["status"], item["asset_id"]) == ("ready", asset_id)
    assert item["user_metadata"] == {"tags": ["a", "b"]}
    assert listed(later, index_id, ("duration[gte]", "9"), ("duration[lte]", "11")) == ["lake.mp4"]
    assert listed(later, index_id, ("duration[gte]", "11")) == []
    conflict = later("DELETE", f"/assets/{asset_id}")
    assert conflict.status == 409
    assert later("DELETE", f"/assets/{asset_id}", query=[("force", "true")]).status == 200


def test_old_folder_in_the_later_platform(make_caller: MakeCaller) -> None:
    """Indexes that newer platforms can't make stay; one with Pegasus alone takes no more videos."""
    before = make_caller()
    text, old = before.index(["pegasus1.2"], name="text"), before.index(["marengo2.7"], name="old")
    asset_id = before.upload(clip())
    after = make_caller(platform="2026-07")
    refused = after("POST", f"/indexes/{text}/indexed-assets", json_body={"asset_id": asset_id})
    assert refused.code == "parameter_invalid"
    add(after, old, asset_id)
