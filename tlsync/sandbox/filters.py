"""Which indexed assets a list or a search is about: the filters of the query string and of `/search`; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from tlsync.sandbox.facts import Facts
from tlsync.sandbox.fields import Fields
from tlsync.sandbox.metadata import equals_text
from tlsync.sandbox.refusals import Refusal, invalid, refused, unknown_parameter

NUMBERS: dict[str, Callable[[Facts], float]] = {
    "duration": lambda facts: facts.duration_s,
    "fps": lambda facts: facts.fps,
    "width": lambda facts: facts.width,
    "height": lambda facts: facts.height,
    "size": lambda facts: facts.size_bytes,
}
SEARCH_NUMBERS = ("duration", "width", "height", "size")
TOLERANCE = 0.0005
NESTED_METADATA = re.compile(r"user_metadata\[(.+)\]\Z")


class Filtered(Protocol):
    """What a filter looks at."""

    @property
    def id(self) -> str: ...
    @property
    def filename(self) -> str: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def user_metadata(self) -> Mapping[str, Any]: ...


Predicate = Callable[[Filtered], bool]


def is_on_day_since(at_ms: int, since_ms: int | None) -> bool:
    """On that day (UTC) at or after that time, as the reference describes its time filters."""
    if since_ms is None:
        return True
    at, since = (datetime.fromtimestamp(value / 1000, UTC) for value in (at_ms, since_ms))
    return at >= since and at.date() == since.date()


def from_query(query: Fields, *, has_ranges: bool, has_metadata: bool = True) -> Predicate:
    """Reads what is left of a list's query: numbers, ranges of newer platforms, and user metadata by name.

    Raises:
        Refusal: A number that is none, or a range where there are none.
    """
    tests: list[Predicate] = []
    filename = query.optional_text("filename")
    if filename is not None:
        tests.append(lambda item: item.filename == filename)
    for name, read in NUMBERS.items():
        exact = query.number(name)
        low = query.number(f"{name}[gte]") if has_ranges else None
        high = query.number(f"{name}[lte]") if has_ranges else None
        if exact is not None:
            low = high = exact
        if low is not None or high is not None:
            tests.append(_between(read, low, high))
    if not has_metadata:
        query.done()
    for key, value in query.rest().items():
        nested = NESTED_METADATA.match(key)
        if nested is None and "[" in key:
            raise unknown_parameter(key)
        tests.append(_metadata_text(nested.group(1) if nested else key, str(value)))
    return lambda item: all(test(item) for test in tests)


def from_search(text: str | None) -> Predicate:
    """Reads the `filter` of a search; all keys must hold.

    Raises:
        Refusal: `search_filter_invalid` for a form that the reference does not have.
    """
    if text is None:
        return lambda item: True
    try:
        wanted = msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise _bad_filter("it is not valid JSON") from None
    if not isinstance(wanted, dict):
        raise _bad_filter("it is not an object")
    tests = [_search_test(key, value) for key, value in wanted.items()]
    return lambda item: all(test(item) for test in tests)


def _search_test(key: str, value: Any) -> Predicate:
    if key == "id":
        ids = value if isinstance(value, list) else [value]
        if not ids or not all(isinstance(item, str) for item in ids):
            raise _bad_filter("id must be a string or an array of strings")
        return lambda item: item.id in ids
    if key == "filename":
        if not isinstance(value, str):
            raise _bad_filter("filename must be a string")
        return lambda item: item.filename == value
    if key in SEARCH_NUMBERS:
        return _between(NUMBERS[key], *_range(key, value))
    if isinstance(value, str | bool):
        return lambda item: type(item.user_metadata.get(key)) is type(value) and item.user_metadata.get(key) == value
    low, high = _range(key, value)
    return lambda item: _is_in(item.user_metadata.get(key), low, high)


def _range(key: str, value: Any) -> tuple[float | None, float | None]:
    if isinstance(value, dict) and value and set(value) <= {"gte", "lte"}:
        low, high = value.get("gte"), value.get("lte")
        if all(bound is None or _is_number(bound) for bound in (low, high)):
            return low, high
    if _is_number(value):
        return value, value
    raise _bad_filter(f"{key} must be a number, or an object with gte or lte")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_in(value: Any, low: float | None, high: float | None) -> bool:
    if not _is_number(value):
        return False
    return (low is None or value >= low - TOLERANCE) and (high is None or value <= high + TOLERANCE)


def _between(read: Callable[[Facts], float], low: float | None, high: float | None) -> Predicate:
    if low is not None and high is not None and low > high:
        raise invalid("A range must not end before it begins.")
    return lambda item: _is_in(read(item.facts), low, high)


def _metadata_text(key: str, value: str) -> Predicate:
    return lambda item: key in item.user_metadata and equals_text(item.user_metadata[key], value)


def _bad_filter(why: str) -> Refusal:
    return refused("search_filter_invalid", f"The filter is not valid: {why}.")
