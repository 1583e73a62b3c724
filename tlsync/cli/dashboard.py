"""`tlsync status --watch`: a view of the whole terminal that is drawn anew, or lines where no terminal is."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import click

from tlsync.cli.change_lines import Facts, changes, facts_of
from tlsync.cli.dashboard_layout import Line, layout
from tlsync.cli.output import print_json_line
from tlsync.cli.status_text import is_sending, opening
from tlsync.engine.pace import Pace
from tlsync.errors import CatalogError

_REST_TIMES = 50
"""So many times the computing time of a look is rested: 2 % of one processor."""
Look = Callable[[], dict[str, Any]]


class _Watched:
    """The report as it is now, with rates of our own; the last one while the catalog can't be read."""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._pace = Pace()
        self._overall = Pace()
        self._looked_s = time.process_time()
        self.trouble = ""
        self.report = look()
        self._add_rates()

    def next_in_s(self, every_s: float) -> float:
        """How long to wait for the next look: where a look is dear, longer, so that watching stays cheap."""
        return max(every_s, _REST_TIMES * (time.process_time() - self._looked_s))

    def look_again(self) -> None:
        self._looked_s = time.process_time()
        try:
            self.report = self._look()
            self.trouble = ""
        except (CatalogError, sqlite3.Error) as error:  # just being set aside, or made anew
            self.trouble = str(error)
        self._add_rates()

    def _add_rates(self) -> None:
        now_s, transfers = time.monotonic(), self.report["transfers"]
        if not is_sending(self.report):  # nothing moves; a rate would only fade
            self._pace, self._overall = Pace(), Pace()
        self._pace.note(now_s, {transfer["path"]: transfer["bytes_done"] for transfer in transfers})
        sent_today = self.report["today"]["bytes"] + sum(transfer["bytes_done"] for transfer in transfers)
        self._overall.note(now_s, {"": sent_today} if transfers else {})
        for transfer in transfers:
            transfer["bytes_per_s"] = _better(self._pace.rate(transfer["path"]), transfer["bytes_per_s"])
        self.report["bytes_per_s"] = _better(self._overall.rate(""), self.report["bytes_per_s"])


def _better(seen: float | None, said: int) -> int:
    """What we saw, else what the daemon says."""
    return said if seen is None else round(seen)


def watch(look: Look, every_s: float, *, is_json: bool, has_color: bool) -> int:
    """Show what `look` reports until Ctrl-C, which is how a watch ends: exit code 0."""
    watched = _Watched(look)
    is_drawn = not is_json and _is_screen()
    try:
        if is_drawn:
            _draw(watched, every_s, has_color=has_color)
        else:
            _print_changes(watched, every_s, is_json=is_json)
    except KeyboardInterrupt:
        if is_drawn:  # the view is gone; its first line stays
            click.echo(opening(watched.report, datetime.now(UTC)))
    return 0


def _is_screen() -> bool:
    """Whether stdout is a terminal that can be drawn on."""
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown") and encoding == "utf8"


def _print_changes(watched: _Watched, every_s: float, *, is_json: bool) -> None:
    before: Facts = {}
    while True:
        now = datetime.now(UTC)
        facts = facts_of(watched.report, now)
        if watched.trouble:
            facts["error", "catalog"] = watched.trouble
        lines = changes(before, facts)
        before = facts
        if is_json and lines:
            print_json_line(watched.report)
        elif lines:
            at = f"{now.astimezone():%H:%M:%S}"
            click.echo("\n".join(f"{at} {line}" for line in lines))
        time.sleep(watched.next_in_s(every_s))
        watched.look_again()


def _draw(watched: _Watched, every_s: float, *, has_color: bool) -> None:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    console = Console(no_color=None if has_color else True, highlight=False, soft_wrap=False)

    def picture() -> Group:
        width, height = console.size
        lines = layout(watched.report, width, height, datetime.now(UTC), trouble=watched.trouble)
        return Group(*(_text(line) for line in lines))

    def _text(line: Line) -> Text:
        return Text.assemble(*line, no_wrap=True, overflow="crop")

    wake = threading.Event()
    live = Live(picture(), console=console, screen=True, auto_refresh=False)
    with _signals(live, wake):
        try:
            live.start(refresh=True)  # no `with live`: interrupted in its beginning, it would not tidy up
            while True:
                is_resized = wake.wait(watched.next_in_s(every_s))
                wake.clear()
                if not is_resized:
                    watched.look_again()
                live.update(picture(), refresh=True)
        finally:
            live.stop()


@contextmanager
def _signals(live: Any, wake: threading.Event) -> Iterator[None]:
    """A new size is drawn at once; whatever ends or stops us, the terminal is given back as it was."""

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    def stop(number: int, frame: FrameType | None) -> None:
        live.stop()
        os.kill(os.getpid(), signal.SIGSTOP)
        live.start(refresh=True)  # somebody brought us back

    handlers: dict[str, Any] = {
        "SIGWINCH": lambda number, frame: wake.set(),
        "SIGTERM": end,
        "SIGHUP": end,
        "SIGTSTP": stop,
    }
    old = {
        getattr(signal, name): signal.signal(getattr(signal, name), handler)
        for name, handler in handlers.items()
        if hasattr(signal, name)
    }
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
