"""Questions that may never be answered."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tlsync.patience import Presence, answers_within


def test_those_that_answer_are_in_the_result_and_nobody_waits_for_the_others() -> None:
    goes_on = threading.Event()

    def ask(number: int) -> int:
        if number == 2:
            goes_on.wait(60)
        return number * 10

    try:
        assert answers_within(0.2, ask, [1, 2, 3]) == {1: 10, 3: 30}
    finally:
        goes_on.set()


def test_no_questions_no_answers() -> None:
    assert answers_within(1.0, str, list[int]()) == {}


def test_a_disk_that_does_not_answer_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clip.mp4").touch()
    goes_on, asked, real = threading.Event(), list[Path](), Path.exists

    def exists(path: Path) -> bool:
        asked.append(path)
        if "hung" in path.parts:
            goes_on.wait(60)
        return real(path)

    monkeypatch.setattr(Path, "exists", exists)
    presence, hung = Presence(0.5), tmp_path / "hung"
    try:
        assert not any(presence.has(hung / name, hung) for name in "abc")
        assert presence.has(tmp_path / "clip.mp4", tmp_path)
        assert not presence.has(tmp_path / "gone.mp4", tmp_path)
    finally:
        goes_on.set()
    assert len(asked) == 3
