"""Which names are footage."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsync.engine.names import NameRules

RULES = NameRules(["*.mp4", "*.MOV"], ["proxies/", "*_draft.*", "!keep_draft.mp4"])


@pytest.mark.parametrize(
    "name", ["a.mp4", "A.MP4", "day/b.mov", "a b\n.mp4", "-rf.mp4", "ü.mp4", "keep_draft.mp4", "not_a_proxies.mp4"]
)
def test_footage_is_taken(name: str) -> None:
    assert RULES.takes_file(name.encode())


@pytest.mark.parametrize(
    "name",
    [
        "a.txt", "mp4", ".a.mp4", "._a.mp4", "a.mp4.part", "a.mp4.tmp", "~$a.mp4", "a.mp4~", ".x.tlsync-tmp",
        "a.mp4.tlsync.json", "a.mp4.crdownload", "x_draft.mp4",
    ],
)  # fmt: skip
def test_everything_else_is_not(name: str) -> None:
    assert not RULES.takes_file(name.encode())


def test_names_that_are_not_text_are_judged_too() -> None:
    assert RULES.takes_file(b"caf\xe9.mp4")
    assert not RULES.takes_file(b".caf\xe9.mp4")


@pytest.mark.parametrize(
    ("folder", "is_taken"),
    [
        ("day", True),
        ("proxies", False),
        ("day/proxies", False),
        (".git", False),
        ("$RECYCLE.BIN", False),
        ("@eaDir", False),
    ],
)
def test_folders(folder: str, is_taken: bool) -> None:
    assert RULES.takes_folder(folder.encode()) == is_taken


def test_an_ignore_file_counts_below_its_folder_only(tmp_path: Path) -> None:
    ignore = tmp_path / ".tlsyncignore"
    ignore.write_text("# comment\n*.mov\n/only_here.mp4\n")
    rules = NameRules(["*.mp4", "*.mov"], [])
    rules.read_ignore_file("day", ignore)
    assert not rules.takes_file(b"day/a.mov")
    assert not rules.takes_file(b"day/sub/a.mov")
    assert not rules.takes_file(b"day/only_here.mp4")
    assert rules.takes_file(b"day/sub/only_here.mp4")
    assert rules.takes_file(b"a.mov")
    assert rules.takes_file(b"day2/a.mov")
