"""A span of time as the value of an option: `1s`, `2 h`."""

from __future__ import annotations

from typing import Any

import click

from tlsync.units import parse_duration


class Span(click.ParamType[float]):
    """Seconds."""

    name = "time"

    def __init__(self, *, least_s: float = 0.0) -> None:
        self._least_s = least_s

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            span_s = parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if span_s < self._least_s:
            self.fail(f"{value!r} is too little; the least is {self._least_s:g} s", param, ctx)
        return span_s
