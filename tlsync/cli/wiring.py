"""From options to working parts: settings, key, catalog, client, engine. Each is imported when it is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from tlsync.cli.main import GlobalOptions
from tlsync.errors import CatalogDamaged, Interrupted, NotYet

if TYPE_CHECKING:
    import threading
    from pathlib import Path

    from tlsync.api import TwelveLabs
    from tlsync.api_key import FoundKey
    from tlsync.config import PlatformSettings, Settings
    from tlsync.key_store import KeyStore
    from tlsync.store.store import Store

T = TypeVar("T")

_KEY_EVERY_S = 5.0
_LEVELS = {-1: "ERROR", 0: "WARNING", 1: "INFO", 2: "DEBUG"}


def settings_of(
    options: GlobalOptions,
    *,
    least_level: int | None = None,
    may_be_missing: bool = False,
    is_to_be_made: bool = False,
) -> Settings:
    """Read the settings and start logging.

    Args:
        least_level: Log at least so much, whatever the options say.
        may_be_missing: Do without a settings file, if none was named.
        is_to_be_made: Do without one, named or not.
    """
    from tlsync.config import load_settings

    start_logging(options, least_level)
    return load_settings(
        options.config,
        profile=options.profile,
        env=os.environ,
        may_be_missing=may_be_missing,
        is_to_be_made=is_to_be_made,
    )


def settings_to_look(options: GlobalOptions) -> Settings:
    """The settings, for a command that only looks into the catalog: quick to start, as nothing there logs."""
    from tlsync.config import load_settings

    return load_settings(options.config, profile=options.profile, env=os.environ)


def start_logging(options: GlobalOptions, least_level: int | None = None) -> None:
    """Send log lines to stderr, as the options say; `least_level` as in `settings_of`."""
    import logging

    from tlsync.logs import set_up

    level: int = getattr(logging, _LEVELS[max(-1, min(2, options.verbosity))])
    if least_level is not None and options.verbosity == 0:
        level = min(level, least_level)
    set_up(level, options.log_format or "text")


def absolute(paths: tuple[Path, ...]) -> list[Path]:
    """Paths as the catalog has them: absolute, links in them kept, no `..`."""
    from pathlib import Path

    return [Path(os.path.abspath(path.expanduser())) for path in paths]  # noqa: PTH100 (does not follow links)


def key_store_of(platform: PlatformSettings) -> KeyStore | None:
    """Where `tlsync auth login` keeps the key; None for settings that have no place."""
    from tlsync.key_store import KeyStore

    if platform.login_file is None:
        return None
    return KeyStore(platform.login_file, platform.base_url, platform.profile)


def key_of(platform: PlatformSettings) -> FoundKey:
    """The key, wherever it is kept; from now on this process is private, and the key in no log. Raises as
    `find_api_key`."""
    from tlsync.api_key import find_api_key
    from tlsync.logs import register_secret
    from tlsync.private_process import keep_private

    keep_private()
    found = find_api_key(platform.api_key_file, os.environ, key_store_of(platform))
    register_secret(found.secret)
    return found


def awaited_key(platform: PlatformSettings, stop: threading.Event, every_s: float = _KEY_EVERY_S) -> FoundKey:
    """The key, as soon as the keyring gives it: a service may start before anybody has unlocked it.

    Raises:
        Interrupted: `stop` was set meanwhile. Else as `find_api_key`, without NotYet.
    """
    is_told = False
    while True:
        try:
            return key_of(platform)
        except NotYet as locked:
            if not is_told:
                _warn("waiting for the key: %s (%s)", locked.message, locked.hint)
                is_told = True
        if stop.wait(every_s):
            raise Interrupted("stopped while waiting for the key")


@contextmanager
def platform_client(
    settings: Settings,
    stop: threading.Event | None = None,
    *,
    on_answer: Callable[[Any], None] | None = None,
    key: FoundKey | None = None,
) -> Iterator[TwelveLabs]:
    """A client for the platform of the settings, with the key wherever it is kept; `on_answer` as in `TwelveLabs`."""
    import threading

    from tlsync.api import TwelveLabs

    key = key or key_of(settings.platform)
    ended = threading.Event()
    with TwelveLabs(api_key=key.secret, base_url=settings.platform.base_url, stop=stop, on_answer=on_answer) as client:
        if stop is not None:
            watch = threading.Thread(
                target=_close_when_stopped, args=(client, stop, ended), name="tlsync-stop", daemon=True
            )
            watch.start()
        try:
            yield client
        finally:
            ended.set()


def _close_when_stopped(client: TwelveLabs, stop: threading.Event, ended: threading.Event) -> None:
    """End calls in progress when tlsync stops: the stop event alone can't wake a thread that reads an answer."""
    while not ended.is_set():
        if stop.wait(2.0):
            if not ended.is_set():
                client.close()
            return


@contextmanager
def writing_store(settings: Settings, role: str = "command") -> Iterator[Store]:
    """The catalog for writing, under the lock of the state folder; `role` as in `only_one`."""
    from tlsync.clock import SystemClock
    from tlsync.store.process_lock import only_one
    from tlsync.store.store import Store

    with only_one(settings.state_dir, role), Store(settings.state_dir, SystemClock()) as store:
        store.bind(settings.platform.base_url)
        yield store


def with_sound_catalog(settings: Settings, work: Callable[[], T]) -> T:
    """Do work that opens the catalog. One that turns out damaged is set aside, and the work is done on a fresh one.

    Raises:
        CatalogError: It can't be set aside.
        TlsyncError: What the work raises.
    """
    try:
        return work()
    except CatalogDamaged as damage:
        from tlsync.clock import SystemClock
        from tlsync.store.damage import set_aside
        from tlsync.store.process_lock import only_one
        from tlsync.store.store import Store

        clock = SystemClock()
        with only_one(settings.state_dir):
            folder = set_aside(settings.state_dir, "damaged", clock.now())
            with Store(settings.state_dir, clock) as fresh:
                fresh.begin_rebuilding()
        _warn("catalog is damaged, starting a fresh one set_aside=%s reason=%s", folder, damage.message)
        return work()


def _warn(message: str, *values: object) -> None:
    import logging

    logging.getLogger(__name__).warning(message, *values)
