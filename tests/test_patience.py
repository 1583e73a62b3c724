"""Questions that may never be answered."""

from __future__ import annotations

import threading

from tlsync.patience import answers_within


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
