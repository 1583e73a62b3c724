"""The whole engine in a simulated world: a random workload, random faults, crashes and simulated time, from a seed."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.conftest import Row
from tests.simulation.run import run_many
from tests.simulation.world import Options, run_seed


def test_f48_same_seed_same_trace(row: Row) -> None:
    """The same seed gives the same calls, moves and events, to the millisecond."""
    seeds = range(row.times(every=3, merge=10))
    for seed in seeds:
        assert run_seed(seed).trace == run_seed(seed).trace, f"seed {seed}"
    row.say(f"{len(seeds)} seeds twice: {len(seeds)} equal traces")


def test_f48_all_of_it(row: Row) -> None:
    """After any workload with any faults, once all is calm: nothing twice, nothing torn, nothing lost, all at rest."""
    _run(row, row.times(every=15))


@pytest.mark.merge
@pytest.mark.long
def test_f48_all_of_it_often(row: Row) -> None:
    """The same, over many more seeds."""
    _run(row, row.times(merge=200, long=10_000), jobs=row.times(every=1, long=2))


def _run(row: Row, seeds: int, *, jobs: int = 1) -> None:
    hours, deaths = 0.0, 0
    fired: Counter[str] = Counter()
    problems: list[str] = []
    for outcome in run_many(range(seeds), Options(), jobs=jobs):
        hours += outcome.hours
        deaths += outcome.deaths
        fired.update(outcome.fired)
        problems += [f"seed {outcome.seed}: {problem}" for problem in outcome.problems]
    row.say(
        f"{seeds} seeds, {hours:.0f} hours simulated, {deaths} processes killed, {fired.total()} faults at"
        f" {len(fired)} sites: {len(problems)} failures"
    )
    assert not problems, "\n".join([*problems, "replay: python -m tests.simulation.run --seed N --trace"])
