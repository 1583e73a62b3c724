"""Questions that cost money: counted in the ledger, and not asked where a cap has no room for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tlsync.config import Settings
    from tlsync.engine.receipt import Receipt

F = TypeVar("F", bound=Callable[..., Any])


def beyond_caps_option(command: F) -> F:
    """`--beyond-caps`."""
    help_text = "Ask also where a money cap of the settings is reached."
    return click.option("--beyond-caps", "is_beyond_caps", is_flag=True, help=help_text)(command)


@contextmanager
def paid(settings: Settings, what: str, money_micros: int, *, is_beyond_caps: bool) -> Iterator[Receipt]:
    """Around the call.

    Args:
        what: `search` or `analyze`.
        money_micros: The most that it may cost.

    Raises:
        CapReached: A cap has no room for it.
    """
    from tlsync.clock import SystemClock
    from tlsync.engine.caps import Caps
    from tlsync.errors import CapReached
    from tlsync.store.spending import Amounts, Spending

    spending = Spending(settings.state_dir, SystemClock())
    caps = Caps(settings.caps, settings.prices, spending)
    need = Amounts(money_micros=money_micros)
    try:
        with caps.order(what, os.urandom(8).hex(), need, is_beyond_caps=is_beyond_caps) as receipt:
            yield receipt
    except CapReached as error:
        error.hint = "ask with --beyond-caps, or raise the cap in the settings"
        raise
    finally:
        spending.close()
