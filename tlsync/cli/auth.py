"""`tlsync auth`: keep the API key, remove it, and say where it comes from."""

from __future__ import annotations

import os
from typing import Any

import click

from tlsync.api_key import VARIABLES, FoundKey
from tlsync.cli.asking import (
    KEY_HELP,
    account_of,
    can_ask,
    key_from_stdin,
    verified_key_from_terminal,
)
from tlsync.cli.main import GlobalOptions
from tlsync.cli.output import note, print_json, shown
from tlsync.cli.wiring import key_of, key_store_of, settings_of
from tlsync.config import PlatformSettings
from tlsync.errors import ApiError, NotYet, TlsyncError, Unauthorized, Unreachable
from tlsync.key_store import KeyStore
from tlsync.secret import Secret

_SHOWN_LETTERS = 4
_LEAST_LENGTH = 16
"""Of shorter keys nothing is shown: four letters would be too much of them."""


@click.group("auth")
def command() -> None:
    """Keep the API key in the keyring of the system or in a private file, remove it, or see where it comes from."""


@command.command("login")
@click.option("--stdin", "is_stdin", is_flag=True, help="Read the key from standard input instead of asking for it.")
@click.option(
    "--yes", "is_agreed", is_flag=True, help="Keep the key even if the platform can't be reached to check it."
)
@click.pass_obj
def login(options: GlobalOptions, is_stdin: bool, is_agreed: bool) -> int:
    """Ask for the API key, check it with the platform, and keep it."""
    platform = settings_of(options, is_to_be_made=True).platform
    if is_stdin:
        key = key_from_stdin()
        account = account_of(key, platform.base_url)
    elif can_ask():
        note(f"Where to find a key: {KEY_HELP}. What you type is not shown.")
        typed, account = verified_key_from_terminal(
            f"API key for {platform.base_url}", platform.base_url, may_be_empty=False
        )
        assert typed is not None, "only an empty one is None"
        key = typed
    else:
        raise click.UsageError("there is no terminal to ask on: pass the key with --stdin")
    if account is None and not is_agreed and (is_stdin or not click.confirm("Keep it unchecked?", err=True)):
        raise Unreachable("the key was not kept: it could not be checked", hint="try again, or add --yes")
    click.echo(keep_key(platform, key))
    for line in _what_wins(platform):
        note(line)
    return 0


@command.command("logout")
@click.pass_obj
def logout(options: GlobalOptions) -> int:
    """Remove the key that `tlsync auth login` kept."""
    platform = settings_of(options, is_to_be_made=True).platform
    removed = _store(platform).remove()
    for place in removed:
        click.echo(f"The key for {shown(platform.base_url)} was removed from {shown(place)}.")
    if not removed:
        click.echo(f"No key was kept for {shown(platform.base_url)}.")
    for line in _what_wins(platform):
        note(line)
    return 0


@command.command("status")
@click.option("--json", "is_json", is_flag=True, help="Print it as JSON.")
@click.pass_obj
def status(options: GlobalOptions, is_json: bool) -> int:
    """Say where the key comes from, and whether the platform takes it. The key itself is not shown."""
    platform = settings_of(options, is_to_be_made=True).platform
    report: dict[str, Any] = {"v": 1, "base_url": platform.base_url}
    try:
        found = key_of(platform)
    except (Unauthorized, NotYet) as error:
        if is_json:
            print_json({**report, "source": None, "where": None, "ending": None, "is_taken": None})
        raise error
    is_taken, refusal = _is_taken(found, platform)
    if is_json:
        where = {"source": found.source, "where": found.where, "ending": _ending(found.secret)}
        print_json({**report, **where, "is_taken": is_taken})
    else:
        click.echo(f"platform  {shown(platform.base_url)}")
        click.echo(
            f"key       from {_source(found)}"
            + (f", ends with {_ending(found.secret)}" if _ending(found.secret) else "")
        )
        if refusal is None:
            click.echo("state     the platform takes it")
    if refusal is not None:
        raise refusal
    return 0


def keep_key(platform: PlatformSettings, key: Secret) -> str:
    """Keep a key; the line says where.

    Raises:
        ConfigError: The file can't be written.
    """
    kept, why = _store(platform).keep(key)
    if kept.is_keyring:
        return f"The key is in {shown(kept.where)}."
    return f"The key is in {shown(kept.where)}, which only you can read (not in a keyring: {shown(why)})."


def _store(platform: PlatformSettings) -> KeyStore:
    store = key_store_of(platform)
    assert store is not None, "settings that were loaded have a place for keys"
    return store


def _what_wins(platform: PlatformSettings) -> list[str]:
    """What is taken before a key that was kept."""
    for variable in VARIABLES:
        if os.environ.get(variable, "").strip():
            return [
                f"In this shell the key is taken from {variable}, which wins: unset it to use the one that is kept."
            ]
    if platform.api_key_file is not None:
        return [f"[platform] api_key_file wins: the key is taken from {shown(platform.api_key_file)}."]
    return []


def _is_taken(found: FoundKey, platform: PlatformSettings) -> tuple[bool | None, TlsyncError | None]:
    """Whether the platform takes a key (None: not known), and the error that says otherwise."""
    from tlsync.checkup.account import ask_account
    from tlsync.clock import SystemClock

    try:
        ask_account(found.secret, platform.base_url, SystemClock())
    except Unauthorized as error:
        return False, error
    except ApiError as error:
        return None, error
    return True, None


def _source(found: FoundKey) -> str:
    if found.source == "environment":
        return f"the environment variable {found.where}"
    return shown(found.where)


def _ending(secret: Secret) -> str:
    text = secret.reveal()
    return f"…{text[-_SHOWN_LETTERS:]}" if len(text) >= _LEAST_LENGTH else ""
