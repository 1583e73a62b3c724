"""The table of all methods, read off the code: what `tlsync api METHOD` and the coverage table are made of."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from tlsync.api.client import TwelveLabs
from tlsync.api.namespace import Namespace
from tlsync.api.routes import Lifetime, Route, route_of


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the reference, or one that came later.

    Attributes:
        name: As in the reference, for example `indexes.indexed_assets.create`; also the way to it from a client.
        route: Which endpoint it calls, and how that behaves.
        function: Its code, to read signature and docstring from.
    """

    name: str
    route: Route
    function: Callable[..., Any]

    @property
    def verb(self) -> str:
        return self.route.verb

    @property
    def template(self) -> str:
        return self.route.template

    @property
    def deletes(self) -> bool:
        return self.route.deletes

    @property
    def costs_money(self) -> bool:
        return self.route.costs_money

    @property
    def lifetime(self) -> Lifetime:
        return self.route.lifetime

    @property
    def instead(self) -> str:
        """What to use in place of a method that is deprecated or removed."""
        return self.route.instead

    @property
    def in_reference(self) -> bool:
        """Whether it is one of the 60 of the reference of 2025-11-17."""
        return self.route.in_reference

    @property
    def summary(self) -> str:
        """First line of the docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    @property
    def signature(self) -> inspect.Signature:
        """Its parameters without `self`, with types instead of their names."""
        whole = inspect.signature(self.function, eval_str=True)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    def bind(self, client: TwelveLabs) -> Callable[..., Any]:
        """The method of this client, ready to be called."""
        bound: Callable[..., Any] = attrgetter(self.name)(client)
        return bound


@functools.cache
def methods() -> dict[str, Method]:
    """All methods by name, in alphabetical order."""
    found = sorted(_walk(TwelveLabs, ""), key=lambda method: method.name)
    return {method.name: method for method in found}


def _walk(space: type, prefix: str) -> Iterator[Method]:
    for name, function in inspect.getmembers(space, inspect.isfunction):
        route = route_of(function)
        if route is not None:
            yield Method(prefix + name, route, function)
    for name, kind in typing.get_type_hints(space).items():
        if inspect.isclass(kind) and issubclass(kind, Namespace):
            yield from _walk(kind, f"{prefix}{name}.")
