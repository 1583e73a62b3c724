"""Whether the price table is fresh enough to reckon with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from tlsync.checkup.findings import Finding, ok, warning
from tlsync.config import Settings

_FRESH_FOR = timedelta(days=183)


def check_prices(settings: Settings, today: date) -> Iterator[Finding]:
    """Prices change: after half a year somebody should look."""
    prices = settings.prices
    has_price = any(value for value in prices if isinstance(value, float))
    if not has_price:
        yield ok("prices", "no price set; tlsync plan tells no money")
    elif today - date.fromisoformat(prices.as_of) > _FRESH_FOR:
        yield warning(
            "prices",
            f"of {prices.as_of}, more than half a year ago: what tlsync plan says of money may be wrong",
            "compare [prices] in the settings with your contract, then set its as_of",
        )
    else:
        yield ok("prices", f"of {prices.as_of}, in {prices.currency}; an estimate")
