"""The questions of `tlsync init` with their usual answers, and the same answers as options."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsync.cli.output import note, shown
from tlsync.cli.wiring import absolute
from tlsync.config import IndexSettings, RootSettings
from tlsync.errors import ConfigError
from tlsync.models import ENRICHMENT_KINDS

if TYPE_CHECKING:
    from tlsync.checkup.account import Account
    from tlsync.checkup.survey import Survey

USUAL_INDEX = RootSettings(Path()).index
_ALL, _NONE = "all", "none"


def ask_folders(look: Callable[[Path], Survey]) -> list[Survey]:
    """Folders until an empty line; at least one. One that can't be watched is told and asked for again."""
    found: list[Survey] = []
    while True:
        text = "Folder with footage" if not found else "Another folder (Enter alone: no more)"
        typed = click.prompt(text, default="" if found else None, show_default=False, err=True).strip()
        if not typed:
            return found
        folder = absolute((Path(typed),))[0]
        nested = next(
            (one.path for one in found if one.path in (folder, *folder.parents) or folder in one.path.parents), None
        )
        if nested is not None:
            note(f"{shown(folder)}: is watched with {shown(nested)}; folders must not lie in one another")
            continue
        try:
            found.append(look(folder))
        except ConfigError as error:
            note(f"{error.message} → {error.hint}")


def ask_index(account: Account | None, models: tuple[str, ...] | None) -> tuple[str, tuple[str, ...] | None]:
    """The index, and the models of one that is to be made."""
    known = account.indexes if account is not None else ()
    for number, index in enumerate(known, start=1):
        until = f", until {index.expires_at:%Y-%m-%d}" if index.expires_at is not None else ""
        note(f"  {number}  {shown(index.name)}  ({index.videos} videos, {', '.join(index.models)}{until})")
    text = "Index: a number, or the name of a new one" if known else "Name of the index"
    typed = ""
    while not typed:
        typed = click.prompt(text, default=USUAL_INDEX, err=True).strip()
    names = [index.name for index in known]
    if typed.isascii() and typed.isdigit() and 1 <= int(typed) <= len(names):
        return names[int(typed) - 1], models
    if typed in names or models is not None:
        return typed, models
    usual = ",".join(IndexSettings().models)
    return typed, _split(click.prompt("Its models (they can't be changed later)", default=usual, err=True))


def ask_kinds() -> tuple[str, ...]:
    """What is to be fetched for each clip."""
    while True:
        try:
            typed = click.prompt(f"What to fetch: {', '.join(ENRICHMENT_KINDS)}; or none", default=_ALL, err=True)
            return _kinds(typed)
        except click.BadParameter as error:
            note(error.message)


def parse_kinds(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """`--kinds`."""
    return None if value is None else _kinds(value)


def parse_models(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    """`--models`."""
    if value is not None and not _split(value):
        raise click.BadParameter("name at least one model, like marengo3.0")
    return None if value is None else _split(value)


def _kinds(text: str) -> tuple[str, ...]:
    wanted = _split(text)
    if wanted in ((_ALL,), (_NONE,)):
        return ENRICHMENT_KINDS if wanted == (_ALL,) else ()
    wrong = [kind for kind in wanted if kind not in ENRICHMENT_KINDS]
    if wrong or not wanted:
        raise click.BadParameter(
            f"{', '.join(wrong) or 'nothing'} is not among {', '.join(ENRICHMENT_KINDS)}; or all, or none"
        )
    return tuple(kind for kind in ENRICHMENT_KINDS if kind in wanted)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.replace(",", " ").split() if part)
