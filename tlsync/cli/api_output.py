"""Answers of the platform on stdout, as JSON and as they came: wire names, and fields that tlsync does not know."""

from __future__ import annotations

import re
from typing import Any

import click
import msgspec

from tlsync.api import AnalysisStream, Pages, SearchPages, UploadStatusPages
from tlsync.errors import BadAnswer

_ITEMS = "data"
_CHUNKS = "uploaded_chunks"
_ACTIVE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""What a terminal may obey instead of show: controls beyond those that JSON escapes, and turns of direction."""


class LastAnswer:
    """Keeps the body of the latest answer; the client is told to show it each of them."""

    def __init__(self) -> None:
        self.body: Any = None

    def take(self, body: Any) -> None:
        self.body = body


def print_answer(answer: Any, last: LastAnswer, *, is_all: bool) -> None:
    """Print what a method gave: nothing for an answer without content, a line for each event of a stream.

    Args:
        answer: What the method returned; lists and streams are read here.
        last: Where the bodies of its answers arrive.
        is_all: Read all pages of a list and print them as one; else one page, as it came.
    """
    if isinstance(answer, AnalysisStream):
        with answer as stream:
            for _, parsed in stream.with_objects():
                click.echo(_json(parsed, indent=0))
        return
    if isinstance(answer, Pages | UploadStatusPages | SearchPages):
        # Asks for the first page, where that has not happened yet.
        assert answer.first is not None
        document = _all_pages(answer, last) if is_all else last.body
    else:
        document = last.body
    if document is not None:
        click.echo(_json(document, indent=2))


def _all_pages(pages: Pages[Any] | UploadStatusPages | SearchPages, last: LastAnswer) -> dict[str, Any]:
    """The first page with the items of all, and without its place among them."""
    name = _CHUNKS if isinstance(pages, UploadStatusPages) else _ITEMS
    whole = {key: value for key, value in (last.body or {}).items() if key != "page_info"}
    items: list[Any] = []
    for _ in pages.pages():
        items += (last.body or {}).get(name) or []
    return {**whole, name: items}


def _json(document: Any, *, indent: int) -> bytes:
    """JSON in UTF-8, whatever the terminal's encoding; on one line without `indent`."""
    try:
        data = msgspec.json.encode(document)
    except RecursionError:
        raise BadAnswer("the answer is nested too deeply to be printed") from None
    text = (msgspec.json.format(data, indent=indent) if indent else data).decode()
    return _ACTIVE.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()
