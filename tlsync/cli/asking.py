"""Asking for an API key, unseen, and whether the platform takes it."""

from __future__ import annotations

import getpass
import sys
import warnings
from typing import TYPE_CHECKING

import click

from tlsync.api_key import cleaned
from tlsync.cli.output import note
from tlsync.errors import ApiError, ConfigError, Unauthorized
from tlsync.logs import register_secret
from tlsync.private_process import keep_private
from tlsync.secret import Secret

if TYPE_CHECKING:
    from tlsync.checkup.account import Account

KEY_HELP = "https://docs.twelvelabs.io/docs/authentication"
"""The platform's own page on where keys are found."""
_TRIES = 3
_LONGEST = 4096


def can_ask() -> bool:
    """Whether there is a person at a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def key_from_stdin() -> Secret:
    """A key from a pipe, so that it is in no argument.

    Raises:
        ConfigError: What came is no key.
    """
    return _private(sys.stdin.read(_LONGEST + 1), "standard input")


def key_from_terminal(text: str, *, may_be_empty: bool = False) -> Secret | None:
    """A key that is typed and not shown; None for an empty one.

    Raises:
        ConfigError: What was typed three times is no key.
    """
    for is_last in (False, True):
        typed = _typed_unseen(f"{text}: ")
        if may_be_empty and not typed.strip():
            return None
        try:
            return _private(typed, "what was typed")
        except ConfigError as error:
            if is_last:
                raise
            note(str(error))
    raise AssertionError("the last try returns or raises")


def verified_key_from_terminal(text: str, base_url: str, *, may_be_empty: bool) -> tuple[Secret | None, Account | None]:
    """A key that the platform takes, asked for again while it is refused; no account where the platform is away.

    Raises:
        Unauthorized: Three were refused.
        ApiError: The platform said something else.
    """
    for left in reversed(range(_TRIES)):
        key = key_from_terminal(text, may_be_empty=may_be_empty)
        if key is None:
            return None, None
        try:
            return key, account_of(key, base_url)
        except Unauthorized:
            if not left:
                raise
            note("The platform refuses this key. Copy it again; it may also have expired.")
    raise AssertionError("the last try returns or raises")


def account_of(key: Secret, base_url: str) -> Account | None:
    """What the platform says to this key; None, and a line that says why, where it says nothing about the key.

    Raises:
        Unauthorized: It is refused.
        ApiError: The platform said something else that waiting does not mend.
    """
    from tlsync.checkup.account import ask_account, says_nothing_about_the_key
    from tlsync.clock import SystemClock

    try:
        return ask_account(key, base_url, SystemClock())
    except ApiError as error:
        if not says_nothing_about_the_key(error):
            raise
        note(f"The key could not be checked: {error.message}")
        return None


def _typed_unseen(prompt: str) -> str:
    """A line that is not shown. click's own hidden prompt loses what is pasted before it is ready."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", getpass.GetPassWarning)
        try:
            return getpass.getpass(prompt)
        except (KeyboardInterrupt, EOFError):
            note("")
            raise click.Abort() from None
        except getpass.GetPassWarning:
            raise click.UsageError("this terminal shows what is typed: pass the key by standard input") from None


def _private(text: str, where: str) -> Secret:
    keep_private()
    key = cleaned(text, where)
    register_secret(key)
    return key
