"""Runs the rows of the fault and security matrices and writes what was found: `python -m tests.faults.report`.

The page is also what the next run starts from: what it does not run again keeps its line, with the tier and the day.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sqlite3
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.matrix import FAULTS, NO_TEST, SECURITY

TIERS = ("every", "merge", "long")
_HERE = Path(__file__).parent
_PAGE = _HERE / "REPORT.md"
_NAME = re.compile(r"test_([fs])0*(\d+)_")
_LINE = re.compile(r"^\| ([FS]\d+) \|(.*)\|$")
_HEAD = "| row | must hold | test | outcome | figures | tier, day |\n|---|---|---|---|---|---|"


@dataclass(frozen=True, slots=True)
class Result:
    """What one test found, at some time."""

    row: str
    test: str
    outcome: str
    """`held`, `FAILED`, or `gap: …` with the reason."""
    figures: str
    tier: str
    day: str


def row_of(test: str) -> str | None:
    """`F6` for a test named `test_f06_…`; None for a test of no row."""
    match = _NAME.match(test.rsplit("::", 1)[-1])
    return match and f"{match[1].upper()}{match[2]}"


def read_junit(text: str, figures: Mapping[str, list[str]], tier: str, day: str) -> list[Result]:
    """What a run of pytest found, one result per test function; its variants share a line.

    Args:
        figures: By full name of the test, with its variant.
    """
    found: dict[str, Result] = {}
    for case in ElementTree.fromstring(text).iter("testcase"):
        name = case.get("name", "")
        module = case.get("classname", "").rsplit(".", 1)[-1]
        test = f"{module}.py::{name.split('[')[0]}"
        row = row_of(name)
        if row is None:
            continue
        result = Result(row, test, _outcome(case), "; ".join(figures.get(name, [])), tier, day)
        old = found.get(test)
        found[test] = result if old is None else _joined(old, result)
    return list(found.values())


def _outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "FAILED"
    skipped = case.find("skipped")
    if skipped is None:
        return "held"
    reason = skipped.get("message", "").removeprefix("Skipped: ")
    return "gap: " + re.sub(r"^GAP [FS]\d+: ", "", reason)


def _joined(first: Result, second: Result) -> Result:
    worst = next(
        (
            one.outcome
            for wanted in ("FAILED", "gap", "held")
            for one in (first, second)
            if one.outcome.startswith(wanted)
        ),
        first.outcome,
    )
    return replace(first, outcome=worst, figures="; ".join(text for text in (first.figures, second.figures) if text))


def merge(old: Iterable[Result], new: Iterable[Result], existing: Iterable[str]) -> list[Result]:
    """Old and new results of tests that still exist.

    What held in a higher tier stays when the lower one held too; a failure is always shown.
    """
    kept = {result.test: result for result in old if result.test in set(existing)}
    for result in new:
        before = kept.get(result.test)
        says_less = (
            before is not None
            and TIERS.index(before.tier) > TIERS.index(result.tier)
            and before.outcome == "held"
            and result.outcome != "FAILED"
        )
        if not says_less:
            kept[result.test] = result
    return sorted(kept.values(), key=lambda result: (_order(result.row), result.test))


def read_page(text: str) -> list[Result]:
    """The results on a page that `write_page` made."""
    results = []
    for line in text.splitlines():
        match = _LINE.match(line)
        if match:
            cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", match[2])]
            if len(cells) == 5 and cells[1]:
                tier, _, day = cells[4].partition(", ")
                results.append(Result(match[1], cells[1].strip("`"), cells[2].strip("*"), cells[3], tier, day))
    return results


def write_page(results: Iterable[Result], machine: str, existing: Iterable[str] = ()) -> str:
    """The page, from all that is known.

    Args:
        existing: All tests there are; a row may have one that was never run.
    """
    tested = {row_of(test) for test in existing}
    results = list(results)
    text = [
        "# What was tried to break tlsync, and what came of it",
        "Written by `python -m tests.faults.report`; `--tier merge` and `--tier long` try harder, `--rows F1,S3` some.",
        "A test that could not show anything here is a gap, with the reason. Every seeded test prints its seed.",
        "",
        machine,
    ]
    for title, rows in (("Faults", FAULTS), ("Security", SECURITY)):
        held = {result.row for result in results if result.outcome == "held"}
        failed = {result.row for result in results if result.outcome == "FAILED"}
        there = [row for row in rows if row in held and row not in failed]
        lines = [line for row, must in rows.items() for line in _lines(row, must, results, is_tested=row in tested)]
        lacking = [row for row in rows if row in failed]
        text += [
            "",
            f"## {title}",
            f"{len(there)} of {len(rows)} rows held" + (f", failed: {', '.join(lacking)}." if lacking else "."),
        ]
        text += ["", _HEAD, *lines]
    return "\n".join(text) + "\n"


def _lines(row: str, must: str, results: list[Result], *, is_tested: bool) -> list[str]:
    mine = [result for result in results if result.row == row]
    if not mine:
        outcome = "not run yet" if is_tested else f"no test: {NO_TEST.get(row, 'not yet')}"
        return [f"| {row} | {must} | | {outcome} | | |"]
    return [
        f"| {row} | {must if number == 0 else '″'} | `{result.test}` | {_bold(result.outcome)} "
        f"| {_cell(result.figures)} | {result.tier}, {result.day} |"
        for number, result in enumerate(mine)
    ]


def _bold(outcome: str) -> str:
    return f"**{outcome}**" if outcome == "FAILED" else _cell(outcome)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _order(row: str) -> tuple[str, int]:
    return row[0], int(row[1:])


def describe_machine() -> str:
    """What the figures depend on, without the machine's name."""
    return (
        f"Latest run on {platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}, {os.cpu_count()} cores."
    )


