"""Asks the platform one cheap question: is it there, does it take the key, what time is it, which indexes are there?"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from tlsync.api import RetryPolicy, TwelveLabs
from tlsync.api.server_time import http_date
from tlsync.clock import Clock
from tlsync.errors import ApiError
from tlsync.secret import Secret

_TIMEOUT_S = 8.0
_PATIENCE = RetryPolicy(attempts=2, base_s=0.5, cap_s=1.0, total_s=3.0, max_wait_s=0.0)


@dataclass(frozen=True, slots=True)
class RemoteIndex:
    """An index of the account. `expires_at` is None where the plan keeps indexes for good."""

    name: str
    models: tuple[str, ...]
    videos: int
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """What a good answer says. `ahead_s`: how far the platform's clock is ahead of this machine's."""

    indexes: tuple[RemoteIndex, ...]
    ahead_s: float
    total: int
    """Indexes in all; `indexes` holds the first page of them."""


def ask_account(secret: Secret, base_url: str, clock: Clock, stop: threading.Event | None = None) -> Account:
    """Ask once, for a few seconds at most.

    Raises:
        Unauthorized: The key is refused.
        ApiError: Any other failure; the temporary ones say nothing about the key.
        ConfigError: The key or the URL can't be used.
    """
    with TwelveLabs(secret, base_url, stop=stop, clock=clock, timeout_s=_TIMEOUT_S, retries=_PATIENCE) as client:
        page = client.indexes.list(sort_by="created_at", sort_option="desc").page(1)
        ahead_s = (client.server_time.now() - clock.now()).total_seconds()
    indexes = tuple(
        RemoteIndex(
            name=index.index_name or "",
            models=tuple(model.model_name or "" for model in index.models),
            videos=int(index.video_count or 0),
            expires_at=_instant(index.expires_at),
        )
        for index in page.items
    )
    return Account(indexes, ahead_s, page.page_info.total_results or len(indexes))


def says_nothing_about_the_key(error: ApiError) -> bool:
    """Whether asking again later may give another answer."""
    return error.is_temporary or error.status is None


def _instant(text: str | None) -> datetime | None:
    """An instant as the API writes it; None if there is none that can be read."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return http_date(text)
    return found if found.tzinfo is not None else None
