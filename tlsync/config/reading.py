"""Reading one table of the settings: right types, known keys, and all mistakes collected with their lines."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from tlsync.errors import ConfigError

if TYPE_CHECKING:
    from tlsync.config.toml_lines import Place

T = TypeVar("T")
C = TypeVar("C", bound=str)


class Problems:
    """The mistakes of a settings file, to be told all at once."""

    def __init__(self, where: str, text: str) -> None:
        self._where = where
        self._text = text
        self._found: list[tuple[int, str]] = []

    def add(self, place: Place, text: str) -> None:
        """Note a mistake. A key without a line of its own has that of its table; a table that of its header."""
        table, position, key = place
        candidates: list[Place] = [place, (key or "", None, None), (key or "", 0, None)]
        if table:
            candidates = [place, (table, position, None)]
        from tlsync.config.toml_lines import find_lines  # as good as all files are without a mistake

        lines = find_lines(self._text)
        line = next((lines[candidate] for candidate in candidates if candidate in lines), 0)
        at = f"{self._where}:{line}" if line else self._where
        section = f"[[{table}]] " if position is not None else f"[{table}] " if table else ""
        self._found.append((line, f"{at}: {section}{text}"))

    def raise_if_any(self) -> None:
        """Raises ConfigError with every mistake, in the order of their lines."""
        if self._found:
            raise ConfigError(
                "\n".join(text for _, text in sorted(self._found)), hint="config.example.toml names every setting"
            )


class Table:
    """One table of TOML. Each getter notes a mistake and goes on with the default."""

    def __init__(self, data: Mapping[str, Any], name: str, position: int | None, problems: Problems) -> None:
        self._data = data
        self._name = name
        self._position = position
        self._problems = problems
        self._known: list[str] = []

    def place(self, key: str) -> Place:
        return self._name, self._position, key

    def table(self, name: str) -> Table:
        """A subtable; an absent one is empty."""
        value = self._take(name)
        if value is not None and not isinstance(value, dict):
            self._wrong(name, f"must be a table, written [{name}]", None)
            value = None
        return Table(value or {}, name, None, self._problems)

    def tables(self, name: str) -> list[Table]:
        """An array of tables."""
        value = self._take(name)
        if value is not None and (not isinstance(value, list) or not all(isinstance(item, dict) for item in value)):
            self._wrong(name, f"must be written [[{name}]]", None)
            value = None
        return [Table(item, name, position, self._problems) for position, item in enumerate(value or ())]

    def text(self, key: str, default: str) -> str:
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, str):
            return self._wrong(key, f"must be a text in quotes, not {value!r}", default)
        return value

    def choice(self, key: str, default: C, among: tuple[C, ...]) -> C:
        value = self._take(key)
        if value is None:
            return default
        if value not in among:
            return self._wrong(key, _not_among(value, among), default)
        return value  # type: ignore[no-any-return]

    def texts(
        self, key: str, default: tuple[str, ...], *, among: Sequence[str] = (), least: int = 0
    ) -> tuple[str, ...]:
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return self._wrong(key, 'must be a list of texts, like ["a", "b"]', default)
        wrong = [item for item in value if among and item not in among]
        if wrong:
            return self._wrong(key, _not_among(wrong[0], among), default)
        if len(value) < least:
            return self._wrong(key, f"needs at least {least}", default)
        return tuple(value)

    def one_or_more(self, key: str, default: tuple[str, ...], *, among: Sequence[str]) -> tuple[str, ...]:
        """A text or a list of texts."""
        if isinstance(self._data.get(key), str):
            return (self.choice(key, default[0], tuple(among)),)
        return self.texts(key, default, among=among, least=1)

    def flag(self, key: str, default: bool) -> bool:
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            return self._wrong(key, f"must be true or false, not {value!r}", default)
        return value

    def whole(self, key: str, default: T, *, least: int, most: int) -> int | T:
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            return self._wrong(key, f"must be a whole number from {least} to {most}, not {value!r}", default)
        return value

    def number(self, key: str, default: T, *, least: float) -> float | T:
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value < math.inf:
            return self._wrong(key, f"must be a number from {least:g} on, not {value!r}", default)
        return float(value)

    def parsed(self, key: str, parse: Callable[[str], T], default: T, *, least: float | None = None) -> T:
        """A size, rate, duration, path or URL, as `parse` reads it."""
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, str):
            return self._wrong(key, f"must be a text in quotes, not {value!r}", default)
        try:
            result = parse(value)
        except ValueError as error:
            return self._wrong(key, str(error), default)
        if least is not None and isinstance(result, int | float) and result < least:
            return self._wrong(key, f"{value!r} is too little", default)
        return result

    def refuse_unknown(self) -> None:
        """Note every key that no getter asked for, with the nearest right one."""
        for key in self._data:
            if key not in self._known:
                import difflib  # only for who made a mistake

                near = difflib.get_close_matches(key, self._known, n=1, cutoff=0.5)
                help_text = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(self._known)}"
                self._problems.add(self.place(key), f"unknown key {key!r}; {help_text}")

    def has_text(self, key: str) -> bool:
        """Whether the key is there and not empty; a value of a wrong type was noted by its getter."""
        return bool(self._data.get(key, "") != "")

    def _take(self, key: str) -> Any:
        if key not in self._known:
            self._known.append(key)
        return self._data.get(key)

    def _wrong(self, key: str, text: str, default: T) -> T:
        self._problems.add(self.place(key), f"{key}: {text}")
        return default


def _not_among(value: object, among: Sequence[str]) -> str:
    """What is allowed instead, with the nearest first."""
    import difflib  # only for who made a mistake

    near = difflib.get_close_matches(value, among, n=1) if isinstance(value, str) else []
    return f"{value!r} is not one of {', '.join(among)}" + (f"; did you mean {near[0]!r}?" if near else "")
