"""Estimates: time by the settings or the past, calls near the truth, money by the price table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.workshop import Workshop
from tlsync.config import AnalysisSettings, CapSettings, Settings, UploadSettings
from tlsync.engine.estimate import Estimator, Item
from tlsync.hours import parse_hours
from tlsync.store.reader import CatalogReader
from tlsync.store.spending import Amounts, Used
from tlsync.store.upload_spans import UploadSpan, usual_rate
from tlsync.timetable import parse_timetable

MakeClip = Callable[..., Path]
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
GB = 10**9


def estimator(tmp_path: Path, **changes: object) -> Estimator:
    settings = Settings(state_dir=tmp_path, **changes)  # type: ignore[arg-type]
    with CatalogReader(tmp_path) as reader:
        return Estimator(settings, reader, NOON, UTC)


@pytest.mark.parametrize(
    ("spans", "rate"),
    [
        ([], None),
        ([UploadSpan(0, 10, 1000)], 100),
        ([UploadSpan(0, 10, 1000), UploadSpan(0, 10, 1000)], 200),  # both at once
        ([UploadSpan(0, 10, 1000), UploadSpan(20, 30, 1000)], 100),  # one after the other
        ([UploadSpan(0, 1, 1), UploadSpan(2, 3, 1), UploadSpan(10, 20, 10_000)], 1000),  # small files say little
    ],
)
def test_the_usual_rate_is_that_of_all_that_goes_at_once(spans: list[UploadSpan], rate: float | None) -> None:
    assert usual_rate(spans) == rate


def test_a_timetable_is_followed_through_the_night(tmp_path: Path) -> None:
    upload = UploadSettings(bandwidth=parse_timetable("08:00,1 MB/s 20:00,10 MB/s"))
    found = estimator(tmp_path, upload=upload).estimate([Item(29 * GB, 60.0)])
    assert found.time_s == pytest.approx(8 * 3600 + 200 / 10 * 1.0, rel=0.01)  # 28.8 GB by 20:00, the rest quickly
    assert found.rate_source == "settings"


def test_hours_that_are_closed_are_waited_for(tmp_path: Path) -> None:
    upload = UploadSettings(bandwidth=parse_timetable("1 MB/s"), hours=parse_hours("22:00-06:00"))
    found = estimator(tmp_path, upload=upload).estimate([Item(10**6 * 60, 60.0)])
    assert found.time_s == pytest.approx(10 * 3600 + 60)


def test_calls_are_near_what_a_sync_makes(workshop: Workshop, make_clip: MakeClip) -> None:
    clips = [make_clip(workshop.footage / f"{number}.mp4", pattern=number) for number in range(3)]
    workshop.sync()
    made = sum(number for name, number in workshop.counts().items() if name != "storage.put")
    with CatalogReader(workshop.state_dir) as reader:
        found = Estimator(workshop.settings, reader, NOON).estimate([Item(clip.stat().st_size, 5.0) for clip in clips])
    assert made / 2 < found.calls < made * 2
    assert found.chunks == workshop.counts()["storage.put"]


def test_texts_cost_once_or_each(tmp_path: Path) -> None:
    item, costs = Item(GB, 600.0), {}
    for source, kinds in (("analyze", ("summary", "gist")), ("predefined", ("summary", "gist")), ("auto", ())):
        analysis = AnalysisSettings(source=source, kinds=kinds)  # type: ignore[arg-type]
        lines = estimator(tmp_path, analysis=analysis).estimate([item]).cost.lines
        costs[source] = sum(line.quantity for line in lines if line.what == "texts, video read")
    assert costs == {"analyze": 10.0, "predefined": 20.0, "auto": 0}


def test_what_is_reckoned_for_caps_says_for_how_long_it_goes_on(tmp_path: Path) -> None:
    caps = CapSettings(bytes_per_day=10 * GB, minutes_per_month=1000)
    items = [Item(3 * GB, 60.0)] * 10
    used = Used(Amounts(size_bytes=5 * GB), Amounts(duration_ms=0))
    minutes, size = estimator(tmp_path, caps=caps).caps(items, used)
    assert (minutes["needs"], minutes["more_periods"], minutes["too_large_files"]) == (10.0, 0, 0)
    assert (size["needs"], size["more_periods"], size["too_large_files"]) == (30 * GB, 3, 0)
