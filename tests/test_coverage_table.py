"""The coverage table says what is so, and leaves nothing out."""

from __future__ import annotations

from tests.contract.coverage import MISSING, PATH, render, table
from tlsync.api.reference import methods


def test_the_file_is_up_to_date() -> None:
    assert PATH.read_text("utf-8") == render(), "run python -m tests.contract.coverage"


def test_every_method_has_a_row_without_gaps() -> None:
    rows = table()
    assert [row["method"] for row in rows] == [f"`{name}`" for name in methods()]
    assert len(rows) == 65
    assert [row["method"] for row in rows if MISSING in row.values()] == []


def test_the_sandbox_plays_removed_and_later_methods_for_their_age_only() -> None:
    ages = {row["method"].strip("`"): row["sandbox"] for row in table()}
    for name, method in methods().items():
        expected = {"removed": "2025-11"}.get(method.lifetime, "2025-11, 2026-07")
        assert ages[name] == (expected if method.in_reference else "2026-07")
