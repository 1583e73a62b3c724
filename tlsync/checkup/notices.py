"""Hooks, webhook and notices on the desktop: could they be told what happens, and did they take it?"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tlsync.checkup.findings import Finding, failure, failure_of, ok, warning
from tlsync.config import HookSettings, Settings
from tlsync.errors import ConfigError
from tlsync.notices import desktop
from tlsync.notices.following import hooks_refused
from tlsync.notices.signing import read_secrets
from tlsync.notices.trust import lent_to_others
from tlsync.store.reader import CatalogReader


def check_notices(settings: Settings, file: Path) -> Iterator[Finding]:
    """
    Args:
        file: Where the settings come from.
    """
    if settings.hooks and (refused := hooks_refused(file)):
        yield failure("hooks", f"are not run: {refused}", "then tlsync notify test --hook tries them")
    for hook in settings.hooks:
        yield _check_hook(hook)
    if settings.webhook.url and settings.webhook.secret_file is not None:
        try:
            keys = read_secrets(settings.webhook.secret_file)
        except ConfigError as error:
            yield failure_of("webhook", error)
        else:
            yield ok("webhook", f"{settings.webhook.secret_file}: {len(keys)} secret(s), private")
    if settings.notices.desktop:
        found = desktop.program()
        if found is None:
            yield warning("notices", desktop.missing(), "set desktop = false in [notices], or install one")
        else:
            yield ok("notices", f"shown by {found}")
    with CatalogReader(settings.state_dir) as reader:
        for trouble in reader.notice_troubles():
            yield warning("notices", trouble, "tlsync notify test tries it now")


def _check_hook(hook: HookSettings) -> Finding:
    program = Path(hook.command[0])
    name = f"hook {program}"
    if not program.is_file():
        return failure(name, "there is no such program", "correct the command of the [[hook]]")
    if not os.access(program, os.X_OK):
        return failure(name, "it is not executable", f"chmod +x {program}")
    if why := lent_to_others(program):
        return warning(name, f"it is run in your name, and {why}", "tlsync notify test --hook tries it")
    return ok(name, f"on {', '.join(hook.on)}")
