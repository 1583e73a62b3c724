"""Search: what is found, in which order, how it is paged, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .helpers import Answer, Caller, clip, png

HARBOUR = [(0.5, 2.0, "A red car at night"), (3.0, 4.5, "The ferry leaves the harbour"), (6.0, 7.0, "Red flags")]
BEACH = [(1.0, 2.0, "Children run on the beach"), (5.0, 6.0, "A car horn")]


@pytest.fixture
def footage(caller: Caller) -> str:
    """An index with two videos that speak, and a silent one."""
    index_id = caller.index()
    caller.indexed(index_id, clip(10.0, lines=HARBOUR), "harbour_night.mp4")
    caller.indexed(index_id, clip(20.0, lines=BEACH, width=720, height=720), "beach_day.mp4")
    caller.indexed(index_id, clip(30.0), "RedCarChase.mov")
    return index_id


def search(caller: Caller, index_id: str, text: str | None = "red car", **more: Any) -> Answer:
    form = {"index_id": index_id, "search_options": ["transcription"], "query_text": text, **more}
    return caller("POST", "/search", form={key: value for key, value in form.items() if value is not None})


def hits(answer: Answer) -> list[tuple[float, str | None]]:
    assert answer.status == 200, answer.content
    return [(hit["start"], hit.get("transcription")) for hit in answer.json["data"]]


def test_speech_is_found_best_first(caller: Caller, footage: str) -> None:
    answer = search(caller, footage)
    assert hits(answer) == [(0.5, "A red car at night"), (6.0, "Red flags"), (5.0, "A car horn")]
    first = answer.json["data"][0]
    assert (first["rank"], first["end"]) == (1, 2.0)
    assert "sandbox" in first["sandbox"]
    assert answer.json["search_pool"] == {"total_count": 3, "total_duration": 60.0, "index_id": footage}


def test_lexical_needs_all_words(caller: Caller, footage: str) -> None:
    assert hits(search(caller, footage, transcription_options=["lexical"])) == [(0.5, "A red car at night")]
    assert len(hits(search(caller, footage, transcription_options=["semantic"]))) == 3


def test_names_are_found_and_labelled(caller: Caller, footage: str) -> None:
    answer = search(caller, footage, "red cars", search_options=["visual"])
    (hit,) = answer.json["data"]
    assert (hit["start"], hit["end"]) == (0.0, 30.0)
    assert "file name" in hit["sandbox"] and "transcription" not in hit


def test_title_like_metadata_counts_as_a_name(caller: Caller, footage: str) -> None:
    (video,) = caller("GET", f"/indexes/{footage}/videos", query=[("filename", "beach_day.mp4")]).json["data"]
    change = {"user_metadata": {"title": "Sunset over Lisbon", "hash": "lisbon99"}}
    caller("PATCH", f"/indexes/{footage}/videos/{video['_id']}", json_body=change)
    found = search(caller, footage, "lisbon", search_options=["visual"], include_user_metadata="true").json["data"]
    assert [(hit["video_id"], hit["user_metadata"]["title"]) for hit in found] == [(video["_id"], "Sunset over Lisbon")]
    assert search(caller, footage, "lisbon99", search_options=["visual"]).json["data"] == []


def test_or_joins_and_and_intersects(caller: Caller, footage: str) -> None:
    options = ["visual", "transcription"]
    either = search(caller, footage, "red night", search_options=options, operator="or").json["data"]
    both = search(caller, footage, "red night", search_options=options, operator="and").json["data"]
    assert len({hit["video_id"] for hit in either}) == 2
    assert [hit["transcription"] for hit in both] == ["A red car at night", "Red flags"]


def test_grouped_by_video(caller: Caller, footage: str) -> None:
    answer = search(caller, footage, group_by="video").json
    assert [[clip["rank"] for clip in group["clips"]] for group in answer["data"]] == [[1, 2], [3]]
    assert set(answer["data"][0]) == {"id", "clips"}
    assert answer["page_info"]["total_results"] == 2
    assert answer["page_info"]["total_inner_matches"] == 3


def test_pages_by_token(caller: Caller, footage: str) -> None:
    first = search(caller, footage, page_limit="2", include_user_metadata="true").json
    assert first["page_info"]["limit_per_page"] == 2
    assert first["page_info"]["total_results"] == 3
    token = first["page_info"]["next_page_token"]
    second = caller("GET", f"/search/{token}").json
    assert [hit["rank"] for hit in second["data"]] == [3]
    assert "next_page_token" not in second["page_info"]
    assert "user_metadata" not in second["data"][0]
    back = caller("GET", f"/search/{second['page_info']['prev_page_token']}").json
    assert [hit["rank"] for hit in back["data"]] == [1, 2]
    caller.clock.advance(3600)
    expired = caller("GET", f"/search/{token}")
    assert (expired.status, expired.code) == (400, "search_page_token_expired")
    assert caller("GET", "/search/nonsense").code == "search_page_token_expired"


def test_thumbnails_need_the_addon_and_expire(caller: Caller, footage: str) -> None:
    url = search(caller, footage).json["data"][0]["thumbnail_url"]
    assert caller.get(url).content == b"\xff\xd8\xff frame at 500 ms"
    assert caller.get(url.replace("500.jpg", "600.jpg")).status == 403
    caller.clock.advance(3600)
    assert caller.get(url).status == 403
    body = {"index_name": "plain", "models": [{"model_name": "marengo3.0", "model_options": ["visual", "audio"]}]}
    plain = caller("POST", "/indexes", json_body=body).json["_id"]
    caller.indexed(plain, clip(lines=HARBOUR))
    assert "thumbnail_url" not in search(caller, plain).json["data"][0]


def test_thumbnail_of_a_deleted_asset_is_a_stand_in(caller: Caller, footage: str) -> None:
    url = search(caller, footage).json["data"][0]["thumbnail_url"]
    for asset in caller("GET", "/assets").json["data"]:
        caller("DELETE", f"/assets/{asset['_id']}")
    picture = caller.get(url)
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(b"\x89PNG") and b"not a frame" in picture.content


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"duration": {"gte": 15}}, {"beach_day.mp4"}),
        ({"duration": {"gte": 5, "lte": 15}}, {"harbour_night.mp4"}),
        ({"duration": 20}, {"beach_day.mp4"}),
        ({"width": 720, "height": {"lte": 720}}, {"beach_day.mp4"}),
        ({"size": {"lte": 1}}, set()),
        ({"filename": "beach_day.mp4"}, {"beach_day.mp4"}),
        ({"filename": "beach"}, set()),
        ({"take": 3}, {"harbour_night.mp4"}),
        ({"take": {"gte": 3}}, {"harbour_night.mp4"}),
        ({"take": "3"}, set()),
        ({"night": True}, {"harbour_night.mp4"}),
        ({"shot": "wide"}, {"harbour_night.mp4"}),
        ({"shot": "wide", "take": 4}, set()),
        ({}, {"beach_day.mp4", "harbour_night.mp4"}),
    ],
)
def test_filters(caller: Caller, footage: str, wanted: dict[str, Any], expected: set[str]) -> None:
    videos = {
        video["system_metadata"]["filename"]: video["_id"]
        for video in caller("GET", f"/indexes/{footage}/videos").json["data"]
    }
    metadata = {"take": 3, "night": True, "shot": "wide"}
    path = f"/indexes/{footage}/videos/{videos['harbour_night.mp4']}"
    caller("PATCH", path, json_body={"user_metadata": metadata})
    found = search(caller, footage, filter=json.dumps(wanted)).json["data"]
    assert {name for name, video_id in videos.items() for hit in found if hit["video_id"] == video_id} == expected


def test_filter_by_id(caller: Caller, footage: str) -> None:
    best = search(caller, footage).json["data"][0]["video_id"]
    for wanted in (best, [best], [best, "0" * 24]):
        found = search(caller, footage, filter=json.dumps({"id": wanted})).json["data"]
        assert {hit["video_id"] for hit in found} == {best}


@pytest.mark.parametrize(
    "wanted",
    [
        "{",
        "[]",
        '{"duration": "long"}',
        '{"duration": {"gt": 1}}',
        '{"duration": {}}',
        '{"duration": [1]}',
        '{"duration": true}',
        '{"filename": ["a"]}',
        '{"filename": 1}',
        '{"id": 1}',
        '{"id": []}',
        '{"tag": ["a", "b"]}',
        '{"tag": null}',
    ],
)
def test_unknown_forms_of_filters_are_refused(caller: Caller, footage: str, wanted: str) -> None:
    assert search(caller, footage, filter=wanted).code == "search_filter_invalid"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"index_id": None}, "parameter_not_provided"),
        ({"index_id": "x"}, "parameter_invalid"),
        ({"index_id": "0" * 24}, "resource_not_exist"),
        ({"search_options": None}, "parameter_not_provided"),
        ({"search_options": ["smell"]}, "parameter_invalid"),
        ({"query_text": None}, "parameter_not_provided"),
        ({"query_text": "  "}, "parameter_not_provided"),
        ({"query_text": "word " * 501}, "parameter_invalid"),
        ({"query_text": "<@000000000000000000000000> waves"}, "parameter_invalid"),
        (
            {"search_options": ["visual"], "transcription_options": ["lexical"]},
            "search_option_combination_not_supported",
        ),
        ({"operator": "xor"}, "parameter_invalid"),
        ({"group_by": "scene"}, "parameter_invalid"),
        ({"page_limit": "51"}, "parameter_invalid"),
        ({"threshold": "high"}, "parameter_invalid"),
        ({"query_media_type": "image"}, "parameter_not_provided"),
        ({"query_media_url": "https://example.com/a.jpg"}, "parameter_not_provided"),
        ({"query_media_type": "image", "query_media_url": "https://example.com/a.jpg"}, "parameter_invalid"),
        ({"color": "red"}, "parameter_unknown"),
    ],
)
def test_wrong_questions_are_refused(caller: Caller, footage: str, change: dict[str, Any], code: str) -> None:
    assert search(caller, **{"index_id": footage, "text": "x", **change}).code == code


def test_options_depend_on_the_model(caller: Caller) -> None:
    old, silent = caller.index(["marengo2.7"], name="old"), caller.index(["pegasus1.2"], name="text")
    assert search(caller, old).code == "search_option_not_supported"
    assert search(caller, silent).code == "index_not_supported_for_search"
    body = {"index_name": "eyes", "models": [{"model_name": "marengo3.0", "model_options": ["visual"]}]}
    eyes = caller("POST", "/indexes", json_body=body).json["_id"]
    assert search(caller, eyes).code == "search_option_not_supported"
    assert search(caller, eyes, search_options=["audio"]).code == "search_option_not_supported"
    assert search(caller, eyes, search_options=["visual"]).status == 200


def test_old_model_has_scores_instead_of_ranks(caller: Caller) -> None:
    index_id = caller.index(["marengo2.7"])
    caller.indexed(index_id, clip(10.0, lines=HARBOUR), "harbour.mp4")
    caller.indexed(index_id, clip(10.0, lines=BEACH), "beach.mp4")
    found = search(caller, index_id, search_options=["audio"]).json["data"]
    assert found[0]["confidence"] == "high" and "rank" not in found[0]
    strict = search(caller, index_id, search_options=["audio"], threshold="high").json["data"]
    assert {hit["confidence"] for hit in strict} == {"high"}
    assert search(caller, index_id, "word " * 78, search_options=["audio"]).code == "parameter_invalid"
    assert search(caller, index_id, search_options=["audio"], sort_option="clip_count").code == "parameter_invalid"
    grouped = search(caller, index_id, search_options=["audio"], sort_option="clip_count", group_by="video")
    assert [len(group["clips"]) for group in grouped.json["data"]] == [2, 1]


def test_image_queries_order_by_shape(caller: Caller, footage: str) -> None:
    def ask(picture: bytes, **more: Any) -> Answer:
        form = {"index_id": footage, "search_options": ["visual"], "query_media_type": "image", **more}
        return caller("POST", "/search", form=form, files={"query_media_file": ("q.png", picture)})

    square = ask(png(200, 200)).json["data"]
    assert len(square) == 3
    names = {
        video["_id"]: video["system_metadata"]["filename"]
        for video in caller("GET", f"/indexes/{footage}/videos").json["data"]
    }
    assert names[square[0]["video_id"]] == "beach_day.mp4"
    assert "not looked at" in square[0]["sandbox"]
    assert names[ask(png(320, 180)).json["data"][0]["video_id"]] != "beach_day.mp4"
    assert [names[hit["video_id"]] for hit in ask(png(200, 200), query_text="harbour").json["data"]] == [
        "harbour_night.mp4"
    ]
    assert ask(png(100, 200)).code == "parameter_invalid"
    assert ask(b"not an image").code == "parameter_invalid"


def test_what_people_type_is_no_query_language(caller: Caller, footage: str) -> None:
    for text in ('"red', "red*", "red AND", "NEAR(red car)", "text:red", "-red", "red' OR 1=1 --", "日本", "🚗"):
        assert search(caller, footage, text).status == 200, text


def test_only_ready_videos_are_found(caller: Caller) -> None:
    index_id = caller.index()
    asset_id = caller.upload(clip(lines=HARBOUR))
    indexed_id = caller("POST", f"/indexes/{index_id}/indexed-assets", json_body={"asset_id": asset_id}).json["_id"]
    assert search(caller, index_id).json["data"] == []
    caller.clock.advance(5)
    assert len(search(caller, index_id).json["data"]) == 2
    caller("DELETE", f"/indexes/{index_id}/indexed-assets/{indexed_id}")
    assert search(caller, index_id).json["data"] == []


def test_later_platform_has_no_thresholds(later: Caller) -> None:
    index_id = later.index(["marengo3.0"])
    for name in ("threshold", "adjust_confidence_level", "sort_option"):
        assert search(later, index_id, **{name: "0.5"}).code == "parameter_unknown"
