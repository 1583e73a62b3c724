"""Faults on demand: which call goes wrong, how, and how often.

A rule names calls by the method's name in the reference (`multipart_upload.create`, with `*` as a wildcard), by
verb and path template (`POST /assets/multipart-uploads`), or `storage.put`. `nth` is the first matching call that
it touches, counted from when the rule was added; `times` how many it touches, None for all that follow. `fail` and
`stall` steer what becomes of a new `asset`, `indexed_asset`, `entity`, `task`, `embedding` or `analysis`.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, get_args

Action = Literal["answer", "lose_answer", "reset", "delay", "cut_body", "etag", "fail", "stall"]
ON_CALLS: tuple[Action, ...] = ("answer", "lose_answer", "reset", "delay", "cut_body", "etag")
KINDS = ("asset", "indexed_asset", "entity", "task", "embedding", "analysis")


@dataclass(slots=True)
class Rule:
    """One rule; `seen` counts calls that match its name, `hits` those that it touched."""

    on: str
    action: Action
    nth: int = 1
    times: int | None = 1
    status: int = 503
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    after_effect: bool = False
    delay_s: float = 0.0
    keep_bytes: int = 0
    etag: str | None = None
    code: str = "video_file_broken"
    seen: int = 0
    hits: int = 0

    def __post_init__(self) -> None:
        if self.action not in get_args(Action):
            raise ValueError(f"unknown action {self.action!r}; known are {', '.join(get_args(Action))}")
        if self.action not in ON_CALLS and self.on not in KINDS:
            raise ValueError(f"{self.action} is for {', '.join(KINDS)}, not for {self.on!r}")
        if self.nth < 1 or (self.times is not None and self.times < 1):
            raise ValueError("nth and times count from 1")

    def strikes(self) -> bool:
        """Count one matching event; whether the rule touches it."""
        self.seen += 1
        if self.seen < self.nth or (self.times is not None and self.seen >= self.nth + self.times):
            return False
        self.hits += 1
        return True


class Faults:
    """The rules that are in force. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force; look at its `hits` afterwards."""
        with self._lock:
            self._rules.append(rule)
        return rule

    def answer(
        self,
        on: str,
        status: int,
        *,
        body: Any = None,
        headers: dict[str, str] | None = None,
        after_effect: bool = False,
        nth: int = 1,
        times: int | None = 1,
    ) -> Rule:
        """Answer with this instead; `after_effect` lets the call take effect first."""
        return self.add(
            Rule(
                on,
                "answer",
                nth,
                times,
                status=status,
                body=body,
                headers=dict(headers or {}),
                after_effect=after_effect,
            )
        )

    def lose_answer(self, on: str, *, nth: int = 1, times: int | None = 1) -> Rule:
        """The call takes effect, and the connection ends without an answer."""
        return self.add(Rule(on, "lose_answer", nth, times))

    def reset(self, on: str, *, nth: int = 1, times: int | None = 1) -> Rule:
        """The connection is reset before anything happens."""
        return self.add(Rule(on, "reset", nth, times))

    def delay(self, on: str, seconds: float, *, nth: int = 1, times: int | None = 1) -> Rule:
        """Wait on the sandbox's clock before the call is looked at."""
        return self.add(Rule(on, "delay", nth, times, delay_s=seconds))

    def cut_body(self, on: str, keep_bytes: int, *, nth: int = 1, times: int | None = 1) -> Rule:
        """End the connection after so many bytes of the answer's body."""
        return self.add(Rule(on, "cut_body", nth, times, keep_bytes=keep_bytes))

    def etag(self, value: str | None, *, on: str = "storage.put", nth: int = 1, times: int | None = 1) -> Rule:
        """Answer a PUT with another ETag, or with none. What is stored is right."""
        return self.add(Rule(on, "etag", nth, times, etag=value))

    def fail(self, kind: str, code: str = "video_file_broken", *, nth: int = 1, times: int | None = 1) -> Rule:
        """The next new thing of this kind ends as failed."""
        return self.add(Rule(kind, "fail", nth, times, code=code))

    def stall(self, kind: str, *, nth: int = 1, times: int | None = 1) -> Rule:
        """The next new thing of this kind never gets to its end."""
        return self.add(Rule(kind, "stall", nth, times))

    def due(self, name: str, call: str) -> list[Rule]:
        """Count a call and give the rules that touch it. `call` is verb and path template."""
        with self._lock:
            return [
                rule
                for rule in self._rules
                if rule.action in ON_CALLS and (rule.on == call or fnmatchcase(name, rule.on)) and rule.strikes()
            ]

    def outcome(self, kind: str) -> Rule | None:
        """Count a new thing and give the rule that steers it, if one does."""
        with self._lock:
            struck = [
                rule for rule in self._rules if rule.action not in ON_CALLS and rule.on == kind and rule.strikes()
            ]
        return struck[0] if struck else None

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def to_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(rule) for rule in self._rules]
