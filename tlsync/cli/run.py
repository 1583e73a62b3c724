"""`tlsync run`: watch the folders until stopped."""

from __future__ import annotations

import logging
import os
import signal
import threading
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

import click

from tlsync.cli.key_watch import watched_key
from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note
from tlsync.cli.pause import pause_in_force, told_pause
from tlsync.cli.progress import shown_progress
from tlsync.cli.run_log import run_log
from tlsync.cli.wiring import awaited_key, key_of, platform_client, settings_of, with_sound_catalog, writing_store
from tlsync.config import config_path
from tlsync.errors import ConfigError, Interrupted, Transient
from tlsync.notify import Notifier
from tlsync.priority import stand_back
from tlsync.private_process import is_superuser
from tlsync.store.process_lock import RUN

if TYPE_CHECKING:
    from tlsync.api import TwelveLabs

log = logging.getLogger(__name__)


def _check_key(client: TwelveLabs) -> None:
    """A wrong key is told at the start, not when the first clip comes. A platform out of reach is no reason to end."""
    try:
        client.indexes.list(page_limit=1).page(1)
    except Transient as error:
        note(f"the platform can't be reached now, trying again by and by: {error}")


@click.command("run")
@click.option("--json", "is_json", is_flag=True, help="Log as JSON lines.")
@click.option("--log-to-file", "is_file_only", is_flag=True, help="Log to the file of [log], not to stderr.")
@click.pass_obj
def command(options: GlobalOptions, is_json: bool, is_file_only: bool) -> int:
    """Watch the folders, and upload, index and enrich what appears, until stopped (Ctrl-C, SIGTERM)."""
    from tlsync import daemon
    from tlsync.clock import SystemClock
    from tlsync.engine.engine import Engine
    from tlsync.engine.rebuild import link_known
    from tlsync.media.probe import Prober
    from tlsync.notices.following import following

    if is_json:
        options = GlobalOptions(options.config, options.profile, options.verbosity, "json")
    settings = settings_of(options, least_level=logging.INFO)
    if not settings.roots:
        raise ConfigError("no folder is watched", hint="add a [[root]] with a path to the settings")
    # First of all: threads inherit it.
    complaints = stand_back(settings.daemon.nice, settings.daemon.io_priority)
    clock = SystemClock()
    notifier = Notifier.from_environment(os.environ)

    def work() -> int:
        stop = threading.Event()
        with ExitStack() as stack:
            signals = stack.enter_context(daemon.stop_on_signals(stop))
            store = stack.enter_context(writing_store(settings, RUN))
            store.history.kept_s = settings.log.history_s
            notifier.status("looking for the API key")
            try:
                key = awaited_key(settings.platform, stop)
            except Interrupted:
                return 130 if signal.SIGINT in signals else 0
            client = stack.enter_context(platform_client(settings, stop, key=key))
            paused = pause_in_force(settings.state_dir, clock.now())
            if paused is None:
                notifier.status("asking the platform whether the key is right")
                _check_key(client)
            else:
                note(told_pause(paused, clock.now()))
            for complaint in complaints:
                log.info("%s", complaint)
            if is_superuser():
                log.warning("runs as root, which it does not need: a user that may read the footage is enough")
            prober = stack.enter_context(Prober())
            progress = stack.enter_context(shown_progress(is_quiet=True))

            def link_first() -> None:
                link_known(settings, store, client, prober, clock=clock, stop=stop, progress=progress, is_patient=True)

            engine = Engine(
                settings, store, client, prober, clock=clock, stop=stop, progress=progress, is_single_pass=False
            )
            if (options.log_format or settings.log.format) == "text" and options.verbosity >= 0:
                note(f"watching {len(settings.roots)} folder(s); stop with Ctrl-C")
            stack.enter_context(watched_key(key, partial(key_of, settings.platform), engine.use_key, stop))
            file = config_path(options.config, profile=options.profile, env=os.environ)
            troubles = engine.notices
            stack.enter_context(following(settings, file, store, clock, stop, troubles=troubles))
            first = link_first if store.is_rebuilding else None
            daemon.run(engine, store, settings, clock, stop, first=first, notifier=notifier)
        return 130 if signal.SIGINT in signals else 0

    with run_log(options, settings, is_file_only=is_file_only):
        return with_sound_catalog(settings, work)
