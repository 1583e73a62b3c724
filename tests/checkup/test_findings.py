"""Checks run at once, each for itself."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from tlsync.checkup.findings import Finding, ok, run_checks
from tlsync.errors import ConfigError


def test_findings_come_in_the_order_of_the_checks() -> None:
    second_began = threading.Event()

    def slow() -> list[Finding]:
        second_began.wait(10)
        return [ok("slow", "1"), ok("slow", "2")]

    def quick() -> list[Finding]:
        second_began.set()
        return [ok("quick", "3")]

    assert [found.message for found in run_checks({"slow": slow, "quick": quick}, 10)] == ["1", "2", "3"]


def test_a_check_that_hangs_is_a_failure_and_the_others_are_told() -> None:
    forever = threading.Event()

    def hang() -> list[Finding]:
        forever.wait(30)
        return []

    found = run_checks({"drive": hang, "SQLite": lambda: [ok("SQLite", "fine")]}, 0.2)
    forever.set()
    assert [(one.check, one.state) for one in found] == [("drive", "failure"), ("SQLite", "ok")]
    assert "does not answer" in found[0].message


def test_a_check_that_fails_is_a_failure_and_the_others_are_told() -> None:
    def known() -> Iterator[Finding]:
        yield ok("known", "lost")
        raise ConfigError("no such thing", hint="make one")

    def unknown() -> list[Finding]:
        raise ZeroDivisionError("by zero")

    found = run_checks({"known": known, "unknown": unknown}, 10)
    assert [(one.state, one.message) for one in found] == [
        ("failure", "no such thing"),
        ("failure", "could not be looked at: ZeroDivisionError: by zero"),
    ]
    assert found[0].mend == "make one"
