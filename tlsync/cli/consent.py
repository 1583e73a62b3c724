"""Asking before something that can't be undone: a plan was printed, and a person or `--yes` agrees."""

from __future__ import annotations

import sys

import click

from tlsync.cli.output import note


def agree(question: str, *, is_agreed: bool) -> None:
    """Go on only when that is meant.

    Args:
        is_agreed: `--yes` was given.

    Raises:
        click.UsageError: There is no terminal to ask on.
        click.exceptions.Exit: The answer is no (exit code 1).
    """
    if is_agreed:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise click.UsageError("nothing was done: there is no terminal to ask on. Add --yes if this plan is meant.")
    if not click.confirm(question, err=True):
        note("nothing was done")
        raise click.exceptions.Exit(1)
