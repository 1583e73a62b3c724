"""Measuring side by side: cases run in turn, medians and spreads, tables with goals, a section of REPORT.md.

A benchmark looks like this:

    measured = alternate([Case("tlsync", ours), Case("peer", theirs, is_peer=True)], rounds=5)
    table = Table("cold start", goal="≤ 0.5 × the peer")
    table.row("tlsync", measured["tlsync"], beside=measured["peer"], goal=0.5)
    report = Report("startup")
    report.add(table)
    report.write()
"""

from __future__ import annotations

import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NoReturn

from tests.bench import machine

REPORT = Path(__file__).with_name("REPORT.md")
_LAUNCH = Path(__file__).with_name("launch.py")
_HEAD = """# Figures

Written by `python -m tests.bench NAME`, a section for each NAME. Cases of a table ran in turn in the same run; figures
are medians with (least–most); a ratio is that of the medians, with (least–most) of the rounds. Below a goal's ✗ stands
what is known of it.
"""


class Sample:
    """One run of one case. Notes are further figures by name, for `metric` of a table's row."""

    def __init__(
        self, wall_s: float, cpu_s: float | None = None, peak_bytes: float | None = None, **notes: float
    ) -> None:
        self.figures: dict[str, float] = {"wall_s": wall_s, **notes}
        if cpu_s is not None:
            self.figures["cpu_s"] = cpu_s
        if peak_bytes is not None:
            self.figures["peak_bytes"] = peak_bytes

    @property
    def wall_s(self) -> float:
        return self.figures["wall_s"]

    @property
    def cpu_s(self) -> float | None:
        return self.figures.get("cpu_s")

    @property
    def peak_bytes(self) -> float | None:
        return self.figures.get("peak_bytes")


@dataclass(frozen=True)
class Case:
    """Something to measure: `run` does it once, and gives a sample; if it gives None, its wall time is the sample."""

    name: str
    run: Callable[[], Sample | None]
    is_peer: bool = False


@dataclass
class Measured:
    """All samples of a case, in the order of rounds."""

    name: str
    is_peer: bool = False
    samples: list[Sample] = field(default_factory=list)

    def values(self, metric: str = "wall_s") -> list[float]:
        """The figures of one kind; rounds without it are left out."""
        return [sample.figures[metric] for sample in self.samples if metric in sample.figures]

    def median(self, metric: str = "wall_s") -> float:
        return statistics.median(self.values(metric))

    def spread(self, metric: str = "wall_s") -> tuple[float, float]:
        """The least and the most."""
        return min(self.values(metric)), max(self.values(metric))

    def ratio(self, beside: Measured, metric: str = "wall_s") -> float:
        """Our median over that of `beside`."""
        return self.median(metric) / beside.median(metric)

    def paired_ratios(self, beside: Measured, metric: str = "wall_s") -> list[float]:
        """The ratio of each round."""
        return [
            ours / theirs for ours, theirs in zip(self.values(metric), beside.values(metric), strict=False) if theirs
        ]


def alternate(
    cases: Sequence[Case], rounds: int = 5, *, warm_ups: int = 0, most_s: float = math.inf
) -> dict[str, Measured]:
    """Run every case once in each round, each round beginning with another case; `warm_ups` rounds do not count.

    Args:
        most_s: No further round begins that would probably end later; the first one is run in any case.
    """
    measured = {case.name: Measured(case.name, case.is_peer) for case in cases}
    assert len(measured) == len(cases), "two cases have the same name"
    begun_s = time.perf_counter()
    for number in range(-warm_ups, rounds):
        spent_s = time.perf_counter() - begun_s
        if number > 0 and spent_s * (1 + 1 / (number + warm_ups)) > most_s:
            print(f"{spent_s:.0f} s spent: {number} rounds instead of {rounds}", file=sys.stderr)
            break
        first = number % len(cases)
        for case in [*cases[first:], *cases[:first]]:
            start = time.perf_counter()
            sample = case.run() or Sample(time.perf_counter() - start)
            print(f"round {number + 1} of {rounds}: {case.name}: {sample.wall_s:.2f} s", file=sys.stderr)
            if number >= 0:
                measured[case.name].samples.append(sample)
    return measured


