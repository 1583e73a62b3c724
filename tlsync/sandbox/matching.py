"""Finds moments: words in the subtitle track, words in the file name, the shape of a picture.

There is no vision model here. `visual` and `audio` look at the file name and at title-like user metadata, and say so
in the hit; `transcription` (with Marengo 2.7: `audio`) is full-text search; an image query orders by how near the
shape of the video comes to that of the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

import msgspec

from tlsync.sandbox.core import Core
from tlsync.sandbox.indexed_assets import IndexedAsset
from tlsync.sandbox.words import share, telling_words, words_of

TITLE_LIKE = ("title", "name", "description", "keywords", "tags")
BY_NAME = "sandbox: matched words of the file name, not the pictures or sounds"
BY_SPEECH = "sandbox: matched the embedded subtitle track"
BY_SHAPE = "sandbox: ordered by aspect ratio, the image was not looked at"


class Hit(msgspec.Struct, frozen=True):
    """One moment. `score` is 0 to 2, more is better; `why` goes out with the hit."""

    video_id: str
    start_s: float
    end_s: float
    score: float
    why: str
    transcription: str | None = None


class Query(msgspec.Struct, frozen=True):
    """What to look for. `aspect` is that of the query image; with `is_semantic` one of the words is enough."""

    options: tuple[str, ...]
    operator: str
    text: str | None = None
    aspect: float | None = None
    is_semantic: bool = True
    has_speech_in_audio: bool = False


def find(core: Core, index_id: str, query: Query, videos: Sequence[IndexedAsset]) -> list[Hit]:
    """Hits among these videos, best first; equal ones in the order of the videos."""
    order = {video.id: position for position, video in enumerate(videos)}
    by_option = {option: _of_option(core, index_id, query, option, videos, order) for option in query.options}
    hits = [hit for found in by_option.values() for hit in found]
    if query.operator == "and":
        common = set.intersection(*({hit.video_id for hit in found} for found in by_option.values()))
        hits = [hit for hit in hits if hit.video_id in common]
        # Where speech was asked for, a moment says more than the whole video that a name stands for.
        spoken = {hit.video_id for hit in hits if hit.transcription is not None}
        hits = [hit for hit in hits if hit.transcription is not None or hit.video_id not in spoken]
    unique = {(hit.video_id, hit.start_s, hit.end_s, hit.transcription): hit for hit in reversed(hits)}
    return sorted(unique.values(), key=lambda hit: (-hit.score, order[hit.video_id], hit.start_s, hit.end_s))


def _of_option(
    core: Core, index_id: str, query: Query, option: str, videos: Sequence[IndexedAsset], order: dict[str, int]
) -> list[Hit]:
    hits: list[Hit] = []
    if option == "transcription" or (option == "audio" and query.has_speech_in_audio):
        hits += [hit for hit in _spoken(core, index_id, query) if hit.video_id in order]
    if option != "transcription":
        hits += _whole(videos, lambda video: _name_score(video, query.text), BY_NAME)
        if option == "visual" and query.aspect is not None:
            aspect = query.aspect
            named = {hit.video_id for hit in hits}
            shaped = _whole(videos, lambda video: _shape_score(video, aspect), BY_SHAPE)
            # A composed query wants both: with words given, the shape only orders what the words found.
            hits = [hit for hit in shaped if hit.video_id in named] if query.text is not None else [*hits, *shaped]
    return hits


def _spoken(core: Core, index_id: str, query: Query) -> list[Hit]:
    words = telling_words(query.text or "")
    if not words:
        return []
    # Words only, each in quotes: nothing of what a person types is FTS syntax.
    joiner = " OR " if query.is_semantic else " "
    rows = core.db.rows(
        "SELECT text, indexed_asset_id, start_s, end_s FROM spoken"
        " WHERE spoken MATCH ? AND index_id = ? ORDER BY rowid",
        (joiner.join(f'"{word}"' for word in words), index_id),
    )
    return [
        Hit(
            row["indexed_asset_id"],
            row["start_s"],
            row["end_s"],
            1.0 + max(share(words, words_of(row["text"])), 1 / (len(words) + 1)),
            BY_SPEECH,
            row["text"],
        )
        for row in rows
    ]


def _whole(videos: Sequence[IndexedAsset], score: Callable[[IndexedAsset], float], why: str) -> list[Hit]:
    scored = ((video, score(video)) for video in videos)
    return [Hit(video.id, 0.0, video.facts.duration_s, value, why) for video, value in scored if value > 0]


def _name_score(video: IndexedAsset, text: str | None) -> float:
    if text is None:
        return 0.0
    offered = words_of(PurePosixPath(video.filename).stem)
    for key in TITLE_LIKE:
        value = video.user_metadata.get(key)
        offered += words_of(value) if isinstance(value, str) else []
    return share(telling_words(text), offered)


def _shape_score(video: IndexedAsset, aspect: float) -> float:
    if not video.facts.height:
        return 0.0
    return 1 / (1 + abs(video.facts.width / video.facts.height - aspect))
