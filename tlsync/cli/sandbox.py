"""`tlsync sandbox`: the local stand-in of the platform, until stopped."""

from __future__ import annotations

import threading
from pathlib import Path

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json
from tlsync.sandbox.settings import Platform, RateLimit

_LIMITED = (
    *("search.create", "analyze", "summarize", "gist", "generate"),
    *("tasks.create", "indexes.indexed_assets.create", "embed.create", "embed.v_2.create"),
)
"""The groups that the platform limits (API reference, rate limits)."""


@click.command("sandbox")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0 takes a free one.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="Keep its state here.")
@click.option(
    "--platform",
    type=click.Choice(["2025-11", "2026-07"]),
    default="2025-11",
    show_default=True,
    help="The platform's age: as in the reference, or without what was removed later.",
)
@click.option("--rate-limit", type=click.IntRange(1), metavar="N", help="Answer 429 after N calls a minute per method.")
@click.option("--json", "is_json", is_flag=True, help="Print where it is as JSON.")
@click.pass_obj
def command(
    options: GlobalOptions, port: int, data: Path | None, platform: Platform, rate_limit: int | None, is_json: bool
) -> int:
    """Serve a local stand-in of the platform on loopback: no key of yours, no network, nothing is billed."""
    from tlsync.daemon import stop_on_signals
    from tlsync.sandbox.server import SandboxServer

    limits = {name: RateLimit(rate_limit) for name in _LIMITED} if rate_limit is not None else None
    stop = threading.Event()
    with (
        stop_on_signals(stop),
        SandboxServer(data_dir=data, port=port, platform=platform, rate_limits=limits) as server,
    ):
        if is_json:
            print_json({"v": 1, "base_url": server.base_url, "api_key": server.api_key})
        else:
            click.echo(f"The sandbox listens. In another terminal:\n  export TWELVELABS_BASE_URL={server.base_url}")
            click.echo(f"  export TWELVE_LABS_API_KEY={server.api_key}")
            click.echo("Stop it with Ctrl-C." + ("" if data else " Without --data it forgets everything then."))
        while not stop.wait(3600):
            pass
    return 0
