"""The tree for commands: opened over the settings' catalog, with a client that is made when it is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tlsync.api_key import load_api_key
from tlsync.config import Settings
from tlsync.logs import register_secret
from tlsync.private_process import keep_private

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

        keep_private()
        key = load_api_key(settings.platform.api_key_file, os.environ)
        register_secret(key)
        return TwelveLabs(api_key=key, base_url=settings.platform.base_url)

    with View(settings.state_dir, connect) as view:
        yield view
