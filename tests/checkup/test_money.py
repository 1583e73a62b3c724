"""Old prices are told; none at all are nobody's fault."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tlsync.checkup.money import check_prices
from tlsync.config import PriceSettings, Settings

NOTHING = PriceSettings("2020-01-01", "USD", 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("prices", "today", "state"),
    [
        (PriceSettings(as_of="2026-06-20"), date(2026, 12, 20), "ok"),
        (PriceSettings(as_of="2026-06-20"), date(2026, 12, 21), "warning"),
        (PriceSettings(as_of="2030-01-01"), date(2026, 12, 21), "ok"),
        (NOTHING, date(2026, 12, 21), "ok"),
    ],
)
def test_prices_are_looked_at_after_half_a_year(prices: PriceSettings, today: date, state: str) -> None:
    (finding,) = check_prices(Settings(Path("state"), prices=prices), today)
    assert finding.state == state
    assert bool(finding.mend) == (state == "warning")
