"""The signature of a method → options of a command, and their values → arguments for the call."""

from __future__ import annotations

import collections.abc
import difflib
import inspect
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NewType

import click

from tlsync.cli.api_help import parameter_texts
from tlsync.cli.api_types import (
    ChoiceType,
    FileType,
    FlagType,
    ListType,
    NumberType,
    ObjectType,
    RangeType,
    TextType,
    ValueType,
    parse_json,
    read_json,
)
from tlsync.terminal_text import printable

if TYPE_CHECKING:
    from tlsync.api.reference import Method


def type_of(name: str, annotation: Any) -> ValueType:
    """The type of option that takes what a parameter of this annotation takes.

    Raises:
        TypeError: No option could give such a value.
    """
    if isinstance(annotation, NewType):
        return TextType("ID")
    kinds = [kind for kind in _alternatives(annotation) if kind is not type(None)]
    origins = [typing.get_origin(kind) or kind for kind in kinds]
    words = [word for kind in kinds if typing.get_origin(kind) is Literal for word in typing.get_args(kind)]
    if collections.abc.Sequence in origins:
        (item,) = typing.get_args(kinds[origins.index(collections.abc.Sequence)])
        return ListType(type_of(name, item))
    if collections.abc.Mapping in origins:
        return RangeType() if float in kinds else ObjectType()
    if Path in kinds or BinaryIO in kinds:
        return FileType()
    if int in kinds or float in kinds:
        return NumberType(is_whole=float not in kinds, words=words)
    if words:
        return ChoiceType(words)
    if bool in kinds:
        return FlagType("BOOLEAN")
    if str in kinds or any(isinstance(kind, NewType) for kind in kinds):
        return TextType("ID" if name.endswith(("_id", "_ids")) else "TEXT")
    raise TypeError(f"{name}: no option for {annotation}")


def options_of(method: Method) -> list[click.Option]:
    """One option for each parameter, in the order of the signature."""
    texts = parameter_texts(method)
    return [_option(parameter, texts.get(name, "")) for name, parameter in method.signature.parameters.items()]


def describe(option: click.Option) -> dict[str, Any]:
    """An option for programs."""
    return {
        "name": option.name,
        "option": option.opts[0],
        "type": "BOOLEAN" if option.is_flag else option.metavar,
        "required": option.required,
        "repeatable": option.multiple,
        "help": option.help or None,
    }


def arguments_of(method: Method, values: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, for the call. The rest is left to its defaults, which may mean: not sent."""
    given = {name: values[name] for name in method.signature.parameters if values[name] not in (None, ())}
    # A repeatable option gives a list for each time it stands there.
    return {
        name: [item for part in value for item in part] if isinstance(value, tuple) else value
        for name, value in given.items()
    }


def take_json_body(method: Method, context: click.Context, text: str | None) -> None:
    """Take parameters from a JSON object: `@FILE`, `-` for standard input, or the JSON itself. Options win over it.

    Raises:
        click.UsageError: It is no JSON object, or names a parameter that the method does not have.
    """
    if text is None or context.resilient_parsing:
        return
    try:
        body = parse_json(sys.stdin.buffer.read()) if text == "-" else read_json(text)
    except ValueError as error:
        raise click.UsageError(f"--json-body: {printable(str(error))}.") from None
    if not isinstance(body, dict):
        raise click.UsageError("--json-body: a JSON object is wanted.")
    options = {option.name or "": option for option in context.command.params}
    names = list(method.signature.parameters)
    for name, value in body.items():
        if name not in names:
            raise click.UsageError(
                f"--json-body: {method.name} has no parameter {printable(name)!r}.{near(name, names)}"
            )
        if options[name].type is click.BOOL and value is not None:
            # Click would take any text that sounds like yes or no.
            FlagType("BOOLEAN").convert(value, options[name], context)
    # A list as such: click would take a text for a list of letters, and an array for several values.
    context.default_map = {
        name: [value] if isinstance(options[name].type, ListType) else value
        for name, value in body.items()
        if value is not None
    }


def near(name: str, known: list[str]) -> str:
    """` Did you mean …?`, or nothing."""
    found = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(found)}?" if found else ""


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return typing.get_args(annotation) if is_union else (annotation,)


def _option(parameter: inspect.Parameter, text: str) -> click.Option:
    name = f"--{parameter.name.replace('_', '-')}"
    kind = type_of(parameter.name, parameter.annotation)
    is_required = parameter.default is inspect.Parameter.empty
    is_flag = isinstance(kind, FlagType)
    is_repeatable = isinstance(kind, ListType)
    return click.Option(
        [f"{name}/--no-{name[2:]}" if is_flag else name, parameter.name],
        type=click.BOOL if is_flag else kind,
        is_flag=is_flag,
        multiple=is_repeatable,
        required=is_required,
        **({} if is_required else {"default": parameter.default}),
        show_default=not is_required and parameter.default is not None,
        metavar=None if is_flag else kind.metavar,
        help=" ".join(filter(None, [text, "Repeatable, or a JSON array." if is_repeatable else ""])),
    )
