"""The whole engine in a simulated world: a random workload, random faults, crashes and simulated time, from a seed."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.faults.conftest import Row
from tests.simulation.run import run_many
from tests.simulation.world import Options, run_seed


def test_f48_same_seed_same_trace(row: Row) -> None:
    """The same seed gives the same calls, moves and events, to the millisecond."""
    seeds = range(row.times(every=2, merge=10))
    for seed in seeds:
        assert run_seed(seed).trace == run_seed(seed).trace, f"seed {seed}"
    row.say(f"{len(seeds)} seeds twice: {len(seeds)} equal traces")


def test_f48_all_of_it(row: Row) -> None:
    """After any workload with any faults, once all is calm: nothing twice, nothing torn, nothing lost, all at rest."""
    _run(row, row.times(every=6))


def test_f48_two_workstations(row: Row) -> None:
    """The same with two machines on one index: what one sent the other links, unless it could not know of it."""
    _run(row, row.times(every=3), machines=2)


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(7200)
def test_f48_all_of_it_often(row: Row) -> None:
    """The same, over many more seeds."""
    _run(row, row.times(merge=100, long=8_000), jobs=row.times(every=1, long=2))


@pytest.mark.merge
@pytest.mark.long
@pytest.mark.timeout(7200)
def test_f48_two_workstations_often(row: Row) -> None:
    """The same for two machines."""
    _run(row, row.times(merge=40, long=2_000), jobs=row.times(every=1, long=2), machines=2)


def _run(row: Row, seeds: int, *, jobs: int = 1, machines: int = 1) -> None:
    hours, deaths = 0.0, 0
    fired: Counter[str] = Counter()
    problems: list[str] = []
    for outcome in run_many(range(seeds), Options(machines), jobs=jobs):
        hours += outcome.hours
        deaths += outcome.deaths
        fired.update(outcome.fired)
        problems += [f"seed {outcome.seed}: {problem}" for problem in outcome.problems]
    row.say(
        f"{seeds} seeds of {machines} workstations, {hours:.0f} hours simulated, {deaths} processes killed,"
        f" {fired.total()} faults at {len(fired)} sites: {len(problems)} failures"
    )
    replay = f"replay: python -m tests.simulation.run --seed N --machines {machines} --trace"
    assert not problems, "\n".join([*problems, replay])
