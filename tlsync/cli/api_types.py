"""What one value on the command line may be: a text from an option, or a value that JSON gave, checked the same way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
from click.shell_completion import CompletionItem

from tlsync.errors import FileUnreadable, UnknownPath
from tlsync.terminal_text import printable

_SHOWN_LETTERS = 60


class ValueType(click.ParamType[Any]):
    """Base of all. `metavar` stands for the value in the help."""

    name = "value"

    def __init__(self, metavar: str) -> None:
        self.metavar = metavar

    def refuse(self, value: Any, wanted: str, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        self.fail(f"{printable(str(value)[:_SHOWN_LETTERS])!r} is not {wanted}.", param, ctx)


class TextType(ValueType):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return value if isinstance(value, str) else self.refuse(value, "a text", param, ctx)


class ChoiceType(ValueType):
    """One of some words; case matters, as it does to the platform."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__("|".join(words))
        self._words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value not in self._words:
            self.refuse(value, f"one of {', '.join(self._words)}", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(word) for word in self._words if word.startswith(incomplete)]


class FlagType(ValueType):
    """`true` or `false` of JSON; the command line has `--name` and `--no-name` instead."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bool:
        return value if isinstance(value, bool) else self.refuse(value, "true or false", param, ctx)


class NumberType(ValueType):
    """A number, whole if `is_whole`, or one of some words in its place."""

    def __init__(self, *, is_whole: bool, words: Sequence[str] = ()) -> None:
        super().__init__("|".join(["INTEGER" if is_whole else "NUMBER", *words]))
        self._is_whole = is_whole
        self._words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and value in self._words:
            return value
        number = _number(value)
        if number is None or (self._is_whole and not isinstance(number, int)):
            wanted = " or ".join(["a whole number" if self._is_whole else "a number", *self._words])
            self.refuse(value, wanted, param, ctx)
        return number


class ObjectType(ValueType):
    """A JSON object, or `@FILE` that holds one."""

    def __init__(self) -> None:
        super().__init__("JSON|@FILE")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        parsed = self._parsed(value, param, ctx)
        return parsed if isinstance(parsed, dict) else self.refuse(value, "a JSON object", param, ctx)

    def _parsed(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return read_json(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class RangeType(ObjectType):
    """A number to equal, or an object with its bounds."""

    def __init__(self) -> None:
        super().__init__()
        self.metavar = "NUMBER|JSON"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = _number(value)
        if number is not None:
            return number
        bounds = super().convert(value, param, ctx)
        if not all(_number(limit) is not None and not isinstance(limit, str) for limit in bounds.values()):
            self.refuse(value, 'a number or bounds, as in {"gte": 10, "lte": 60}', param, ctx)
        return bounds


class FileType(ValueType):
    """The path of a file, which is read while it is sent."""

    def __init__(self) -> None:
        super().__init__("PATH")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        if not isinstance(value, str) or not value or "\0" in value:
            self.refuse(value, "a path", param, ctx)
        path = _path_of(value)
        if not path.is_file():
            raise UnknownPath(f"{printable(value)}: no such file", hint="check the path")
        return path

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]


class ListType(ValueType):
    """One item of a list for each time the option is given, or several as a JSON array. Always gives a list."""

    def __init__(self, item: ValueType) -> None:
        super().__init__(item.metavar)
        self._item = item

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[Any]:
        several = _array(value, is_json=isinstance(self._item, ObjectType))
        return [self._item.convert(item, param, ctx) for item in ([value] if several is None else several)]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return self._item.shell_complete(ctx, param, incomplete)


def read_json(text: str) -> Any:
    """The value of a JSON text, or of the file that `@FILE` names.

    Raises:
        UnknownPath, FileUnreadable: About the file.
        ValueError: It is not JSON; the message says where.
    """
    return parse_json(_read_file(text[1:]) if text.startswith("@") else text.encode(errors="surrogateescape"))


def parse_json(data: bytes) -> Any:
    """The value of a JSON text in UTF-8.

    Raises:
        ValueError: It is none; the message says where.
    """
    try:
        return msgspec.json.decode(data)
    except UnicodeDecodeError:
        raise ValueError("this is not JSON: it is not UTF-8") from None
    except RecursionError:
        raise ValueError("this is not JSON: it is nested too deeply") from None
    except msgspec.MsgspecError as error:
        raise ValueError(f"this is not JSON: {error}") from None


def _read_file(name: str) -> bytes:
    try:
        return _path_of(name).read_bytes()
    except FileNotFoundError:
        raise UnknownPath(f"{printable(name)}: no such file", hint="@ stands before the name of a file") from None
    except OSError as error:
        raise FileUnreadable(name, f"{printable(name)} cannot be read: {error.strerror}") from None


def _path_of(text: str) -> Path:
    """A path that may begin with `~`; also where there is no such user, and the text is then the name itself."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        return Path(text)


def _number(value: Any) -> int | float | None:
    """A number of JSON, or a text that is one; None for anything else, `nan` and `1_000` among it."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if not isinstance(value, str) or "_" in value or not value.isascii():
        return None
    for kind in (int, float):
        try:
            number = kind(value)
        except ValueError:
            continue
        return number if math.isfinite(number) else None
    return None


def _array(value: Any, *, is_json: bool) -> list[Any] | None:
    """The items, if the value is a list or looks like one in JSON. A text may well begin with a bracket."""
    if isinstance(value, list):
        return value
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "@") if is_json else "["):
        return None
    try:
        parsed = read_json(value)
    except ValueError:
        return None
    return parsed if isinstance(parsed, list) else None
