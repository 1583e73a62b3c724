"""A person's question about one video: answered piece by piece, or in the background where the video is too long.

Only reads the catalog, so it works beside the daemon.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import Any

from tlsync.api import TwelveLabs
from tlsync.api.types import AnalysisTask, AnalyzeResult, ResponseFormat
from tlsync.clock import Clock
from tlsync.engine.background import TOO_LONG_CODES, answer_of, is_endpoint_gone
from tlsync.engine.context import shown
from tlsync.engine.video_parameter import Video, ask_about
from tlsync.errors import Interrupted, NotFound, NotYet, Rejected, UnknownPath
from tlsync.models import AssetId, IndexedAssetId
from tlsync.states import FileState
from tlsync.store.reader import CatalogReader, FileView

_FIRST_POLL_S = 1.0
_LONGEST_POLL_S = 30.0

_ON_THE_WAY = frozenset(
    {
        FileState.DISCOVERED,
        FileState.SETTLING,
        FileState.IDENTIFIED,
        FileState.UPLOADING,
        FileState.UPLOADED,
        FileState.ASSET_READY,
        FileState.INDEXING,
    }
)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. With a JSON `schema` the answer is JSON as text."""

    prompt: str
    schema: dict[str, Any] | None = None
    temperature: float | None = None
    max_tokens: int | None = None

    @property
    def parameters(self) -> dict[str, Any]:
        """In the names of the platform."""
        return {
            "prompt": self.prompt,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "response_format": None if self.schema is None else ResponseFormat(json_schema=self.schema),
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole text; `is_cut` when it ended at the token limit."""

    text: str
    is_cut: bool


def video_of(view: FileView) -> Video:
    """The video of a file that is searchable, also when the file is away at the moment.

    Raises:
        NotYet: It is on its way to be.
        UnknownPath: It will not be by itself.
    """
    will_be_retried = view.state == FileState.FAILED and view.retry_at is not None
    if view.state in _ON_THE_WAY or (view.indexed_asset_id is None and will_be_retried):
        raise NotYet(
            f"{shown(view.path)}: not searchable yet ({view.state}{f': {view.reason}' if view.reason else ''})",
            hint="tlsync sync or tlsync run takes it there; tlsync why PATH says what it waits for",
        )
    if view.indexed_asset_id is None:
        raise UnknownPath(f"{shown(view.path)}: not on the platform: {view.reason or view.state}", hint=view.hint)
    return Video(IndexedAssetId(view.indexed_asset_id), AssetId(view.asset_id) if view.asset_id else None)


class WhatTheDaemonLearned:
    """Read from the catalog. What is found out here is not kept: the next question spends one refused call on it."""

    def __init__(self, reader: CatalogReader) -> None:
        self._reader = reader

    def learned(self, topic: str, *, valid_for: timedelta) -> str | None:
        return self._reader.learned(topic, valid_for=valid_for)

    def learn(self, topic: str, value: str) -> None:
        pass


class Prompter:
    """Asks the platform, and waits for it until `stop` is set."""

    def __init__(self, client: TwelveLabs, reader: CatalogReader, clock: Clock, stop: threading.Event) -> None:
        self._client = client
        self._knowledge = WhatTheDaemonLearned(reader)
        self._clock = clock
        self._stop = stop

    def ask(self, video: Video, question: Question, on_text: Callable[[str], None]) -> Answer:
        """Answer a question.

        Args:
            on_text: Is given each piece of the text as it comes.

        Raises:
            Rejected: The platform does not answer this question about this video.
            BadAnswer: The text ended before it was whole.
            Interrupted: `stop` was set.
        """
        try:
            return ask_about(video, lambda **named: self._streamed(question, named, on_text), self._knowledge)
        except Rejected as error:
            if error.remote_code not in TOO_LONG_CODES or video.asset_id is None:
                raise
            refusal = error
        try:
            task = self._ordered(video, question)
        except NotFound as error:
            raise refusal if is_endpoint_gone(error) else error from None
        result = self._waited_for(task.task_id)
        on_text(result.data or "")
        return Answer(result.data or "", result.finish_reason == "length")

    def _streamed(self, question: Question, named: dict[str, Any], on_text: Callable[[str], None]) -> Answer:
        pieces: list[str] = []
        finish_reason = None
        with self._client.analyze_stream(**question.parameters, **named) as events:
            for event in events:
                finish_reason = event.finish_reason or finish_reason
                if event.text:
                    pieces.append(event.text)
                    on_text(event.text)
        return Answer("".join(pieces), finish_reason == "length")

    def _ordered(self, video: Video, question: Question) -> AnalysisTask:
        """The same question on the same day is the same order: asked again after a break, it is not billed again."""
        text = repr((video.asset_id, astuple(question), self._clock.now().date().isoformat()))
        key = f"tlsync-ask-{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}"
        return self._client.analyze_async.tasks.create(video=video.source, **question.parameters, idempotency_key=key)

    def _waited_for(self, task_id: str) -> AnalyzeResult:
        tasks = self._client.analyze_async.tasks
        wait_s = _FIRST_POLL_S
        while (answer := answer_of(tasks.retrieve(task_id))) is None:
            if self._clock.wait(self._stop, wait_s):
                raise Interrupted("stopped waiting; the platform goes on, and the same question gets its answer today")
            wait_s = min(wait_s * 1.5, _LONGEST_POLL_S)
        return answer
