"""Tells a sample event now, once, and says what happened: for who sets things up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tlsync.api.webhook import WebhookClient
from tlsync.clock import Clock
from tlsync.config import Settings
from tlsync.notices import desktop, hooks
from tlsync.notices.digest import Notice
from tlsync.notices.events import sample
from tlsync.notices.following import hooks_refused
from tlsync.notices.webhook import Webhook, message

Way = Literal["hook", "webhook", "desktop"]
WAYS: tuple[Way, ...] = ("hook", "webhook", "desktop")


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one. `message` says what went wrong, or what to expect; `output` what a program said."""

    way: Way
    name: str
    is_fine: bool
    message: str
    output: str = ""


def try_all(settings: Settings, settings_file: Path, clock: Clock, ways: tuple[Way, ...]) -> Iterator[Tried]:
    """Try what the settings ask for."""
    root = settings.roots[0].path if settings.roots else Path.home()
    never = threading.Event()
    if "hook" in ways:
        refused = hooks_refused(settings_file) if settings.hooks else ""
        for hook in settings.hooks:
            if refused:
                yield Tried("hook", hook.command[0], False, f"is not run: {refused}")
                continue
            ran = hooks.run(hook, sample(clock.now(), hook.root or root), clock, never)
            told = ran.trouble or f"was run, and ended well after {ran.took_s:.1f} s"
            yield Tried("hook", hook.command[0], not ran.trouble, told, ran.output)
    if "webhook" in ways and settings.webhook.url:
        client = WebhookClient(settings.webhook.url, clock=clock)
        try:
            webhook = Webhook(settings.webhook, client, clock, never)
            trouble, _ = webhook.attempt(*message([sample(clock.now(), root)]))
        finally:
            client.close()
        yield Tried("webhook", client.name, not trouble, trouble or "was posted, and taken")
    if "desktop" in ways and settings.notices.desktop:
        trouble = desktop.show(Notice("tlsync: a trial", "This is how tlsync tells you that clips are ready."))
        told = trouble or "was shown; if you did not see it, look at the settings of the desktop"
        yield Tried("desktop", desktop.program() or "desktop", not trouble, told)
