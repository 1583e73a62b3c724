"""The report's pure parts: reading a run, keeping what a run did not repeat, writing the page and reading it again."""

from __future__ import annotations

from tests.faults.matrix import FAULTS, NO_TEST, SECURITY
from tests.faults.report import Result, merge, read_junit, read_page, row_of, write_page

JUNIT = """<testsuites><testsuite>
<testcase classname="tests.faults.test_kill" name="test_f02_every_call[fsync]"/>
<testcase classname="tests.faults.test_kill" name="test_f02_every_call[write]"><failure/></testcase>
<testcase classname="tests.faults.test_kill" name="test_f04_stop"/>
<testcase classname="tests.faults.test_power_cut" name="test_f03_cut">
  <skipped message="Skipped: GAP F03: needs root"/></testcase>
<testcase classname="tests.faults.test_report" name="test_of_no_row"/>
</testsuite></testsuites>"""


def _result(row: str, *, outcome: str = "held", tier: str = "merge", figures: str = "") -> Result:
    return Result(row, f"test_x.py::test_{row.lower()}_x", outcome, figures, tier, "2026-01-02")


def test_rows_are_known_by_the_names_of_tests() -> None:
    assert row_of("test_f06_full") == "F6"
    assert row_of("test_x.py::test_s12_x") == "S12"
    assert row_of("test_report") is None


def test_a_run_is_read_with_its_figures_gaps_and_failures() -> None:
    figures = {"test_f04_stop": ["p99 1 s", "3 stops"], "test_f02_every_call[fsync]": ["4 points"]}
    kill, stop, cut = read_junit(JUNIT, figures, "merge", "2026-01-02")
    assert kill == Result("F2", "test_kill.py::test_f02_every_call", "FAILED", "4 points", "merge", "2026-01-02")
    assert (stop.outcome, stop.figures) == ("held", "p99 1 s; 3 stops")
    assert cut.outcome == "gap: needs root"


def test_what_was_not_run_again_is_kept_and_tests_that_are_gone_are_not() -> None:
    old = [_result("F1", tier="long"), _result("F2"), _result("F3"), _result("F9", outcome="FAILED", tier="long")]
    new = [_result("F1"), _result("F2", figures="new"), _result("F9")]
    merged = merge(old, new, [result.test for result in [*old, *new] if result.row != "F3"])
    assert [(result.row, result.tier, result.outcome, result.figures) for result in merged] == [
        ("F1", "long", "held", ""),
        ("F2", "merge", "held", "new"),
        ("F9", "merge", "held", ""),
    ]
    failed = _result("F1", outcome="FAILED")
    assert merge(old, [failed], [failed.test]) == [failed], "a failure is never hidden"


def test_the_page_says_everything_that_it_is_read_for() -> None:
    results = [
        _result("F2", figures="4 points | 0 lost"),
        _result("F3", outcome="gap: needs a|b"),
        _result("F10", outcome="FAILED"),
        _result("S1"),
    ]
    page = write_page(results, "A machine.", ["test_x.py::test_f04_x"])
    assert "| F4 | asked to stop in the middle: ends within 5 s, nothing half-done | | not run yet | | |" in page
    assert "| S14 | web page on a foreign name can't reach a local interface | | no test: tlsync has no" in page
    assert read_page(page) == results
    assert write_page(read_page(page), "A machine.", ["test_x.py::test_f04_x"]) == page
    assert "failed: F10" in page
    assert page.count("\n| F") == len(FAULTS)
    assert page.count("\n| S") == len(SECURITY)


def test_every_row_is_named_and_reasons_are_of_rows() -> None:
    assert list(FAULTS) == [f"F{number}" for number in range(1, 49)]
    assert list(SECURITY) == [f"S{number}" for number in range(1, 29)]
    assert NO_TEST.keys() <= SECURITY.keys() | FAULTS.keys()
