from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest

from tlsync.api import types
from tlsync.api.types import (
    Asset,
    CompletedChunk,
    Index,
    IndexedAssetDetail,
    MultipartUploadSession,
    Page,
    PresignedUrlChunk,
    VideoIndexingTask,
    Wire,
    base,
    from_wire,
)

from .helpers import SIGNED_URL

STRUCTS = [kind for _, kind in inspect.getmembers(types, inspect.isclass) if issubclass(kind, Wire)]
SESSION = {"upload_id": "u", "asset_id": "a", "chunk_size": 5, "total_chunks": 1}


def test_the_id_of_the_wire_is_called_id_here() -> None:
    assert from_wire({"_id": "x", "index_name": "n"}, Index).id == "x"


def test_missing_and_null_are_the_same() -> None:
    empty = from_wire({}, IndexedAssetDetail)
    nulls = from_wire(
        {field.encode_name: None for field in msgspec.structs.fields(IndexedAssetDetail)}, IndexedAssetDetail
    )
    assert empty == nulls
    assert (empty.id, empty.status, empty.transcription, empty.user_metadata) == ("", None, (), {})


def test_unknown_fields_and_states_are_taken() -> None:
    asset = from_wire({"_id": "x", "status": "dreaming", "new": {"deep": [1]}}, Asset)
    assert asset.status == "dreaming"


def test_nulls_in_lists_of_objects_are_left_out_of_the_objects() -> None:
    page = from_wire({"data": [{"_id": "a", "expires_at": None}], "page_info": None}, Page[Index])
    assert page.data[0].expires_at is None and page.page_info.total_page is None


@pytest.mark.parametrize(
    "change",
    [
        {"chunk_size": 0},
        {"chunk_size": -5},
        {"chunk_size": 2**63},
        {"chunk_size": 10**400},
        {"chunk_size": 5.5},
        {"chunk_size": "5"},
        {"chunk_size": True},
        {"total_chunks": 0},
        {"total_chunks": 10**9},
        {"upload_id": None},
        {"asset_id": 5},
        {"upload_urls": [{"chunk_index": 0, "url": "u"}]},
        {"upload_urls": [{"chunk_index": 1}]},
        {"upload_urls": ["u"]},
        {"upload_headers": {"a": 1}},
        {"upload_headers": []},
    ],
)
def test_a_session_that_makes_no_plan_is_refused(change: dict[str, Any]) -> None:
    assert from_wire(SESSION, MultipartUploadSession).upload_urls == ()
    with pytest.raises(ValueError):
        from_wire({**SESSION, **change}, MultipartUploadSession)


def test_the_facts_of_a_task_under_either_name() -> None:
    for name in ("system_metadata", "metadata"):
        facts = from_wire({"_id": "t", name: {"duration": 1.5}}, VideoIndexingTask).facts
        assert facts is not None and facts.duration == 1.5


def test_no_repr_shows_a_url() -> None:
    shown = repr(PresignedUrlChunk(chunk_index=1, url=SIGNED_URL)) + repr(Asset(url=SIGNED_URL))
    shown += repr(types.HlsObject(video_url=SIGNED_URL, thumbnail_urls=(SIGNED_URL,)))
    assert "://" not in shown and "chunk_index=1" in shown


@pytest.mark.parametrize("kind", STRUCTS)
def test_every_url_field_is_hidden(kind: type[Wire]) -> None:
    for field in msgspec.structs.fields(kind):
        if "url" in field.name and field.name != "upload_urls" and not field.name.endswith("expires_at"):
            assert base._shown(field.name, SIGNED_URL) == "***"


@pytest.mark.parametrize("kind", STRUCTS)
def test_all_are_frozen_and_documented(kind: type[Wire]) -> None:
    assert kind.__struct_config__.frozen and kind.__doc__


def test_a_completed_chunk_may_be_written_short() -> None:
    assert CompletedChunk(1, "etag", 5) == CompletedChunk(chunk_index=1, proof="etag", chunk_size=5, proof_type="etag")
