"""Notes from commands to the daemon."""

from __future__ import annotations

import os
from pathlib import Path

from tlsync.store.requests import Request, post, take_all


def test_notes_arrive_once_with_odd_paths(tmp_path: Path) -> None:
    path = Path(os.fsdecode(b"/footage/caf\xe9\n.mp4"))
    post(tmp_path, Request("retry", (path,)))
    post(tmp_path, Request("retry"))
    assert sorted(take_all(tmp_path), key=lambda note: len(note.paths)) == [Request("retry"), Request("retry", (path,))]
    assert take_all(tmp_path) == []


def test_what_is_no_note_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "requests").mkdir()
    for number, text in enumerate(
        ("", "[]", "{}", '{"action": "retry", "paths": ["zz"]}', '{"action": 1, "paths": 2}')
    ):
        (tmp_path / "requests" / f"{number}.json").write_text(text)
    assert take_all(tmp_path) == []
    assert list((tmp_path / "requests").iterdir()) == []


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    post(tmp_path, Request("retry", (Path("/footage/private.mp4"),)))
    (note,) = (tmp_path / "requests").iterdir()
    assert note.stat().st_mode & 0o077 == 0
