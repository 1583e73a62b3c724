"""What one method of the reference calls: verb, path, and the facts that decide how a failure is handled."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, TypeVar
from urllib.parse import quote

from tlsync.errors import Rejected

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_OPAQUE = "page_token"
_LONGEST_TOKEN = 4096

F = TypeVar("F", bound=Callable[..., Any])


class Repeat(Enum):
    """What a second, equal request does."""

    HARMLESS = "leaves the platform as the first one did"
    COSTS = "leaves nothing behind, but is computed and billed again"
    DUPLICATES = "makes a second object"


class Lifetime(StrEnum):
    """Where a method stands in the life of the API."""

    LIVE = "live"
    DEPRECATED = "deprecated"
    REMOVED = "removed"
    """Part of the reference; newer servers answer 404 or 410."""


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint.

    Attributes:
        verb: HTTP method.
        template: Path below the base URL, with `{names}` for its parameters. The only form of a path in messages.
        repeat: What a second, equal request does. Follows from the verb unless given.
        costs_money: The platform bills or counts the call against a quota of media or generation.
        group: Calls that share a rate limit on the platform. A 429 pauses the whole group, nothing else.
        read_timeout_s: Seconds without a byte until a read is given up; None for the client's own value.
        lifetime: Whether newer servers still have it.
        instead: What to use in its place; ends up in the message of a 404 or 410.
        in_reference: False for what came after the reference of 2025-11-17.

    Source:
        API v1.3, "Rate limits": groups since 2026-01-12.
    """

    verb: str
    template: str
    repeat: Repeat | None = None
    costs_money: bool = False
    group: str = ""
    read_timeout_s: float | None = None
    lifetime: Lifetime = Lifetime.LIVE
    instead: str = ""
    in_reference: bool = True

    def __post_init__(self) -> None:
        if self.repeat is None:
            repeat = Repeat.DUPLICATES if self.verb == "POST" else Repeat.HARMLESS
            object.__setattr__(self, "repeat", repeat)
        if not self.group:
            object.__setattr__(self, "group", str(self))

    def __str__(self) -> str:
        return f"{self.verb} {self.template}"

    @property
    def only_reads(self) -> bool:
        return self.verb == "GET"

    @property
    def deletes(self) -> bool:
        return self.verb == "DELETE"

    def path(self, values: Mapping[str, str]) -> str:
        """The template with its parameters filled in and percent-encoded.

        Raises:
            Rejected: A value is not an identifier. It came from outside, and a `/` or `..` in it would name
                another endpoint.
        """
        return _PLACEHOLDER.sub(lambda match: _segment(match[1], values[match[1]]), self.template)


def _segment(name: str, value: str) -> str:
    if name == _OPAQUE:
        fits = 0 < len(value) <= _LONGEST_TOKEN and value not in (".", "..") and value.isprintable()
    else:
        fits = _ID.fullmatch(value) is not None
    if not fits:
        raise Rejected(f"{value[:80]!r} is not a possible {name}", hint=f"check the {name}; nothing was sent")
    return quote(value, safe="")


def serves(route: Route) -> Callable[[F], F]:
    """Note on a method which endpoint it calls, so that the table of all methods follows from the code."""

    def mark(method: F) -> F:
        method.__dict__["route"] = route
        return method

    return mark


def route_of(method: object) -> Route | None:
    """The endpoint that a method was marked with."""
    route = getattr(method, "route", None)
    return route if isinstance(route, Route) else None
