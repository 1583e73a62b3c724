"""`tlsync notify test`: tell a sample event by every way that is set up, and say what happened."""

from __future__ import annotations

import os
from dataclasses import asdict

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json, shown
from tlsync.cli.wiring import settings_of
from tlsync.config import config_path
from tlsync.errors import ConfigError

_OUTPUT_SHOWN = 500


@click.group("notify")
def command() -> None:
    """Hooks, webhook and notices on the desktop, as the settings have them."""


@command.command("test")
@click.option("--hook", "is_hook", is_flag=True, help="Only the hooks.")
@click.option("--webhook", "is_webhook", is_flag=True, help="Only the webhook.")
@click.option("--desktop", "is_desktop", is_flag=True, help="Only the notice on the desktop.")
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def test(options: GlobalOptions, is_hook: bool, is_webhook: bool, is_desktop: bool, is_json: bool) -> int:
    """Tell a sample event now, once, by every way that is set up, and say what happened.

    The event is named `test`, and its file does not exist. Exit code 0: all went well; 1: something did not.
    """
    settings = settings_of(options)
    wanted = {"hook": is_hook, "webhook": is_webhook, "desktop": is_desktop}
    if not settings.hooks and not settings.webhook.url and not settings.notices.desktop:
        raise ConfigError(
            "neither a hook nor a webhook nor notices are set up",
            hint="add a [[hook]], the url of [webhook], or desktop = true in [notices] to the settings",
        )
    from tlsync.clock import SystemClock
    from tlsync.notices.trying import WAYS, try_all

    ways = tuple(way for way in WAYS if wanted[way]) or WAYS
    file = config_path(options.config, profile=options.profile, env=os.environ)
    results = []
    for tried in try_all(settings, file, SystemClock(), ways):
        results.append(tried)
        if not is_json:
            click.echo(
                f"{'ok' if tried.is_fine else 'FAILED':<8} {tried.way} {shown(tried.name)}: {shown(tried.message)}"
            )
            if tried.output:
                click.echo(f"         it said: {shown(tried.output[:_OUTPUT_SHOWN])}")
    if not results:
        raise ConfigError("nothing of that kind is set up", hint="without options, all that is set up is tried")
    if is_json:
        print_json({"v": 1, "results": [asdict(tried) for tried in results]})
    return 0 if all(tried.is_fine for tried in results) else 1
