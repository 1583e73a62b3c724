"""What goes wrong, and when: each site of a fault is active in some runs, and then fires now and then."""

from __future__ import annotations

import random

_ACTIVE_SHARE = 0.25


class Chaos:
    """Decides at every site of a fault whether it happens now."""

    def __init__(self, source: random.Random) -> None:
        self._random = source
        self._rates: dict[str, float] = {}
        self.is_on = False
        self.fired: dict[str, int] = {}
        self._is_calm_run = source.random() < 0.1

    def strikes(self, site: str, most_often: float = 0.25, *, most: int | None = None) -> bool:
        """Whether a fault happens at a site.

        Args:
            most_often: Upper bound of its rate, if it is active in this run at all.
            most: Most times per run.
        """
        if not self.is_on:
            return False
        rate = self._rates.get(site)
        if rate is None:
            is_active = not self._is_calm_run and self._random.random() < _ACTIVE_SHARE
            rate = self._rates[site] = self._random.uniform(0.1, 1.0) * most_often if is_active else 0.0
        if rate == 0.0 or (most is not None and self.fired.get(site, 0) >= most) or self._random.random() >= rate:
            return False
        self.fired[site] = self.fired.get(site, 0) + 1
        return True
