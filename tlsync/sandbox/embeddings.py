"""Vectors made from words: hashed pieces of text, so that like texts lie near each other; pure.

They stand in for a model that the sandbox does not have. Equal input gives equal vectors of length one.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any

import msgspec

from tlsync.sandbox.facts import Facts
from tlsync.sandbox.refusals import invalid
from tlsync.sandbox.words import words_of

DIMENSIONS = {"marengo3.0": 512, "marengo2.7": 1024, "Marengo-retrieval-2.7": 1024}
OPTIONS = {
    "marengo3.0": ("visual", "audio", "transcription"),
    "marengo2.7": ("visual-text", "audio"),
    "Marengo-retrieval-2.7": ("visual-text", "audio"),
}
CLIP_S = 6.0
SHORTEST_CLIP_S = 2.0
PIECE = 3


def vector(text: str, length: int) -> list[float]:
    """A unit vector: every word and every piece of three letters adds to one place, up or down."""
    sums = [0.0] * length
    for piece, weight in _pieces(text):
        digest = int.from_bytes(hashlib.blake2b(piece.encode(), digest_size=8).digest(), "big")
        sums[(digest >> 1) % length] += weight if digest & 1 else -weight
    size = math.sqrt(sum(value * value for value in sums))
    if size == 0.0:
        sums[0] = size = 1.0
    return [value / size for value in sums]


def check_options(model: str, options: Iterable[Any]) -> None:
    """Raises Refusal for a kind of vector that the model does not make."""
    for option in options:
        if option not in OPTIONS[model]:
            raise invalid(f"{model} has no embedding option {option!r}; it has {', '.join(OPTIONS[model])}.")


def text_of(filename: str, facts: Facts, option: str, start_s: float, end_s: float) -> str:
    """The words that stand for one kind of content in one span."""
    spoken = [line.text for line in facts.lines if line.start_s < end_s and line.end_s > start_s]
    if option == "transcription":
        return " ".join(spoken) or "silence"
    return f"{' '.join(words_of(PurePosixPath(filename).stem))} {option}"


def image_text(sha256: str, facts: Facts) -> str:
    """What stands for an image: its bytes and its shape, since nothing looks at it."""
    return f"image {facts.width} {facts.height} {' '.join(sha256[at : at + 8] for at in range(0, 64, 8))}"


def clips(
    start_s: float, end_s: float, clip_s: float, *, shortest_s: float = SHORTEST_CLIP_S
) -> Iterator[tuple[float, float]]:
    """Cut a span into clips of whole milliseconds; a last one that is too short is dropped, unless it is alone."""
    first_ms, last_ms, clip_ms = round(start_s * 1000), round(end_s * 1000), round(clip_s * 1000)
    for at_ms in range(first_ms, last_ms, clip_ms):
        until_ms = min(at_ms + clip_ms, last_ms)
        if at_ms == first_ms or until_ms - at_ms >= shortest_s * 1000:
            yield at_ms / 1000, until_ms / 1000


class Embedding(msgspec.Struct, frozen=True):
    """What to make vectors of: one part of a video or a sound, cut into clips or as a whole.

    `whole` is the name of the scope for the whole part: `video` in v1, `asset` in v2.
    """

    model: str
    filename: str
    facts: Facts
    options: tuple[str, ...]
    scopes: tuple[str, ...]
    start_s: float
    end_s: float
    clip_s: float = CLIP_S
    whole: str = "video"
    keeps_short_end: bool = False

    def vectors(self) -> Iterator[tuple[str, str, float, float, list[float]]]:
        """Option, scope, start, end and vector of each."""
        spans = []
        if "clip" in self.scopes:
            shortest_s = 0.0 if self.keeps_short_end else SHORTEST_CLIP_S
            spans = [("clip", *span) for span in clips(self.start_s, self.end_s, self.clip_s, shortest_s=shortest_s)]
        if self.whole in self.scopes:
            spans.append((self.whole, self.start_s, self.end_s))
        for option in self.options:
            for scope, start_s, end_s in spans:
                text = text_of(self.filename, self.facts, option, start_s, end_s)
                yield option, scope, start_s, end_s, vector(text, DIMENSIONS[self.model])

    def segments(self) -> list[dict[str, Any]]:
        """As the v1 calls and the indexed assets carry them."""
        return [
            {
                "float": values,
                "start_offset_sec": start_s,
                "end_offset_sec": end_s,
                "embedding_option": option,
                "embedding_scope": scope,
            }
            for option, scope, start_s, end_s, values in self.vectors()
        ]


def _pieces(text: str) -> Iterator[tuple[str, float]]:
    for word in words_of(text):
        yield f"={word}", 2.0
        framed = f"^{word}$"
        for at in range(max(1, len(framed) - PIECE + 1)):
            yield framed[at : at + PIECE], 1.0
