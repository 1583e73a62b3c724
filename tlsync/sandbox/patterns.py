"""Makes a text that matches a regular expression of the simple kind that schemas use; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tlsync.sandbox.refusals import Refusal, invalid

CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
ALPHABET = "a0 A-_.,:/#!" + "".join(map(chr, range(33, 127)))


def example(pattern: str) -> str:
    """The first text that comes to mind.

    Raises:
        Refusal: Not a regular expression, or one that is beyond the sandbox.
    """
    try:
        text = _Parser(pattern).choices("")
        if re.search(pattern, text):
            return text
    except (re.error, ValueError, IndexError):
        pass
    raise _beyond(pattern)


def _beyond(pattern: str) -> Refusal:
    return invalid(f"The sandbox cannot make a text for the pattern {pattern!r}.")


class _Parser:
    """Reads a pattern from left to right and writes the shortest text that it means."""

    def __init__(self, pattern: str) -> None:
        self._left = list(pattern)

    def choices(self, end: str) -> str:
        """Alternatives up to `end` (a bracket, or the end of all): the first one wins, the others are skipped."""
        branches = [""]
        while self._left and self._left[0] != end:
            if self._left[0] == "|":
                self._left.pop(0)
                branches.append("")
                continue
            branches[-1] += self._repeated()
        if end:
            self._left.pop(0)
        return branches[0]

    def _repeated(self) -> str:
        piece = self._piece()
        count = 1
        if self._left[:1] in (["*"], ["?"]):
            self._left.pop(0)
            count = 0
        elif self._left[:1] == ["+"]:
            self._left.pop(0)
        elif self._left[:1] == ["{"]:
            text = "".join(iter(lambda: self._left.pop(0), "}"))
            count = int(text[1:].partition(",")[0] or 0)
        if self._left[:1] == ["?"]:  # not greedy: the same to us
            self._left.pop(0)
        return piece * count

    def _piece(self) -> str:
        letter = self._left.pop(0)
        match letter:
            case "^" | "$":
                return ""
            case ".":
                return "a"
            case "(":
                if self._left[:2] == ["?", ":"]:
                    del self._left[:2]
                elif self._left[:1] == ["?"]:
                    raise ValueError("a special group")
                return self.choices(")")
            case "[":
                return self._one_of_set()
            case "\\":
                return self._escaped()
        return letter

    def _escaped(self) -> str:
        letter = self._left.pop(0)
        if letter in "bBAZz":
            return ""
        return CLASSES.get(letter) or ESCAPES.get(letter, letter)

    def _one_of_set(self) -> str:
        """A letter of a set like `[A-Za-z_]`, or one outside of `[^…]`."""
        content = ""
        while not content or self._left[0] != "]":
            content += self._left.pop(0)
            if content.endswith("\\"):
                content += self._left.pop(0)
        self._left.pop(0)
        one = re.compile(f"[{content}]")
        return next(self._matching(one))

    def _matching(self, one: re.Pattern[str]) -> Iterator[str]:
        for letter in ALPHABET:
            if one.fullmatch(letter):
                yield letter
        raise ValueError("an unusual set")
