"""Names of others on a terminal."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlsync.terminal_text import printable, printable_json


@pytest.mark.parametrize("text", ["", "a.mp4", "Grüße, 東京 🎬.mp4", "a\u0301"])
def test_ordinary_names_stay(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("a\r\x1b[31mb", "a\\r\\x1b[31mb"),
        ("a\x00b", "a\\x00b"),
        ("a\x9bb", "a\\x9bb"),
        ("gpj.\u202e4pm", "gpj.\\u202e4pm"),
        ("a\u2028b", "a\\u2028b"),
        ("a\udcffb", "a\\xffb"),
        ("a\ud800b", "a\\ud800b"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_anything_becomes_one_line_that_can_be_written(text: str) -> None:
    shown = printable(text)
    assert len(shown.splitlines()) <= 1
    shown.encode("utf-8")


def test_json_says_the_same_without_what_a_terminal_obeys() -> None:
    document = json.dumps({"name": "a\x9b1m\u202eb\x7f\u2028 grüß 🎬"}, ensure_ascii=False)
    shown = printable_json(document)
    assert json.loads(shown) == json.loads(document)
    assert shown == '{"name": "a\\u009b1m\\u202eb\\u007f\\u2028 grüß 🎬"}'
