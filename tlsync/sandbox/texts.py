"""Texts about a video, made from facts alone: length, size, file name, subtitle lines. All say "sandbox"; pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from tlsync.sandbox.facts import Facts, Line
from tlsync.sandbox.words import frequent, words_of

CHAPTER_S = 30.0
MOST_CHAPTERS = 8
MOST_HIGHLIGHTS = 3
QUOTE_LETTERS = 80


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a video with a headline and a text."""

    start_s: float
    end_s: float
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Subject:
    """What the texts are about."""

    filename: str
    facts: Facts

    @property
    def name(self) -> str:
        """The file name as a title."""
        return " ".join(word.capitalize() for word in words_of(PurePosixPath(self.filename).stem)) or self.filename


def title(subject: Subject) -> str:
    return f"{subject.name} (sandbox)"


def summary(subject: Subject) -> str:
    facts = subject.facts
    size = f" of {facts.width}x{facts.height} pixels" if facts.width else ""
    said = (
        f" {len(facts.lines)} subtitle lines, the first: {_quote(facts.lines[0])}." if facts.lines else " No subtitles."
    )
    return (
        f"[sandbox] {subject.filename} is {facts.duration_s:.1f} seconds of {facts.kind}{size}.{said}"
        " This text was made from the file's own data; no model looked at it."
    )


def chapters(subject: Subject) -> list[Span]:
    """Equal parts that cover the whole length without gaps."""
    length_s = subject.facts.duration_s
    count = max(1, min(MOST_CHAPTERS, round(length_s / CHAPTER_S)))
    edges = [round(length_s * number / count, 3) for number in range(count)] + [length_s]
    spans = []
    for number in range(count):
        lines = [line for line in subject.facts.lines if edges[number] <= line.start_s < edges[number + 1]]
        text = f"Begins with {_quote(lines[0])}." if lines else "Nothing is said in this part."
        spans.append(
            Span(edges[number], edges[number + 1], f"Sandbox part {number + 1} of {count}", f"[sandbox] {text}")
        )
    return spans


def highlights(subject: Subject) -> list[Span]:
    """The longest lines of the subtitles in the order of time; without any, the middle of the video."""
    longest = sorted(subject.facts.lines, key=lambda line: (-len(line.text), line.start_s))[:MOST_HIGHLIGHTS]
    if not longest:
        middle_s = subject.facts.duration_s / 2
        start_s, end_s = max(0.0, middle_s - 1), min(subject.facts.duration_s, middle_s + 1)
        return [Span(round(start_s, 3), round(end_s, 3), "Sandbox: the middle", "[sandbox] The middle of the file.")]
    return [
        Span(line.start_s, line.end_s, f"Sandbox: {_quote(line)}", f"[sandbox] Said: {_quote(line)}.")
        for line in sorted(longest, key=lambda line: line.start_s)
    ]


def topics(subject: Subject) -> list[str]:
    said = frequent((line.text for line in subject.facts.lines), 3)
    named = [word for word in words_of(PurePosixPath(subject.filename).stem) if not word.isdigit()][:2]
    return list(dict.fromkeys(["sandbox", *said, *named]))


def hashtags(subject: Subject) -> list[str]:
    return [f"#{topic}" for topic in topics(subject)]


def answer(subject: Subject, prompt: str) -> str:
    """The answer to a free prompt, honest about what it is."""
    asked = " ".join(prompt.split())
    shown = asked if len(asked) <= QUOTE_LETTERS else f"{asked[: QUOTE_LETTERS - 1]}…"
    return f"{summary(subject)} You asked: “{shown}”. The sandbox has no model to answer with."


def _quote(line: Line) -> str:
    text = " ".join(line.text.split())
    return f"“{text if len(text) <= QUOTE_LETTERS else text[: QUOTE_LETTERS - 1] + '…'}”"
