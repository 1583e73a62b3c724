"""User metadata: which values are allowed, how an update merges, how a filter compares; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tlsync.sandbox.refusals import invalid


def check_user_metadata(values: Mapping[str, Any], *, may_remove: bool, may_list: bool) -> dict[str, Any]:
    """Values are texts, numbers or booleans; null only in an update; lists of texts only on newer platforms.

    Raises:
        Refusal: Anything else.
    """
    for key, value in values.items():
        is_plain = isinstance(value, str | int | float | bool)
        is_list = may_list and isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not key or not (is_plain or is_list or (value is None and may_remove)):
            raise invalid(f"The user_metadata value of {key!r} must be a string, a number or a boolean.")
    return dict(values)


def merge(old: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Keys not named stay; null removes a key."""
    merged = {**old, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def equals_text(value: Any, wanted: str) -> bool:
    """Compare a stored value with one that came in a query, where everything is text."""
    if isinstance(value, bool):
        return wanted == ("true" if value else "false")
    if isinstance(value, int | float):
        try:
            return float(wanted) == value
        except ValueError:
            return False
    return bool(value == wanted)
