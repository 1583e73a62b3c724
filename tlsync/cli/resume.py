"""`tlsync resume`: end a pause; or go on although the settings hold uploads back."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json
from tlsync.cli.spans import time_of_day
from tlsync.cli.wiring import settings_to_look
from tlsync.clock import SystemClock, to_text
from tlsync.config import Settings
from tlsync.store.bandwidth_override import go_on_file
from tlsync.store.pause import lift


@click.command("resume")
@click.option("--now", "is_now", is_flag=True, help="Send at once, whatever upload.hours and [power] say.")
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def command(options: GlobalOptions, is_now: bool, is_json: bool) -> int:
    """End a pause: a running daemon goes on within a second. Without a pause nothing happens.

    With --now it goes on although its hours, the battery or a metered line hold it back: until the hours open or close
    next, for a day at most, or until the next `tlsync pause`.
    """
    settings = settings_to_look(options)
    was_paused = lift(settings.state_dir)
    until = None
    if is_now:
        now = SystemClock().now()
        until = _until(settings, now)
        go_on_file(settings.state_dir).give(now, until)
    if is_json:
        ends = None if until is None else to_text(until)
        print_json({"v": 1, "paused": False, "was_paused": was_paused, "goes_on_until": ends})
        return 0
    click.echo("the pause is over" if was_paused else "there was no pause")
    if until is not None:
        click.echo(f"uploads go on until {time_of_day(until, now, has_seconds=False)}, whatever the settings hold back")
    return 0


def _until(settings: Settings, now: datetime) -> datetime:
    day = now + timedelta(days=1)
    change = settings.upload.hours.next_change(now) if settings.upload.hours is not None else None
    return day if change is None else min(day, change)
