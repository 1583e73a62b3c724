"""The settings, the key, and the platform that takes it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator
from datetime import timedelta
from pathlib import Path

from tlsync.api_key import FoundKey
from tlsync.checkup.account import Account, ask_account
from tlsync.checkup.findings import Finding, failure, failure_of, ok, warning
from tlsync.clock import Clock
from tlsync.config import Settings
from tlsync.errors import ConfigError, QuotaExceeded, RateLimited, TlsyncError, Unauthorized, Untrusted

_CLOCK_OFF_S = 30.0
"""The `Date` of an answer is in whole seconds, and the answer takes a while."""
_SOON = timedelta(days=14)


def check_settings(file: Path, settings: Settings, mistake: ConfigError | None) -> Iterator[Finding]:
    """
    Args:
        mistake: Why the file could not be used; `settings` are the defaults then.
    """
    if mistake is not None:
        mend = mistake.hint if file.exists() else f"tlsync init writes {file}"
        yield from (failure("settings", line, mend) for line in mistake.message.splitlines())
        return
    if os.name == "posix" and file.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield warning("settings", f"{file}: others can write it, and so send your key elsewhere", f"chmod go-w {file}")
    if not settings.roots:
        yield failure("settings", f"{file}: no folder is watched", "add a [[root]] with a path")
    else:
        yield ok("settings", f"{file}: {len(settings.roots)} folder(s)")


def check_platform(settings: Settings, find_key: Callable[[], FoundKey], clock: Clock) -> Iterator[Finding]:
    """One call tells whether the key works, the platform is there, and the clocks agree."""
    base_url = settings.platform.base_url
    try:
        key = find_key()
    except TlsyncError as error:
        yield failure_of("key", error)
        return
    kept = f"from {key.where}"
    try:
        account = ask_account(key.secret, base_url, clock)
    except Unauthorized as error:
        yield failure("key", f"{kept}: refused: {error.message}", "tlsync auth login with a new key; keys expire")
        yield ok("platform", f"{base_url} answers")
        return
    except RateLimited as error:
        wait = "" if error.retry_after_s is None else f" for {error.retry_after_s:.0f} s"
        yield ok("key", kept)
        yield warning("platform", f"{base_url}: its limit of calls is reached{wait}", "wait; tlsync does so by itself")
        return
    except Untrusted as error:
        yield ok("key", f"{kept}; not sent")
        yield failure("platform", error.message, error.hint)
        return
    except QuotaExceeded as error:
        yield ok("key", kept)
        yield failure_of("platform", error)
        return
    except TlsyncError as error:
        yield ok("key", f"{kept}; not checked")
        yield failure_of("platform", error)
        return
    yield ok("key", f"{kept}; the platform takes it")
    safe = "encrypted" if base_url.startswith("https:") else "on this machine"
    yield ok("platform", f"{base_url} answers ({safe}); {account.total} indexes")
    yield from _check_clock(account)
    yield from _check_indexes(account, {root.index for root in settings.roots}, clock)


def _check_clock(account: Account) -> Iterator[Finding]:
    off_s = abs(account.ahead_s)
    if off_s > _CLOCK_OFF_S:
        way = "behind" if account.ahead_s > 0 else "ahead of"
        yield warning(
            "clock",
            f"this machine is {timedelta(seconds=round(off_s))} {way} the platform (tlsync allows for it)",
            "let the system set the clock: timedatectl set-ntp true",
        )
    else:
        yield ok("clock", "agrees with the platform's")


def _check_indexes(account: Account, wanted: Collection[str], clock: Clock) -> Iterator[Finding]:
    for index in account.indexes:
        if index.name not in wanted:
            continue
        left = None if index.expires_at is None else index.expires_at - clock.now()
        if left is None or left > _SOON:
            yield ok("index", f"{index.name}: {index.videos} videos, {' and '.join(index.models) or 'no models'}")
        else:
            when = "has expired" if left <= timedelta(0) else f"expires in {left.days} days"
            yield warning(
                "index",
                f"{index.name} {when}, and all videos in it go with it",
                "a paid plan keeps indexes; else name another index in [[root]] index, and sync again",
            )
