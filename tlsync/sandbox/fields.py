"""Reads the fields of a body or a query as strictly as the platform: type, range, choice, nothing unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tlsync.sandbox.refusals import invalid, not_provided, unknown_parameter

MAX_INTEGER = 2**63 - 1


class Fields:
    """Named values from JSON. Each is taken once; `done()` refuses those that nobody asked for."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def has(self, name: str) -> bool:
        """Given, and not null."""
        return self._values.get(name) is not None

    def take(self, name: str) -> Any:
        """The raw value, None when absent or null."""
        return self._values.pop(name, None)

    def need(self, name: str) -> Any:
        value = self.take(name)
        if value is None:
            raise not_provided(name)
        return value

    def text(self, name: str, *, shortest: int = 1, longest: int | None = None, choices: Sequence[str] = ()) -> str:
        """A required text."""
        value = self.optional_text(name, shortest=shortest, longest=longest, choices=choices)
        if value is None:
            raise not_provided(name)
        return value

    def optional_text(
        self, name: str, *, shortest: int = 0, longest: int | None = None, choices: Sequence[str] = ()
    ) -> str | None:
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise invalid(f"The {name} parameter must be a string.")
        if len(value) < shortest or (longest is not None and len(value) > longest):
            raise invalid(f"The {name} parameter must have {shortest} to {longest or 'any number of'} characters.")
        _check_choice(name, value, choices)
        return value

    def integer(self, name: str, *, low: int = 0, high: int = MAX_INTEGER, default: int | None = None) -> int:
        """An integer in a range; required when it has no default."""
        value = self.take(name)
        if value is None:
            if default is None:
                raise not_provided(name)
            return default
        number = self._integer(value)
        if number is None:
            raise invalid(f"The {name} parameter must be an integer.")
        if not low <= number <= high:
            raise invalid(f"The {name} parameter must be between {low} and {high}.")
        return number

    def number(self, name: str, *, low: float | None = None, high: float | None = None) -> float | None:
        value = self.take(name)
        if value is None:
            return None
        number = self._number(value)
        if number is None:
            raise invalid(f"The {name} parameter must be a number.")
        if (low is not None and number < low) or (high is not None and number > high):
            raise invalid(f"The {name} parameter must be between {low} and {high}.")
        return number

    def boolean(self, name: str, *, default: bool) -> bool:
        value = self.take(name)
        if value is None:
            return default
        truth = self._boolean(value)
        if truth is None:
            raise invalid(f"The {name} parameter must be true or false.")
        return truth

    def items(
        self, name: str, *, choices: Sequence[str] = (), fewest: int = 1, most: int | None = None
    ) -> list[Any] | None:
        """A list, None when absent. With `choices`, a list of those words without repetition."""
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise invalid(f"The {name} parameter must be an array.")
        if len(value) < fewest or (most is not None and len(value) > most):
            raise invalid(f"The {name} parameter must have {fewest} to {most or 'any number of'} items.")
        if choices:
            for item in value:
                _check_choice(name, item, choices)
            return list(dict.fromkeys(value))
        return list(value)

    def mapping(self, name: str) -> dict[str, Any] | None:
        value = self.take(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise invalid(f"The {name} parameter must be an object.")
        return value

    def instant_ms(self, name: str) -> int | None:
        """An RFC 3339 time or a bare date, as milliseconds since 1970."""
        value = self.take(name)
        if value is None:
            return None
        try:
            instant = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise invalid(f"The {name} parameter must be a time in the RFC 3339 format.") from None
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=UTC)
        return round(instant.timestamp() * 1000)

    def values(self) -> dict[str, Any]:
        """All that is not taken yet, left in place."""
        return dict(self._values)

    def rest(self) -> dict[str, Any]:
        """What nobody asked for yet, taken."""
        left, self._values = self._values, {}
        return left

    def done(self) -> None:
        """Refuse what is left."""
        for name in self._values:
            raise unknown_parameter(name)

    def _integer(self, value: object) -> int | None:
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def _number(self, value: object) -> float | None:
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def _boolean(self, value: object) -> bool | None:
        return value if isinstance(value, bool) else None


class TextFields(Fields):
    """Named values that came as text: a query, or the fields of a form. A repeated name is a list."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._lists: dict[str, list[str]] = {}
        for name, value in pairs:
            self._lists.setdefault(name, []).append(value)
        super().__init__({name: values[-1] for name, values in self._lists.items()})

    def items(
        self, name: str, *, choices: Sequence[str] = (), fewest: int = 1, most: int | None = None
    ) -> list[Any] | None:
        if self.has(name):
            self._values[name] = self._lists[name]
        return super().items(name, choices=choices, fewest=fewest, most=most)

    def _integer(self, value: object) -> int | None:
        text = str(value)
        return int(text) if text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) < 20 else None

    def _number(self, value: object) -> float | None:
        try:
            number = float(str(value))
        except ValueError:
            return None
        return number if abs(number) < float("inf") else None

    def _boolean(self, value: object) -> bool | None:
        return {"true": True, "false": False}.get(str(value))


def _check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    if choices and value not in choices:
        raise invalid(f"The {name} parameter must be one of {', '.join(choices)}.")
