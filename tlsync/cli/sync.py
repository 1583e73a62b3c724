"""`tlsync sync`: one pass over the watched folders, then exit."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, shown, size
from tlsync.cli.pause import refuse_if_paused
from tlsync.cli.progress import shown_progress
from tlsync.cli.wiring import absolute, platform_client, settings_of, with_sound_catalog, writing_store
from tlsync.config import config_path
from tlsync.errors import ConfigError, Interrupted, UnknownPath
from tlsync.patience import answers_within

if TYPE_CHECKING:
    from tlsync.engine.restraint import Held
    from tlsync.engine.tally import Summary

_LOOK_S = 10.0
_TOLD_WITHIN_S = 30.0
"""How long hooks and webhook are waited for at the end; the next run goes on with the rest."""


@click.command("sync")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--even-if-paused", "is_even_if_paused", is_flag=True, help="Also during a pause.")
@click.option("--now", "is_now", is_flag=True, help="Send at once, whatever upload.hours and [power] say.")
@click.option("--json", "is_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_obj
def command(
    options: GlobalOptions, paths: tuple[Path, ...], is_even_if_paused: bool, is_now: bool, is_json: bool
) -> int:
    """Upload, index and enrich what is new, once. PATHS limit it to files or folders below the roots.

    During a pause (`tlsync pause`) it does nothing and says so, with exit code 5. Outside of upload.hours, and where
    [power] holds uploads back, it does all but send, and ends with exit code 5 if that left something.
    """
    from tlsync.clock import SystemClock
    from tlsync.daemon import stop_on_signals
    from tlsync.engine.engine import Engine
    from tlsync.engine.holding import Holding
    from tlsync.engine.rebuild import link_known
    from tlsync.media.probe import Prober
    from tlsync.notices.following import following

    settings = settings_of(options)
    if not settings.roots:
        raise ConfigError("no folder is watched", hint="add a [[root]] with a path to the settings")
    if not is_even_if_paused:
        refuse_if_paused(settings.state_dir)
    targets = absolute(paths)
    is_there = answers_within(_LOOK_S, Path.exists, targets)
    for target in targets:
        if not is_there.get(target, True):  # that its disk hangs is said below, with its root
            raise UnknownPath(f"{target}: no such file or folder", hint="check the path")

    def work() -> tuple[Summary, list[int], bool, tuple[Held, ...]]:
        stop = threading.Event()
        with ExitStack() as stack:
            signals = stack.enter_context(stop_on_signals(stop))
            store = stack.enter_context(writing_store(settings))
            client = stack.enter_context(platform_client(settings, stop))
            prober = stack.enter_context(Prober())
            progress = stack.enter_context(shown_progress(is_quiet=options.verbosity < 0))
            clock = SystemClock()
            linked = 0
            if store.is_rebuilding:
                rebuilt = link_known(settings, store, client, prober, clock=clock, stop=stop, progress=progress)
                linked = len(rebuilt.linked)
            engine = Engine(
                settings, store, client, prober, clock=clock, stop=stop, progress=progress, is_single_pass=True
            )
            file = config_path(options.config, profile=options.profile, env=os.environ)
            troubles = engine.notices
            holding = Holding(engine, settings, clock, is_single_pass=True, goes_on=is_now)
            with (
                following(settings, file, store, clock, stop, troubles=troubles, drain_s=_TOLD_WITHIN_S),
                holding.kept(),
            ):
                summary = engine.run_once(targets)
            is_nothing_there = len(engine.offline_roots()) == len(settings.roots)
            return replace(summary, reused=summary.reused + linked), signals, is_nothing_there, holding.held

    summary, signals, is_nothing_there, held = with_sound_catalog(settings, work)
    held = held if summary.pending else ()
    if is_json:
        print_json(summary.as_json() | {"held": [one.as_json() for one in held]})
    else:
        for problem in summary.errors:
            note(f"{shown(problem.path)}: {shown(problem.message)}" + (f"\n  → {problem.hint}" if problem.hint else ""))
        click.echo(
            f"{summary.files} files: {summary.enriched} enriched, {summary.ineligible} not taken, "
            f"{summary.failed} failed, {summary.pending} pending. "
            f"Sent {summary.uploaded} ({size(summary.bytes_sent)}), known already {summary.reused}."
        )
    for one in held:
        note(f"not all was sent: {shown(one.message)}; the next sync or run goes on, --now sends at once")
    reached = [cap for cap in summary.caps if cap["holds"]]
    for cap in reached:
        note(f"a cap was reached: {cap['text']}; to go on now, raise it in the settings")
    if signals:
        if signal.SIGINT in signals:
            raise Interrupted("interrupted; what was sent is kept, and the next run goes on from there")
        return 0
    if is_nothing_there:
        return 4
    named_refusals = targets and summary.ineligible
    if summary.failed or named_refusals or any(p.code == "root_offline" for p in summary.errors):
        return 3
    if held and not reached:
        return 5
    return 8 if reached else 0
