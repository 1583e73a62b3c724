from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FakeClock
from tlsync.errors import Unreachable
from tlsync.mirror import kept_answers
from tlsync.mirror.kept_answers import KeptAnswers, Known

HOUR = timedelta(hours=1)
PATIENCE_S = 10.0


class Asker:
    """A platform that answers when it is let."""

    def __init__(self) -> None:
        self.times = 0
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.says: list[Any] | Exception = ["one"]

    def __call__(self) -> list[Any]:
        self.times += 1
        assert self.may_answer.wait(PATIENCE_S)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@pytest.fixture
def asker() -> Asker:
    return Asker()


Make = Callable[[], KeptAnswers]


@pytest.fixture
def make(tmp_path: Path, fake_clock: FakeClock, asker: Asker) -> Iterator[Make]:
    made: list[KeptAnswers] = []

    def make() -> KeptAnswers:
        made.append(KeptAnswers(tmp_path / "answers", fake_clock, lambda: None))
        return made[-1]

    yield make
    asker.may_answer.set()
    for answers in made:
        answers.close()


def asked(answers: KeptAnswers, asker: Asker, question: str = "q") -> Known:
    """Ask, wait for the answer, and look again."""
    answers.get(question, asker, good_for=HOUR)
    assert answers.settle(PATIENCE_S)
    return answers.get(question, asker, good_for=HOUR)


def test_nobody_waits_for_the_answer(make: Make, asker: Asker) -> None:
    asker.may_answer.clear()
    answers = make()
    assert answers.get("q", asker, good_for=HOUR) == Known(None, is_old=True, trouble="")
    assert not answers.settle(0)
    asker.may_answer.set()
    assert answers.settle(PATIENCE_S)
    assert answers.get("q", asker, good_for=HOUR) == Known(["one"], is_old=False, trouble="")


def test_a_question_under_way_is_not_asked_twice(make: Make, asker: Asker) -> None:
    asker.may_answer.clear()
    answers = make()
    for _ in range(5):
        answers.get("q", asker, good_for=HOUR)
    asker.may_answer.set()
    assert answers.settle(PATIENCE_S)
    assert asker.times == 1


def test_an_old_answer_is_shown_while_it_is_asked_for_anew(make: Make, asker: Asker, fake_clock: FakeClock) -> None:
    answers = make()
    asked(answers, asker)
    fake_clock.advance(2 * 3600)
    asker.says = ["two"]
    assert answers.get("q", asker, good_for=HOUR).items == ["one"]
    assert answers.settle(PATIENCE_S)
    assert answers.get("q", asker, good_for=HOUR).items == ["two"]


def test_an_answer_outlives_the_process(make: Make, asker: Asker) -> None:
    asked(make(), asker)
    assert make().get("q", asker, good_for=HOUR).items == ["one"]
    assert asker.times == 1


def test_an_answer_that_another_process_brought_is_seen(make: Make, asker: Asker) -> None:
    first, second = make(), make()
    asked(first, asker)
    assert second.get("q", asker, good_for=HOUR).items == ["one"]
    first.forget("q")
    assert second.questions("") == []


def test_quiet_callers_ask_nothing(make: Make, asker: Asker) -> None:
    answers = make()
    with answers.quiet():
        assert answers.is_quiet()
        assert answers.get("q", asker, good_for=HOUR).items is None
    assert not answers.is_quiet()
    assert answers.settle(0)
    assert asker.times == 0


def test_a_failure_is_told_and_tried_again_later(make: Make, asker: Asker, fake_clock: FakeClock) -> None:
    answers = make()
    asked(answers, asker)
    fake_clock.advance(2 * 3600)
    asker.says = Unreachable("no way there")
    known = asked(answers, asker)
    assert (known.items, known.trouble, asker.times) == (["one"], "no way there", 2)
    fake_clock.advance(31)
    asker.says = ["again"]
    known = asked(answers, asker)
    assert (known.items, known.trouble, asker.times) == (["again"], "", 3)


def test_a_mistake_of_ours_does_not_end_the_asking(make: Make, asker: Asker) -> None:
    answers = make()
    asker.says = KeyError("oops")
    assert "made a mistake" in asked(answers, asker).trouble
    asker.says = ["fine"]
    assert asked(answers, asker, "other").items == ["fine"]


def test_an_answer_that_can_not_be_kept_is_told(make: Make, asker: Asker, tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("in the way")
    assert "can't be kept" in asked(make(), asker).trouble


@pytest.mark.parametrize("damage", [b"", b"{", b"[" * 10_000, b'{"question": "q", "asked_at": "soon", "items": []}'])
def test_a_damaged_file_is_no_answer(make: Make, asker: Asker, tmp_path: Path, damage: bytes) -> None:
    asked(make(), asker)
    (path,) = (tmp_path / "answers").glob("*.json")
    path.write_bytes(damage)
    answers = make()
    assert answers.questions("") == []
    assert asked(answers, asker).items == ["one"]


def test_a_clock_that_was_set_back_makes_answers_old(make: Make, asker: Asker, fake_clock: FakeClock) -> None:
    answers = make()
    asked(answers, asker)
    fake_clock.advance(-7200)
    assert answers.get("q", asker, good_for=HOUR).is_old


def test_only_so_many_answers_are_kept(
    make: Make, asker: Asker, fake_clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "_MOST_KEPT", 3)
    answers = make()
    for number in range(6):
        asked(answers, asker, f"q{number}")
        fake_clock.advance(1)
    assert answers.questions("q") == ["q5", "q4", "q3"]
    assert len(list((tmp_path / "answers").iterdir())) == 3
    assert len(answers._known) == 3


def test_only_so_many_questions_wait(make: Make, asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who enters a thousand names below search/ pays for a few."""
    monkeypatch.setattr(kept_answers, "_MOST_UNDER_WAY", 4)
    asker.may_answer.clear()
    answers = make()
    for number in range(100):
        answers.get(f"q{number}", asker, good_for=HOUR)
    asker.may_answer.set()
    assert answers.settle(PATIENCE_S)
    assert asker.times == 4
