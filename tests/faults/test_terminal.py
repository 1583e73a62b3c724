"""Texts that speak to the terminal: row S21."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.desk import Desk, make_large
from tests.faults.conftest import Row
from tlsync.terminal_text import printable, printable_json

MakeClip = Callable[..., Path]
EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[31m\r\nERROR forged\x9b1m\u202egpj\u2066\u2028x\x7f"
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029]")


def assert_tame(text: str) -> None:
    found = _OBEYED.search(text)
    assert found is None, text[max(0, found.start() - 60) : found.end() + 20]
    assert not any(line.startswith("ERROR forged") for line in text.splitlines())


@pytest.mark.merge
def test_s21_nothing_that_a_terminal_obeys(row: Row, desk: Desk, make_clip: MakeClip) -> None:
    """Names of files and folders, texts of the platform, arguments: escaped in all output and all logs."""
    folder = desk.footage / f"day{EVIL}"
    folder.mkdir()
    clip = make_clip(folder / f"clip{EVIL}.mp4")
    broken = folder / f"broken{EVIL}.mp4"
    broken.write_bytes(b"no media")
    failing = make_large(make_clip(folder / f"failing{EVIL}.mp4"), 1000)
    odd = Path(os.fsdecode(os.fsencode(desk.footage) + b"/\xff\x9b1m.mp4"))
    make_large(make_clip(odd), 2000)
    refusal = {"code": f"bad{EVIL}", "message": f"no{EVIL}"}
    desk.server.faults.answer("assets.retrieve", 400, body=refusal, times=None, headers={"x-request-id": "a\x9bb"})
    said: list[str] = []
    for arguments in (
        ("-vv", "sync"),
        ("-vv", "--log-format", "json", "sync"),
        ("sync", "--json"),
        ("status",),
        ("status", "--json"),
        ("ls",),
        ("ls", "--json"),
        ("plan",),
        ("why", str(clip)),
        ("why", str(broken)),
        ("show", str(failing)),
        ("show", str(failing), "--json"),
        ("show", str(folder / f"none{EVIL}")),
        ("status", f"extra{EVIL}"),
        (f"--no{EVIL}",),
        (f"cmd{EVIL}",),
        ("sync", str(folder / f"none{EVIL}.mp4")),
        ("--profile", f"p{EVIL}", "status"),
        ("search", f"q{EVIL}"),
    ):
        _, out, err = desk.run(*arguments)
        if "--json" in arguments:
            json.loads(out or "{}")
        for text in (out, err):
            assert_tame(text)
            said.append(text)
    assert any("\\x1b" in text for text in said)
    assert any("\\xff" in text for text in said)
    row.say(f"{len(said)} outputs, {sum(map(len, said))} characters: 0 obeyed")


def test_s21_every_character(row: Row) -> None:
    """All of Unicode through both ways out: nothing a terminal obeys is left, and JSON says the same."""
    for start in range(0, 0x110000, 0x1000):
        text = "".join(map(chr, range(start, start + 0x1000)))
        shown = printable(text)
        assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]", shown)
        document = json.dumps(text, ensure_ascii=False)
        assert_tame(printable_json(document))
        assert json.loads(printable_json(document)) == text
    row.say("1,114,112 characters: 0 obeyed")
