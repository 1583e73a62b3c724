"""`tlsync bandwidth`: how fast is sent now, and another rate for a while, without a restart."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, size
from tlsync.cli.spans import time_of_day
from tlsync.cli.wiring import settings_to_look
from tlsync.clock import SystemClock, to_text
from tlsync.errors import CatalogError
from tlsync.store.bandwidth_override import Bandwidth, in_force, override_file
from tlsync.store.orders import Order
from tlsync.store.process_lock import holder
from tlsync.timetable import UNLIMITED, parse_timetable
from tlsync.units import parse_duration

_LONGEST_S = 366 * 86_400.0
_BACK = "settings"


@click.command("bandwidth")
@click.argument("rate", nargs=-1)
@click.option("--for", "for_text", metavar="TIME", help='Back to the settings after this time: "2h", "30 min".')
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(options: GlobalOptions, rate: tuple[str, ...], for_text: str | None, is_json: bool) -> int:
    """Show what bandwidth is in force, or set another RATE: a rate, a timetable, or `settings` to go back to those.

    A running daemon or sync heeds it within a second, also in the middle of a file. It outlasts restarts; without --for
    it holds until `tlsync bandwidth settings`. Rates are written as in the settings: "5 MB/s", "10M", unlimited, or
    "08:00,512K 18:00,10M 23:00,off".
    """
    settings = settings_to_look(options)
    now = SystemClock().now()
    wanted = " ".join(rate).strip()
    file = override_file(settings.state_dir)
    if for_text is not None and wanted in ("", _BACK):
        raise click.UsageError("--for needs a rate: tlsync bandwidth 5M --for 2h")
    if wanted == _BACK:
        file.lift()
    elif wanted:
        try:
            parse_timetable(wanted)
        except ValueError as error:
            raise click.UsageError(f'{error}; or "settings" for the bandwidth of the settings') from error
        file.give(now, None if for_text is None else now + _span(for_text), wanted)
    try:
        override = file.find(now)
    except OSError as error:
        raise CatalogError(f"{file.path}: can't be read: {error.strerror}", hint="check the state folder") from error
    found = in_force(settings.upload.bandwidth or UNLIMITED, override, now)
    is_running = _is_running(options)
    if is_json:
        until = None if override is None or override.until is None else to_text(override.until)
        of_settings = (settings.upload.bandwidth or UNLIMITED).text
        more = {"override_until": until, "settings": of_settings, "is_running": is_running}
        print_json({"v": 1, **found.as_json(), **more})
        return 0
    click.echo(told_bandwidth(found, override, now))
    if override is not None and found.source == "settings":
        note(f"{file.path} can't be read, and does not count; tlsync bandwidth settings removes it")
    if wanted and not is_running:
        note("no tlsync runs now; the next run or sync keeps to it")
    return 0


def told_bandwidth(found: Bandwidth, override: Order | None, now: datetime) -> str:
    """What is in force, for people: how fast, until when and then, and who says so."""
    source = "upload.bandwidth in the settings" if found.source == "settings" else "set by tlsync bandwidth"
    text = f"{_rate(found.bytes_per_s)} ({source}"
    if found.source == "override" and override is not None:
        ends = "until tlsync bandwidth settings" if override.until is None else f"until {_at(override.until, now)}"
        text += f", {ends}"
    text += ")"
    change = found.timetable.next_change(now)
    if change is not None and change == found.until:
        text += f"; from {_at(change, now)} {_rate(found.timetable.rate_at(change))}"
    return text


def _rate(bytes_per_s: int | None) -> str:
    return "unlimited" if bytes_per_s is None else f"{size(bytes_per_s)}/s"


def _at(instant: datetime, now: datetime) -> str:
    return time_of_day(instant, now, has_seconds=False)


def _span(text: str) -> timedelta:
    try:
        span_s = parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--for") from error
    if not 0 < span_s <= _LONGEST_S:
        raise click.BadParameter(f"{text!r}: up to 366 d; without --for it has no end", param_hint="--for")
    return timedelta(seconds=span_s)


def _is_running(options: GlobalOptions) -> bool:
    """Whether a tlsync is at work that heeds it."""
    try:
        return holder(settings_to_look(options).state_dir) is not None
    except OSError:
        return True  # it can't be told; then nothing is said
