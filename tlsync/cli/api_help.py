"""What the help of `tlsync api METHOD` says, read off docstring and route."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlsync.api.reference import Method

_SECTION = re.compile(r"(Args|Returns|Raises|Source)(, .*)?:")
_ENTRY = re.compile(r" {4}(\w+): (.*)")
_SHARED = re.compile(r"as in `([\w.]+)`")


def about(method: Method) -> str:
    """The docstring up to its first section."""
    lines = (inspect.getdoc(method.function) or "").splitlines()
    end = next((number for number, line in enumerate(lines) if _SECTION.fullmatch(line)), len(lines))
    return "\n".join(lines[:end]).strip()


def parameter_texts(method: Method) -> dict[str, str]:
    """The text of each parameter that has one. Where the docstring says "as in `…`", the texts of that method join."""
    own = _entries(method)
    for name in method.signature.parameters:
        if name not in own:
            mention = next((other for other, text in own.items() if f"`{name}`" in text), None)
            if mention is not None:
                own[name] = f"See --{mention.replace('_', '-')}."
    shared = _SHARED.search(about(method))
    return own if shared is None else {**parameter_texts(_named(shared[1])), **own}


def marks(method: Method) -> list[str]:
    """Short words for the table of all methods."""
    words = {"deletes": method.deletes, "costs money": method.costs_money, "later": not method.in_reference}
    state = [] if method.lifetime.value == "live" else [method.lifetime.value]
    return [word for word, applies in words.items() if applies] + state


def notes(method: Method) -> list[str]:
    """What to know before the call: paragraphs as click takes them, the first of which must not be wrapped."""
    sentences = [f"\b\n{method.verb} {method.template}"]
    if method.deletes:
        sentences.append("Deletes: asks first on a terminal, elsewhere it needs --yes.")
    if method.costs_money:
        sentences.append("Costs money: asks first on a terminal, elsewhere it needs --yes.")
    if method.lifetime.value == "deprecated":
        sentences.append(f"Deprecated: better use {method.instead}.")
    if method.lifetime.value == "removed":
        sentences.append(f"Removed from newer servers, which answer 404 or 410; use {method.instead}.")
    if not method.in_reference:
        sentences.append("Newer servers only: it came after the reference of 2025-11-17.")
    return sentences


def _entries(method: Method) -> dict[str, str]:
    """The entries of the section `Args`."""
    found: dict[str, str] = {}
    is_inside, last = False, ""
    for line in (inspect.getdoc(method.function) or "").splitlines():
        section = _SECTION.fullmatch(line)
        if section is not None:
            is_inside = section[1] == "Args"
        elif is_inside and (entry := _ENTRY.fullmatch(line)) is not None:
            last = entry[1]
            found[last] = entry[2]
        elif is_inside and last and line.strip():
            found[last] += f" {line.strip()}"
    return found


def _named(name: str) -> Method:
    """The method that a docstring calls `name`, without all of the way to it."""
    from tlsync.api.reference import methods

    return next(method for full, method in methods().items() if f".{full}".endswith(f".{name}"))