def run_command(
    argv: Sequence[str | Path],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    *,
    timeout_s: float = 600.0,
    stdout: Path | None = None,
) -> Sample:
    """Run a command to its end: wall, CPU and peak memory of it and of the children that it waited for.

    Raises:
        RuntimeError: It failed; with what it said on stderr.
        subprocess.TimeoutExpired: It took longer than `timeout_s`. It is ended, with its children.
    """
    reader, writer = os.pipe()
    with (
        os.fdopen(reader, encoding="utf-8") as answer,
        tempfile.TemporaryFile() as errors,
        (stdout or Path(os.devnull)).open("wb") as output,
    ):
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCH), str(writer), *map(str, argv)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            env=None if env is None else dict(env),
            cwd=cwd,
            pass_fds=[writer],
            start_new_session=True,
        )
        os.close(writer)
        try:
            process.wait(timeout_s)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        errors.seek(0)
        said = errors.read().decode(errors="replace")
        told = answer.read()
    found = json.loads(told) if told else {"code": process.returncode}
    if found.pop("code") != 0 or not found:
        raise RuntimeError(f"{' '.join(map(str, argv))}: failed: {said[-2000:]}")
    return Sample(**found)


class Table:
    """Rows of figures under a title; `goal` says in words what is aimed at."""

    def __init__(self, title: str, goal: str = "") -> None:
        self.title, self.goal = title, goal
        self.rows: list[tuple[str, str, str, str, str]] = []

    def row(
        self,
        name: str,
        measured: Measured,
        beside: Measured | None = None,
        goal: float | str | None = None,
        *,
        metric: str = "wall_s",
    ) -> bool:
        """Add a row, and tell whether its goal is met.

        Args:
            beside: What the ratio is to.
            goal: The highest ratio; without `beside`, the highest value of the metric. Text is only shown.
            metric: `wall_s`, `cpu_s`, `peak_bytes` or the name of a note; its ending is the unit.
        """
        met = True
        theirs = ratio = ""
        value = measured.median(metric)
        if beside is not None:
            theirs = f"{beside.name}: {_shown(beside, metric)}"
            value = measured.ratio(beside, metric)
            pairs = measured.paired_ratios(beside, metric)
            ratio = f"{value:.2f}" + (f" ({min(pairs):.2f}–{max(pairs):.2f})" if len(pairs) > 1 else "")
        aim = goal or ""
        if isinstance(goal, int | float):
            met = value <= goal
            aim = f"≤ {goal:g}" if beside is not None else f"≤ {with_unit(goal, metric)}"
            aim = f"{aim} {'✓' if met else '✗'}"
        self.rows.append((name, _shown(measured, metric), theirs, ratio, str(aim)))
        return met

    def missing(self, name: str, how_to_get: str) -> None:
        """Name a peer that is not installed here."""
        self.rows.append((name, "not installed here", how_to_get, "", ""))

    def text(self) -> str:
        lines = [f"### {self.title}", ""]
        if self.goal:
            lines += [f"Goal: {self.goal}", ""]
        header = ("case", "median", "beside", "ratio", "goal")
        lines += [f"| {' | '.join(row)} |" for row in [header, ("---",) * len(header), *self.rows]]
        return "\n".join(lines)


class Report:
    """What a benchmark found: printed, and kept as its section of the report, in the place of its former one."""

    is_kept: ClassVar[bool] = True
    """False: it is printed only."""

    def __init__(self, name: str, path: Path = REPORT) -> None:
        self._name, self._path = name, path
        self._parts = [f"Measured on: {machine.describe()}"]

    def add(self, table: Table) -> None:
        """Keep a table, and print it."""
        self.say(table.text())

    def say(self, text: str) -> None:
        """Keep a paragraph, and print it."""
        print(text, end="\n\n", flush=True)
        self._parts.append(text)

    def write(self) -> None:
        """Put the section into the report; the others stay as they are."""
        if not self.is_kept:
            return
        former = self._path.read_text("utf-8") if self._path.exists() else _HEAD
        self._path.write_text(with_section(former, self._name, "\n\n".join(self._parts)), "utf-8")


def end_in_order() -> None:
    """Let SIGTERM end this process as an error would: its temporary folders, servers and commands go with it."""

    def end(number: int, frame: object) -> NoReturn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, end)


def with_section(document: str, name: str, text: str) -> str:
    """The document with the section `## name` replaced, or added in the order of names."""
    head, *sections = f"\n{document}".split("\n## ")
    by_name = {part.partition("\n")[0].strip(): part.partition("\n")[2].strip() for part in sections}
    by_name[name] = text.strip()
    return "\n\n".join([head.strip(), *(f"## {key}\n\n{by_name[key]}" for key in sorted(by_name))]) + "\n"


def with_unit(value: float, metric: str) -> str:
    """A figure the way people read it; the ending of the metric's name is its unit."""
    if metric.endswith("_bytes"):
        return f"{value / 2**20:.1f} MiB"
    if metric.endswith("_s"):
        return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"
    return f"{value:g}"


def _shown(measured: Measured, metric: str) -> str:
    least, most = measured.spread(metric)
    spread = f" ({with_unit(least, metric)}–{with_unit(most, metric)})" if len(measured.values(metric)) > 1 else ""
    return with_unit(measured.median(metric), metric) + spread
