"""The tree for commands: opened over the settings' catalog, with a client that is made when it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tlsync.cli.wiring import key_of
from tlsync.config import Settings

if TYPE_CHECKING:
    from tlsync.api import TwelveLabs
    from tlsync.mirror.view import View

ANSWER_PATIENCE_S = 30.0
"""How long a command waits for what the platform has to say."""


@contextmanager
def opened_view(settings: Settings) -> Iterator[View]:
    """The tree of these settings. Without a key, what is known is shown, and what is not says why."""
    from tlsync.mirror.view import View

    def connect() -> TwelveLabs:
        from tlsync.api import TwelveLabs

        key = key_of(settings.platform)
        return TwelveLabs(api_key=key.secret, base_url=settings.platform.base_url)

    with View(settings.state_dir, connect) as view:
        yield view
