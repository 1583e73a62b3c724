"""`tlsync pause`: hold the daemon back, for a time or until `tlsync resume`."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, shown
from tlsync.cli.wiring import settings_to_look
from tlsync.clock import SystemClock, to_text
from tlsync.errors import NotYet
from tlsync.store.bandwidth_override import go_on_file
from tlsync.store.pause import Pause, begin, find
from tlsync.store.process_lock import RUN, Holder, holder
from tlsync.units import parse_duration

_LONGEST_S = 366 * 86_400.0
_LONGEST_REASON = 200


class _Span(click.ParamType[float]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            span_s = parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if not 0 < span_s <= _LONGEST_S:
            self.fail(f"{value!r}: a pause lasts up to 366 d; without --for it lasts until tlsync resume", param, ctx)
        return span_s


@click.command("pause")
@click.option("--for", "for_s", type=_Span(), metavar="TIME", help='Go on by itself after this time: "2h", "30 min".')
@click.option("--reason", default="", metavar="TEXT", help="Shown by tlsync status.")
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def command(options: GlobalOptions, for_s: float | None, reason: str, is_json: bool) -> int:
    """Hold back uploads and all work with the platform, until `tlsync resume` or for a time.

    A running daemon heeds it within a second: chunks under way end, nothing new is begun, folders are still watched.
    Without one, the next `tlsync run` starts paused. A pause outlasts restarts; a new one replaces the old.
    A `tlsync sync` that is under way goes on.
    """
    settings = settings_to_look(options)
    now = SystemClock().now()
    go_on_file(settings.state_dir).lift()  # a wish of before
    pause = begin(settings.state_dir, now, for_s, reason[:_LONGEST_REASON])
    found = _holder_of(settings.state_dir)
    if is_json:
        print_json({"v": 1, **pause_report(pause), "daemon_running": found is not None and found.role == RUN})
        return 0
    click.echo(told_pause(pause, now))
    if found is None:
        note("no tlsync runs now; the next tlsync run starts paused")
    elif found.role not in (RUN, ""):
        note(f"another tlsync command is at work (process {found.pid}) and goes on; Ctrl-C ends it")
    return 0


def _holder_of(state_dir: Path) -> Holder | None:
    try:
        return holder(state_dir)
    except OSError:
        return Holder()  # it can't be told; then nothing is said


def pause_in_force(state_dir: Path, now: datetime) -> Pause | None:
    """The pause of a state folder, None also where it can't be looked at: whoever opens that folder next says so."""
    try:
        return find(state_dir, now)
    except OSError:
        return None


def refuse_if_paused(state_dir: Path) -> None:
    """A command that would send something keeps to the pause, as the daemon does: it may have been started by a timer.

    Raises:
        NotYet: There is a pause.
    """
    now = SystemClock().now()
    pause = pause_in_force(state_dir, now)
    if pause is not None:
        raise NotYet(f"nothing was done: {told_pause(pause, now)}", hint="or name it again with --even-if-paused")


def pause_report(pause: Pause | None) -> dict[str, Any]:
    """A pause for JSON."""
    return {
        "paused": pause is not None,
        "paused_until": to_text(pause.until) if pause is not None and pause.until is not None else None,
        "reason": pause.reason if pause is not None else "",
    }


def told_pause(pause: Pause, now: datetime) -> str:
    """A pause for people, in their own time."""
    why = f" ({shown(pause.reason)})" if pause.reason else ""
    if pause.until is None:
        return f"paused{why}; tlsync resume lets it go on"
    local, today = pause.until.astimezone(), now.astimezone()
    day = "" if local.date() == today.date() else f"{local:%Y-%m-%d} "
    left_min = max(1, round((pause.until - now).total_seconds() / 60))
    span = f"{left_min // 60} h {left_min % 60} min" if left_min >= 60 else f"{left_min} min"
    return f"paused until {day}{local:%H:%M}, for {span}{why}; tlsync resume lets it go on at once"
