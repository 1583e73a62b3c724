"""Generated text that arrives in pieces: one JSON object per line, from `stream_start` to `stream_end`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import msgspec

from tlsync.api.failures import clean
from tlsync.api.transport import parse_json
from tlsync.api.types import StreamEvent, from_wire
from tlsync.errors import BadAnswer

_LAST = "stream_end"


class AnalysisStream:
    """Events of one generation, for use in a `with` block; leaving it closes the connection.

    Raises, while iterated:
        BadAnswer: A line is not an event, or the stream ended before its last event: the text is not whole.
        Unreachable: The connection broke.
        Interrupted: Asked to stop.
    """

    def __init__(self, call: str, lines: AbstractContextManager[Iterator[bytes]]) -> None:
        self._call = call
        self._context = lines
        self._lines: Iterator[bytes] | None = None

    def __enter__(self) -> AnalysisStream:
        self._lines = self._context.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._context.__exit__(kind, error, trace)

    def __iter__(self) -> Iterator[StreamEvent]:
        return (event for event, _ in self.with_objects())

    def with_objects(self) -> Iterator[tuple[StreamEvent, Any]]:
        """Each event with the JSON object it was made of, which may have fields that are newer than the type."""
        if self._lines is None:
            raise RuntimeError("an AnalysisStream is used in a with block")
        for line in self._lines:
            event, parsed = _event(self._call, line)
            yield event, parsed
            if event.event_type == _LAST:
                return
        raise BadAnswer(f"{self._call}: the text ended before it was whole", maybe_applied=True, hint="ask again")

    def texts(self) -> Iterator[str]:
        """The pieces of text alone; together they are the whole."""
        return (event.text for event in self if event.text)


def _event(call: str, line: bytes) -> tuple[StreamEvent, Any]:
    try:
        parsed = parse_json(line)
        return from_wire(parsed, StreamEvent), parsed
    except (ValueError, RecursionError) as error:
        reason = clean(str(error), 120)
    raise BadAnswer(f"{call}: a line of the stream is not an event: {reason}", maybe_applied=True)


def parse_generation(body: bytes) -> Any:
    """A generation as one JSON object. A server that streams although it was asked not to is understood too.

    Raises:
        ValueError: Neither of the two, or a stream without its end.
    """
    try:
        return parse_json(body)
    except msgspec.DecodeError:
        events = [parse_json(line) for line in body.splitlines() if line.strip()]
    if not all(isinstance(event, dict) for event in events) or events[-1].get("event_type") != _LAST:
        raise ValueError("a stream without its end")
    last = events[-1]
    metadata = last.get("metadata") if isinstance(last.get("metadata"), dict) else {}
    return {
        "id": metadata.get("generation_id"),
        "data": "".join(event["text"] for event in events if isinstance(event.get("text"), str)),
        "finish_reason": last.get("finish_reason"),
        "usage": metadata.get("usage"),
        "error": last.get("error"),
    }
