"""What the rows of the fault and security matrices share: how often, from which seed, and what was found.

A row is one test, named by it: `test_f01_kill_anywhere`. It runs in the tiers of its marks: unmarked at every commit,
`merge` before a landing, `long` by hand. `Row.times` gives the number of repetitions of the tier that runs.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

Tier = Literal["every", "merge", "long"]

_ROW = re.compile(r"test_([fs]\d\d)_")
_FIXED_SEED = 20_260_101
_FIGURES_FOLDER = os.environ.get("TLSYNC_FAULT_FIGURES")  # read before the tests' environment is cleaned


def _tier(config: pytest.Config) -> Tier:
    chosen: str = config.getoption("--tier") or ""
    if chosen:
        return chosen  # type: ignore[return-value]
    expression = str(config.getoption("-m"))
    return next((tier for tier in ("long", "merge") if re.search(rf"(?<!not ){tier}", expression)), "every")  # type: ignore[return-value]


class Row:
    """One row of a matrix, as its test sees it."""

    def __init__(self, name: str, tier: Tier, seed: int) -> None:
        self.name = name
        self.tier = tier
        self.seed = seed
        self.random = random.Random(seed)
        self.figures: list[str] = []
        self.gaps: list[str] = []

    def times(self, *, every: int = 1, merge: int | None = None, long: int | None = None) -> int:
        """How often to do it in the tier that runs; a tier that is not named does as the one below it."""
        merge = every if merge is None else merge
        return {"every": every, "merge": merge, "long": merge if long is None else long}[self.tier]

    def say(self, figure: str) -> None:
        """Note a figure for the report: what was done, and what was found."""
        self.figures.append(figure)

    def needs(self, *what: str) -> None:
        """End the test as a gap, by name, where the machine lacks something: `root`, or a program."""
        for thing in what:
            is_there = os.geteuid() == 0 if thing == "root" else shutil.which(thing) is not None
            if not is_there:
                self.gap(f"needs {thing}")

    def gap(self, reason: str) -> None:
        """End the test as a gap: what it would show was not shown here."""
        self.gaps.append(reason)
        pytest.skip(f"GAP {self.name}: {reason}")


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """The row that a test belongs to. Its seed is printed when the test fails; `--fault-seed` replays it."""
    match = _ROW.match(request.node.name)
    assert match, f"{request.node.name}: rows are named test_f01_… or test_s01_…"
    chosen: int | None = request.config.getoption("--fault-seed")
    is_fixed = bool(os.environ.get("CI"))  # a landing must not depend on luck
    seed = chosen if chosen is not None else _FIXED_SEED if is_fixed else random.SystemRandom().randrange(2**32)
    row = Row(match[1].upper(), _tier(request.config), seed)
    print(f"{request.node.name}: seed {seed} (replay: --fault-seed {seed})")
    yield row
    if _FIGURES_FOLDER:
        note = {"row": row.name, "test": request.node.name, "seed": seed, "figures": row.figures, "gaps": row.gaps}
        target = Path(_FIGURES_FOLDER) / f"{request.node.name.replace('/', '_')}.json"
        target.write_text(json.dumps(note), "utf-8")
