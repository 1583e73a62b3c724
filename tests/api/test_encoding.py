from __future__ import annotations

import io
import os
from pathlib import Path

import msgspec
import pytest

from tlsync.api.encoding import form_fields, form_files, json_body, query_pairs, with_user_fields
from tlsync.api.types import CompletedChunk, IndexModel
from tlsync.errors import FileUnreadable, FileVanished, Rejected


def test_query_leaves_out_what_is_not_set_and_repeats_lists() -> None:
    fields = {"page": 2, "status": ["ready", "failed"], "filename": None, "one": "x", "flag": True, "off": False}
    assert query_pairs(fields) == [
        ("page", "2"),
        ("status", "ready"),
        ("status", "failed"),
        ("one", "x"),
        ("flag", "true"),
        ("off", "false"),
    ]


def test_query_bounds_become_bracketed_keys() -> None:
    assert query_pairs({"duration": {"gte": 10, "lte": 60.5}, "width": 1920}) == [
        ("duration[gte]", "10"),
        ("duration[lte]", "60.5"),
        ("width", "1920"),
    ]


def test_user_fields_are_plain_parameters() -> None:
    assert with_user_fields({"page": 1}, {"category": "new", "batch": 5}) == {"page": 1, "category": "new", "batch": 5}
    assert with_user_fields({"page": 1}, None) == {"page": 1}


def test_a_user_field_may_not_pose_as_a_parameter() -> None:
    with pytest.raises(Rejected, match="filename"):
        with_user_fields({"filename": None}, {"filename": "x"})


def test_json_leaves_out_none_but_keeps_the_callers_nulls() -> None:
    body = msgspec.json.decode(json_body({"a": None, "b": 0, "user_metadata": {"draft": None, "n": [1]}}))
    assert body == {"b": 0, "user_metadata": {"draft": None, "n": [1]}}


def test_json_of_structs_uses_the_names_of_the_wire_and_sends_the_proof_type() -> None:
    chunk = CompletedChunk(1, "abc", 5)
    model = IndexModel(model_name="marengo3.0", model_options=("visual",))
    assert msgspec.json.decode(json_body({"c": [chunk], "m": model})) == {
        "c": [{"chunk_index": 1, "proof": "abc", "chunk_size": 5, "proof_type": "etag"}],
        "m": {"model_name": "marengo3.0", "model_options": ["visual"]},
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {"k": ["\udcff"]}, object()])
def test_what_json_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(Rejected):
        json_body({"a": value})


def test_endless_nesting_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises((Rejected, RecursionError)) as caught:
        json_body({"a": value})
    assert caught.type is Rejected


def test_form_fields_are_text_and_mappings_are_json() -> None:
    fields = {"n": 10, "t": 0.5, "b": True, "l": ["x", "y"], "skip": None, "f": {"duration": {"gte": 60}}}
    assert form_fields(fields) == [
        ("n", (None, "10")),
        ("t", (None, "0.5")),
        ("b", (None, "true")),
        ("l", (None, "x")),
        ("l", (None, "y")),
        ("f", (None, '{"duration":{"gte":60}}')),
    ]


def test_files_are_open_during_the_call_only(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x")
    with form_files({"file": path, "none": None}) as parts:
        [(name, (file_name, file))] = parts
        assert (name, file_name) == ("file", "a.jpg")
        assert not isinstance(file, str) and not file.closed
    assert file.closed


def test_an_open_file_stays_open() -> None:
    file = io.BytesIO(b"x")
    with form_files({"file": file}) as parts:
        assert parts == [("file", ("upload", file))]
    assert not file.closed


def test_names_that_are_no_text_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.jpg")
    path.write_bytes(b"x")
    with form_files({"file": path}) as parts:
        assert parts[0][1][0] == "caf?.jpg"


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileVanished), form_files({"file": tmp_path / "gone"}):
        pass


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable), form_files({"file": tmp_path}):
        pass


def test_a_pipe_is_refused() -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as file, pytest.raises(FileUnreadable), form_files({"file": file}):
        pass