def _pytest(*arguments: str, figures: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = dict(os.environ)
    if figures is not None:
        environment["TLSYNC_FAULT_FIGURES"] = str(figures)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(_HERE), *arguments]
    stdout = subprocess.PIPE if "--collect-only" in arguments else sys.stderr
    return subprocess.run(command, cwd=_HERE.parent.parent, env=environment, stdout=stdout, text=True, check=False)


def existing_tests() -> set[str]:
    """All tests of rows, of any tier."""
    listing = _pytest("--collect-only", "-q", "-m", "").stdout
    names = {line.split("[")[0].removeprefix("tests/faults/") for line in listing.splitlines() if "::" in line}
    return {name for name in names if row_of(name)}


def run_rows(tier: str, rows: set[str] | None, jobs: int) -> list[Result]:
    """Run the tests of a tier, or those of some rows, so many at a time, and gather what they say."""
    marks = {"every": "not merge and not long", "merge": "merge", "long": "long"}[tier]
    arguments = ["-q", "-m", marks, "--tier", tier]
    if rows is not None:
        arguments += [
            "-k",
            " or ".join(f"test_{row[0].lower()}{int(row[1:]):02d}_" for row in sorted(rows, key=_order)),
        ]
    if jobs > 1:
        arguments += ["-n", str(jobs)]
    if tier == "long":
        arguments += ["--timeout", "7200"]
    day = datetime.now(UTC).date().isoformat()
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder) / "junit.xml"
        _pytest(*arguments, f"--junitxml={junit}", figures=Path(folder))
        notes = [json.loads(path.read_text("utf-8")) for path in sorted(Path(folder).glob("*.json"))]
        figures = {note["test"]: note["figures"] for note in notes}
        return read_junit(junit.read_text("utf-8"), figures, tier, day)


def main() -> int:
    """Run, merge with what the page says, write it; 1 when a row failed."""
    parser = argparse.ArgumentParser(description="Run the rows of the fault and security matrices.")
    parser.add_argument("--tier", choices=TIERS, default="every")
    parser.add_argument("--rows", help="only these, for example F1,F12,S3")
    parser.add_argument("--jobs", type=int, help="tests at a time (default: 2, one of the long ones)")
    options = parser.parse_args()
    rows = {row.strip().upper() for row in options.rows.split(",")} if options.rows else None
    if rows and not rows <= FAULTS.keys() | SECURITY.keys():
        parser.error(f"no such row: {', '.join(sorted(rows - FAULTS.keys() - SECURITY.keys()))}")
    new = run_rows(options.tier, rows, options.jobs or (1 if options.tier == "long" else 2))
    existing = existing_tests()
    old = read_page(_PAGE.read_text("utf-8")) if _PAGE.exists() else []
    results = merge(old, new, existing)
    _PAGE.write_text(write_page(results, describe_machine(), existing), "utf-8")
    failed = sorted({result.row for result in new if result.outcome == "FAILED"}, key=_order)
    print(f"{len(new)} tests of {len({result.row for result in new})} rows; failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
