"""`tlsync doctor`: is everything that tlsync needs in order, and what mends what is not?"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import print_json, shown
from tlsync.cli.wiring import key_of, settings_of
from tlsync.config import Settings, check_base_url, config_path, login_file, parse_settings
from tlsync.errors import ConfigError

if TYPE_CHECKING:
    from tlsync.checkup.findings import Check, Finding

_CATALOG_S = 15.0
_DEADLINE_S = 25.0
"""A drive or server that takes longer counts as one that does not answer."""
_MARKS = {"ok": "ok", "warning": "WARNING", "failure": "FAILURE"}


@click.command("doctor")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def command(options: GlobalOptions, is_json: bool) -> int:
    """Check settings, key, platform, folders, state and machine, and say how to mend what is wrong.

    Nothing is changed. Exit code 0: no failure; 1: there is one.
    """
    findings = examine(options)
    failures = sum(found.state == "failure" for found in findings)
    warnings = sum(found.state == "warning" for found in findings)
    if is_json:
        checks = [asdict(found) for found in findings]
        print_json({"v": 1, "is_fine": not failures, "failures": failures, "warnings": warnings, "checks": checks})
    else:
        for found in findings:
            click.echo(f"{_MARKS[found.state]:<8} {shown(found.check)}: {shown(found.message)}")
            if found.mend and found.state != "ok":
                click.echo(f"         → {shown(found.mend)}")
        click.echo(f"\n{failures} failures, {warnings} warnings")
    return 1 if failures else 0


def examine(options: GlobalOptions, deadline_s: float = _DEADLINE_S) -> list[Finding]:
    """Run all checks."""
    from tlsync.checkup import access, folders, machine, money, state
    from tlsync.checkup.findings import run_checks
    from tlsync.clock import SystemClock
    from tlsync.local_days import day_of

    file = config_path(options.config, profile=options.profile, env=os.environ)
    settings, mistake = _settings(options, file)
    view = state.CatalogView()
    # The catalog comes first, alone: it says what is known of the folders.
    catalog = {"catalog": partial(state.check_catalog, settings.state_dir, view)}
    of_catalog = run_checks(catalog, min(_CATALOG_S, deadline_s))
    checks: dict[str, Check] = {
        "settings": partial(access.check_settings, file, settings, mistake),
    }
    if mistake is None or not file.exists():  # else nobody knows which platform the key is for
        find_key = partial(key_of, settings.platform)
        checks["platform"] = partial(access.check_platform, settings, find_key, SystemClock())
    for root in settings.roots:
        known = view.roots.get(str(root.path))
        checks[f"folder {root.path}"] = partial(folders.check_root, root, settings, known)
    checks |= {
        "state folder": partial(state.check_state_folder, settings.state_dir),
        "watches": partial(machine.check_watches, settings, is_daemon_running=view.is_daemon_running),
        "SQLite": machine.check_sqlite,
        "media library": machine.check_media_library,
        "power": partial(machine.check_power, settings),
        "mount": machine.check_fuse,
        "prices": partial(money.check_prices, settings, day_of(SystemClock().now())),
    }
    if settings.hooks or settings.webhook.url or settings.notices.desktop:
        from tlsync.checkup.notices import check_notices

        checks["notices"] = partial(check_notices, settings, file)
    return run_checks(checks, deadline_s) + of_catalog


def _settings(options: GlobalOptions, file: Path) -> tuple[Settings, ConfigError | None]:
    """The settings; where they can't be used the defaults, and why."""
    try:
        return settings_of(options), None
    except ConfigError as error:
        defaults = parse_settings("", str(file))
        platform = defaults.platform._replace(login_file=login_file(file), profile=options.profile)
        with suppress(ValueError):
            platform = platform._replace(base_url=check_base_url(os.environ.get("TWELVELABS_BASE_URL", "")))
        state_dir = Path(os.environ.get("TLSYNC_STATE_DIR") or defaults.state_dir).expanduser().absolute()
        return defaults._replace(platform=platform, state_dir=state_dir), error
