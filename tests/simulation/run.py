"""Runs seeds by hand: `python -m tests.simulation.run --seed 7 --trace`, or `--seeds 0..10000 --jobs 2`."""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from tests.simulation.machine import remove_template
from tests.simulation.world import Options, Outcome, run_seed


def run_many(seeds: Iterable[int], options: Options, *, jobs: int = 1) -> Iterator[Outcome]:
    """Outcomes without their traces, in any order."""
    if jobs == 1:
        for seed in seeds:
            yield _run((seed, options))
        remove_template()
        return
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        yield from pool.imap_unordered(_run, ((seed, options) for seed in seeds), chunksize=10)


def _run(work: tuple[int, Options]) -> Outcome:
    outcome = run_seed(*work)
    outcome.trace = []
    return outcome


def main() -> int:
    parser = argparse.ArgumentParser(description="Run tlsync in the simulated world.")
    parser.add_argument("--seed", type=int, help="run one seed")
    parser.add_argument("--trace", action="store_true", help="print all that happened in it")
    parser.add_argument("--seeds", help="first and last + 1, as 0..1000")
    parser.add_argument("--machines", type=int, default=1, help="workstations on the same index")
    parser.add_argument("--jobs", type=int, default=1)
    chosen = parser.parse_args()
    options = Options(machines=chosen.machines)
    if chosen.seed is not None:
        outcome = run_seed(chosen.seed, options)
        remove_template()
        if chosen.trace:
            for line in outcome.trace:
                print(f"{line[0]:>12.3f}  {'  '.join(str(item) for item in line[1:])}")
        print(f"seed {chosen.seed}: {outcome.hours:.1f} h, {outcome.deaths} deaths, faults {outcome.fired}")
        for problem in outcome.problems:
            print(f"  {problem}")
        return bool(outcome.problems)
    first, _, last = (chosen.seeds or "0..100").partition("..")
    return _many(range(int(first), int(last)), options, chosen.jobs)


def _many(seeds: range, options: Options, jobs: int) -> int:
    began_s = time.monotonic()
    failed: dict[str, list[int]] = {}
    fired: Counter[str] = Counter()
    hours = 0.0
    deaths = 0
    for outcome in run_many(seeds, options, jobs=jobs):
        hours += outcome.hours
        deaths += outcome.deaths
        fired.update(outcome.fired)
        for problem in outcome.problems:
            print(f"seed {outcome.seed}: {problem}", flush=True)
        for oracle in {problem.partition(":")[0] for problem in outcome.problems}:
            failed.setdefault(oracle, []).append(outcome.seed)
    took_s = time.monotonic() - began_s
    print(f"{len(seeds)} seeds, {hours:.0f} hours simulated, {deaths} deaths, {len(seeds) / took_s:.1f} seeds/s")
    print("faults:", ", ".join(f"{site} {count}" for site, count in sorted(fired.items())))
    for oracle, bad in sorted(failed.items()):
        print(f"{oracle}: {len(bad)} seeds: {' '.join(map(str, itertools.islice(sorted(bad), 30)))}")
    if not failed:
        print("no failures")
    return bool(failed)


if __name__ == "__main__":
    raise SystemExit(main())
