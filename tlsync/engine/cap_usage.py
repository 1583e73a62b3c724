"""How the caps stand, for commands that look. Quick to import."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from tlsync.config import Settings
from tlsync.engine.cap_terms import Holding, caps_of, describe
from tlsync.errors import CapReached
from tlsync.local_days import day_of
from tlsync.store.reader import CatalogReader
from tlsync.store.spending_reader import SpendingReader

_NAMED = re.compile(r"caps\.(?P<name>\w+) = ")


def caps_report(
    settings: Settings, reader: CatalogReader, now: datetime, zone: tzinfo | None = None
) -> list[dict[str, Any]]:
    """Each cap that is set, with the keys of `status --json`; empty without caps.

    Raises:
        CatalogError: The ledger can't be read.
    """
    caps = caps_of(settings.caps)
    if not caps:
        return []
    today = day_of(now, zone)
    used = SpendingReader(settings.state_dir).used(settings.prices.currency, today)
    held = held_by_caps(reader)
    return [describe(cap, used, today, zone, held) for cap in caps]


def held_by_caps(reader: CatalogReader) -> Sequence[Holding]:
    """What each waiting file waits for, as its reason says."""
    rows = reader.walk("SELECT reason FROM files WHERE error_code = ? AND state <> 'failed'", CapReached.code)
    found = [(row["reason"], _NAMED.search(row["reason"])) for row in rows]
    return [Holding(named["name"], reason.startswith("needs ")) for reason, named in found if named]
