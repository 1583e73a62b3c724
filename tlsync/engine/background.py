"""Analysis in the background, for media that are too long for one call.

Kept here: an order is noted before it is placed, and goes by a name that follows from content, request and attempt
alone. So after a crash, a lost answer, or on a second machine the same order leads to the same task, and
nothing is billed twice. Of media beyond the two hours that the platform looks at in one task, its refusal is kept as
the reason why there are no texts.

Source: contract, 4.3 (one hour at once, two in the background) and 7.3 (`/analyze/tasks`, `Idempotency-Key`).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from tlsync.api import TwelveLabs
from tlsync.api.types import AnalysisTask, AnalyzeResult, ResponseFormat
from tlsync.engine.video_parameter import REMEMBERED_FOR, Video
from tlsync.errors import Gone, NotFound, Rejected, RemoteFailed
from tlsync.store.analyses import Analyses, Order
from tlsync.store.contents import Content, Contents

AT_ONCE_MAX_S = 3600.0
"""What Pegasus looks at in one call (contract, 4.3)."""
TOO_LONG_CODES = frozenset({"token_limit_exceeded", "video_duration_too_long"})

_TOPIC = "analyze_tasks"
_ANSWER_TOKENS = 16_384
"""Hours have more chapters than fit into the 4,096 tokens of the default (contract, 4.3)."""


class NotOffered(Exception):
    """This platform has no analysis in the background, or none for this video. Does not leave the engine."""


class BackgroundAnalyses:
    """Places orders, and looks after them when asked again. No call waits for the platform's work."""

    def __init__(self, client: TwelveLabs, contents: Contents, analyses: Analyses) -> None:
        self._tasks = client.analyze_async.tasks
        self._contents = contents
        self._analyses = analyses

    def is_under_way(self, content: Content, question_sha256: str) -> bool:
        """Whether this was ordered before, also by a run that ended since."""
        return self._analyses.find(content.id, question_sha256) is not None

    def ask(
        self, content: Content, video: Video, question_sha256: str, prompt: str, schema: dict[str, Any]
    ) -> AnalyzeResult | None:
        """Order an analysis, or look whether it is there; None while the platform works on it.

        Raises:
            NotOffered: There is no such thing here.
            Rejected: The platform does not take the order, or gave it up.
            RemoteFailed: It no longer knows the order.
        """
        if self._contents.learned(_TOPIC, valid_for=REMEMBERED_FOR) == "absent" or video.asset_id is None:
            raise NotOffered
        known = self._analyses.find(content.id, question_sha256)
        if known is not None and known.task_id is not None:
            return self._look_after(known, known.task_id)
        order = known or self._analyses.intend(content.id, question_sha256)
        name = _name_of(order, content, video, schema)
        # The key is enough where the server honours it; a repeated order looks for the first one all the same.
        task = self._left_behind(video, name) if known is not None else None
        if task is None:
            task = self._place(order, video, name, prompt, schema)
        self._analyses.set_task(order, task.task_id)
        return None

    def taken(self, content: Content, question_sha256: str) -> None:
        """The answer is kept elsewhere now."""
        order = self._analyses.find(content.id, question_sha256)
        if order is not None:
            self._analyses.drop(order)

    def spoiled(self, content: Content, question_sha256: str) -> None:
        """The answer was of no use: the next time it is ordered anew."""
        order = self._analyses.find(content.id, question_sha256)
        if order is not None:
            self._analyses.give_up(order)

    def _place(self, order: Order, video: Video, name: str, prompt: str, schema: dict[str, Any]) -> AnalysisTask:
        try:
            return self._tasks.create(
                video=video.source,
                prompt=prompt,
                max_tokens=_ANSWER_TOKENS,
                response_format=ResponseFormat(json_schema=schema),
                custom_id=name,
                idempotency_key=name,
            )
        except NotFound as error:
            self._analyses.drop(order)
            if not is_endpoint_gone(error):
                raise
            self._contents.learn(_TOPIC, "absent")
        except Rejected:
            self._analyses.drop(order)
            raise
        raise NotOffered

    def _left_behind(self, video: Video, name: str) -> AnalysisTask | None:
        """The task of an earlier call whose answer never came."""
        try:
            found = self._tasks.list(asset_id=video.asset_id)
            return next((task for task in found if task.custom_id == name), None)
        except Rejected:
            return None  # a server that can't be asked so; the key has to be enough

    def _look_after(self, order: Order, task_id: str) -> AnalyzeResult | None:
        try:
            task = self._tasks.retrieve(task_id)
        except NotFound as error:
            self._analyses.give_up(order)
            raise RemoteFailed(
                "the platform no longer has the analysis",
                "somebody removed it there",
                hint="tlsync retry PATH orders it again",
            ) from error
        try:
            return answer_of(task)
        except Rejected:
            self._analyses.give_up(order)
            raise


def answer_of(task: AnalysisTask) -> AnalyzeResult | None:
    """The answer of a task, None while it is on its way.

    Raises:
        Rejected: The platform gave it up, or somebody cancelled it.
    """
    if task.status in ("failed", "canceled"):
        reason = (task.error.message or task.error.code) if task.error else None
        raise Rejected(f"the analysis in the background was {task.status}: {reason or 'the platform does not say why'}")
    if task.status != "ready":
        return None
    result = task.result
    return AnalyzeResult(data=result.data, finish_reason=result.finish_reason) if result else AnalyzeResult()


def is_endpoint_gone(error: NotFound) -> bool:
    """404 for the path as such, not for the video in it."""
    return isinstance(error, Gone) or error.remote_code != "resource_not_exist"


def _name_of(order: Order, content: Content, video: Video, schema: dict[str, Any]) -> str:
    """The same for the same request only: a server refuses a key that comes again with another body."""
    request = f"{video.asset_id} {order.question_sha256} {json.dumps(schema)} {_ANSWER_TOKENS}"
    text = f"{content.sha256} {request} {order.attempt}"
    return f"tlsync-{hashlib.sha256(text.encode()).hexdigest()}"
