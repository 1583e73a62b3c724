"""The harness of the benchmarks: medians, ratios, sections of the report."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.__main__ import benchmarks
from tests.bench.harness import Case, Measured, Report, Sample, Table, alternate, run_command, with_section, with_unit


def measured(name: str, *walls_s: float) -> Measured:
    return Measured(name, samples=[Sample(wall_s) for wall_s in walls_s])


def test_a_ratio_is_that_of_the_medians() -> None:
    ours, theirs = measured("ours", 2.0, 9.0, 3.0), measured("theirs", 2.0, 1.0, 30.0)
    assert ours.median() == 3.0
    assert ours.spread() == (2.0, 9.0)
    assert ours.ratio(theirs) == 1.5
    assert ours.paired_ratios(theirs) == [1.0, 9.0, 0.1]


def test_cases_run_in_turn_and_each_is_first_once() -> None:
    ran: list[str] = []
    cases = [Case(name, lambda name=name: ran.append(name)) for name in "abc"]
    found = alternate(cases, rounds=3, warm_ups=1)
    assert "".join(ran) == "cab" + "abc" + "bca" + "cab"
    assert {name: len(one.samples) for name, one in found.items()} == {"a": 3, "b": 3, "c": 3}


def test_a_case_without_a_sample_is_timed_and_one_with_a_sample_is_believed() -> None:
    found = alternate([Case("timed", lambda: None), Case("told", lambda: Sample(7.0, files=3))], rounds=1)
    assert 0 <= found["timed"].median() < 7.0
    assert (found["told"].median(), found["told"].median("files")) == (7.0, 3)


def test_a_command_is_measured_with_its_own_memory_not_ours() -> None:
    ballast = bytearray(128 * 2**20)
    ballast[:: 2**12] = b"x" * len(ballast[:: 2**12])  # touched, so that it counts
    sample = run_command([sys.executable, "-I", "-S", "-c", "sum(range(10**5))"])
    assert sample.wall_s > 0
    assert sample.cpu_s is not None and sample.cpu_s > 0
    assert sample.peak_bytes is not None and 2**20 < sample.peak_bytes < len(ballast)


def test_a_command_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="no such luck"):
        run_command([sys.executable, "-I", "-S", "-c", "raise SystemExit('no such luck')"])


def test_rows_say_whether_goals_are_met() -> None:
    table = Table("start", goal="half of the peer")
    ours, theirs = measured("ours", 0.04, 0.06, 0.05), measured("theirs", 0.1, 0.1, 0.1)
    assert table.row("quick", ours, beside=theirs, goal=0.5)
    assert not table.row("slow", theirs, beside=ours, goal=1.9)
    assert not table.row("alone", ours, goal=0.049)
    text = table.text()
    assert "| quick | 50.0 ms (40.0 ms–60.0 ms) | theirs: 100.0 ms (100.0 ms–100.0 ms) | 0.50 (0.40–0.60) |" in text
    assert "≤ 0.5 ✓" in text
    assert "≤ 1.9 ✗" in text
    assert "≤ 49.0 ms ✗" in text


def test_units_come_from_the_name() -> None:
    assert with_unit(1.5, "wall_s") == "1.50 s"
    assert with_unit(3 * 2**20, "peak_bytes") == "3.0 MiB"
    assert with_unit(12, "calls") == "12"


def test_a_section_takes_the_place_of_its_former_one() -> None:
    document = "# Figures\n\nIntro.\n\n## scan\n\nold ### inside\n\n### a table\n\n## upload\n\nkept\n"
    changed = with_section(document, "scan", "new\n\n### b table")
    assert changed == "# Figures\n\nIntro.\n\n## scan\n\nnew\n\n### b table\n\n## upload\n\nkept\n"
    assert with_section(changed, "scan", "new\n\n### b table") == changed
    added = with_section(changed, "startup", "quick")
    assert added.index("## scan") < added.index("## startup") < added.index("## upload")


def test_a_report_begins_with_the_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("startup", tmp_path / "REPORT.md")
    report.say("found nothing")
    report.write()
    text = (tmp_path / "REPORT.md").read_text("utf-8")
    assert "# Figures" in text
    assert text.index("## startup") < text.index("cores") < text.index("found nothing")
    assert "found nothing" in capsys.readouterr().out


def test_every_benchmark_says_what_it_does() -> None:
    known = benchmarks()
    assert "startup" in known
    assert all(known.values())


def test_no_round_begins_that_would_end_too_late(capsys: pytest.CaptureFixture[str]) -> None:
    found = alternate([Case("long", lambda: time.sleep(0.01))], rounds=1000, most_s=0.0)
    assert len(found["long"].samples) == 1
    assert "1 rounds instead of 1000" in capsys.readouterr().err


def test_a_report_may_be_printed_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Report, "is_kept", False)
    report = Report("startup", tmp_path / "REPORT.md")
    report.say("found nothing")
    report.write()
    assert not (tmp_path / "REPORT.md").exists()
    assert "found nothing" in capsys.readouterr().out


ENDED = """
import os, signal, tempfile, time
from tests.bench.harness import end_in_order
end_in_order()
with tempfile.TemporaryDirectory(dir={folder!r}):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there, nothing can be done at that signal")
def test_temporary_folders_go_when_a_benchmark_is_ended(tmp_path: Path) -> None:
    command = [sys.executable, "-c", ENDED.format(folder=str(tmp_path))]
    assert subprocess.run(command, timeout=60, check=False).returncode == 143
    assert list(tmp_path.iterdir()) == []
