"""Starts and ends the telling of events beside an engine: one look a second, and a thread for each hook, the webhook
and the desktop."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tlsync.api.webhook import WebhookClient
from tlsync.clock import Clock
from tlsync.config import Settings
from tlsync.errors import CatalogDamaged, CatalogError
from tlsync.notices import desktop
from tlsync.notices.digest import TOLD
from tlsync.notices.hooks import Hook
from tlsync.notices.observing import Look, Observer, Trouble
from tlsync.notices.reader import Reader
from tlsync.notices.sender import Sender
from tlsync.notices.trust import lent_to_others
from tlsync.notices.webhook import Webhook
from tlsync.store import pause
from tlsync.store.pause import Pause
from tlsync.store.roots import RootRow
from tlsync.store.store import Store

log = logging.getLogger(__name__)

_EVERY_S = 1.0
_JOIN_S = 8.0
Troubles = Callable[[], Sequence[Mapping[str, Any]]]


def _none() -> Sequence[Mapping[str, Any]]:
    return ()


@contextmanager
def following(
    settings: Settings,
    settings_file: Path,
    store: Store,
    clock: Clock,
    stop: threading.Event,
    *,
    troubles: Troubles = _none,
    drain_s: float = 0.0,
) -> Iterator[None]:
    """Tell what happens inside, as the settings say.

    Args:
        settings_file: Where the settings come from: hooks are only run when nobody else can write it.
        stop: When it is set nothing is waited for at the end.
        troubles: What is wrong with everything, as `status` shows it.
        drain_s: How long to wait at the end for what was not told yet. The rest is told by the next run.
    """
    halt = threading.Event()
    senders = _senders(settings, settings_file, clock, halt)
    places = store.cursors.begin(list(senders))
    if not senders:
        yield
        return
    readers = [
        Reader(name, on, folder, sender, store.cursors, places[name], clock, halt)
        for name, (on, folder, sender) in senders.items()
    ]
    follower = _Follower(settings, store, clock, readers, troubles, halt)
    for reader in readers:
        reader.start()
    follower.start()
    try:
        yield
    finally:
        is_drained = drain_s > 0 and not stop.is_set()
        follower.end(is_last_look=is_drained)
        if is_drained:
            _drain(readers, clock, stop, drain_s)
        halt.set()
        for reader in readers:
            reader.join(_JOIN_S)


def _drain(readers: Sequence[Reader], clock: Clock, stop: threading.Event, drain_s: float) -> None:
    until_s = clock.monotonic_s() + drain_s
    while clock.monotonic_s() < until_s and not stop.is_set():
        if all(reader.is_done for reader in readers):
            return
        clock.wait(stop, 0.05)
    log.warning("not everything was told within %.0f s; the rest is told by the next run", drain_s)


def _senders(
    settings: Settings, settings_file: Path, clock: Clock, halt: threading.Event
) -> dict[str, tuple[Sequence[str], Path | None, Sender]]:
    """What the settings ask for, by names that stay the same while the hook or the URL does."""
    found: dict[str, tuple[Sequence[str], Path | None, Sender]] = {}
    why = hooks_refused(settings_file) if settings.hooks else ""
    if why:
        log.error("no hook is run reason=%s", why)
    for hook in () if why else settings.hooks:
        found[f"hook:{_digest(*hook.command, hook.root, *hook.on)}"] = (hook.on, hook.root, Hook(hook, clock, halt))
    if settings.webhook.url:
        client = WebhookClient(settings.webhook.url, clock=clock)
        webhook = Webhook(settings.webhook, client, clock, halt)
        found[f"webhook:{_digest(settings.webhook.url)}"] = (settings.webhook.on, None, webhook)
    if settings.notices.desktop:
        found["desktop"] = (TOLD, None, desktop.Desktop(settings.notices, clock, desktop.show))
    return found


def hooks_refused(settings_file: Path) -> str:
    """Why no hook of a settings file is run, "" when they are."""
    try:
        return lent_to_others(settings_file)
    except OSError as error:
        return f"{settings_file}: can't be looked at: {error.strerror}"


def _digest(*facts: object) -> str:
    return hashlib.sha256("\0".join(map(str, facts)).encode("utf-8", "surrogateescape")).hexdigest()[:12]


class _Follower:
    """Looks once a second, and tells the readers."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Clock,
        readers: Sequence[Reader],
        troubles: Troubles,
        halt: threading.Event,
    ) -> None:
        self._roots = {root.path for root in settings.roots}
        self._state_dir = settings.state_dir
        self._store = store
        self._clock = clock
        self._readers = readers
        self._troubles = troubles
        self._ended = threading.Event()
        self._is_rebuilding = store.is_rebuilding
        self._newest = store.cursors.newest()
        self._paused: Pause | None = None
        self._observer = Observer(self._look(), self._is_busy)
        self._thread = threading.Thread(target=self._run, name="tlsync-notices", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self, *, is_last_look: bool) -> None:
        """Look no more, or for the last time, so that the readers know when they are done."""
        self._ended.set()
        self._thread.join(_JOIN_S)
        if not is_last_look:
            return
        try:
            self._tell(is_end=True)
        except CatalogError as error:
            log.debug("the last events are told by the next run reason=%s", error)

    def _run(self) -> None:
        while not self._clock.wait(self._ended, _EVERY_S):
            try:
                self._tell()
            except CatalogDamaged:
                return  # the engine sees it too, and ends
            except (CatalogError, OSError) as error:
                log.debug("looking for events has to wait reason=%s", error)
            except Exception:
                log.exception("looking for events failed")

    def _tell(self, *, is_end: bool = False) -> None:
        look = self._look()
        events = self._observer.look(look, self._clock.now(), self._clock.monotonic_s(), is_end=is_end)
        if self._is_rebuilding:  # what is linked then is not news
            for reader in self._readers:
                reader.skip_to(look.newest)
            self._is_rebuilding = self._store.is_rebuilding
        for reader in self._readers:
            (reader.end if is_end else reader.tell)(look.newest, events)

    def _look(self) -> Look:
        newest = self._store.cursors.newest()
        moved = self._store.cursors.counts(self._newest, newest) if newest != self._newest else {}
        self._newest = newest
        return Look(
            roots=tuple(row for row in self._store.roots.all() if row.path in self._roots),
            pause=self._pause(),
            troubles=tuple(
                Trouble(str(trouble["code"]), str(trouble["message"]), str(trouble["hint"]))
                for trouble in self._troubles()
            ),
            newest=newest,
            moved=moved,
        )

    def _pause(self) -> Pause | None:
        with suppress(OSError):  # else what held before holds
            self._paused = pause.find(self._state_dir, self._clock.now())
        return self._paused

    def _is_busy(self, rows: Collection[RootRow]) -> bool:
        return self._store.cursors.is_busy([row.id for row in rows])
