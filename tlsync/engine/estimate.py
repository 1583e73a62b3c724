"""What a plan comes to: calls, time, money, and how it fits into the caps. Estimates, and they say where from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Literal

from tlsync.config import Settings
from tlsync.engine.cap_terms import Cap, caps_of
from tlsync.engine.feasibility import would_take_s
from tlsync.engine.prices import indexing_micros, text_micros, to_ms
from tlsync.hours import ALWAYS
from tlsync.store.reader import CatalogReader
from tlsync.store.spending import Amounts, Used
from tlsync.store.upload_spans import has_summarize, last_chunk_bytes, last_uploads, usual_rate
from tlsync.timetable import UNLIMITED

TOKENS_PER_FILE = 1_000
"""A guess: summary, chapters, highlights and gist of a clip, as they come on the average."""
_CALLS_PER_FILE = 16
"""Of one chunk: a session, its report and its state, looks for twins, the index, the stamp, and polls while the
platform works. Counted on the sandbox; a platform that takes longer is asked more often."""
_CHUNKS_PER_REPORT = 10
_CHUNKS_PER_URLS = 50

RateSource = Literal["settings", "last uploads", "unknown"]


@dataclass(frozen=True, slots=True)
class Item:
    """A file that would be sent."""

    size_bytes: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class CostLine:
    """One thing that is billed. `price` and `amount` are None where no price is set."""

    what: str
    quantity: float
    unit: str
    price: float | None
    amount: float | None


@dataclass(frozen=True, slots=True)
class Cost:
    """`amount` is None where no price is set at all."""

    currency: str
    amount: float | None
    as_of: str
    lines: tuple[CostLine, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """`calls` go to the platform, `chunks` to its storage. `time_s` is that of sending; None: not known."""

    calls: int
    chunks: int
    time_s: float | None
    rate_bytes_per_s: float | None
    rate_source: RateSource
    cost: Cost


class Estimator:
    """Knows the settings, and from the catalog how the last uploads went."""

    def __init__(self, settings: Settings, reader: CatalogReader, now: datetime, zone: tzinfo | None = None) -> None:
        self._settings = settings
        self._now = now
        self._zone = zone
        self._usual_rate = usual_rate(last_uploads(reader))
        self._chunk_bytes = last_chunk_bytes(reader)
        self._text_calls = self._calls_for_texts(reader)

    def estimate(self, items: Sequence[Item]) -> Estimate:
        """What it takes to send, index and describe these."""
        size_bytes = sum(item.size_bytes for item in items)
        chunks = [max(1, math.ceil(item.size_bytes / self._chunk_bytes)) for item in items]
        calls = len(items) * (_CALLS_PER_FILE + self._text_calls)
        calls += sum(number // _CHUNKS_PER_REPORT + number // _CHUNKS_PER_URLS for number in chunks)
        time_s, rate, source = self._time(size_bytes)
        return Estimate(calls, sum(chunks), time_s, rate, source, self._cost(items))

    def need(self, items: Sequence[Item]) -> Amounts:
        """What these take of the caps, as they are set aside when their turn comes."""
        prices = self._settings.prices
        total = Amounts()
        for item in items:
            duration_ms = to_ms(item.duration_s)
            money = indexing_micros(prices, duration_ms) + self._text_calls * text_micros(prices, duration_ms)
            total += Amounts(item.size_bytes, duration_ms, money)
        return total

    def caps(self, items: Sequence[Item], used: Used) -> list[dict[str, Any]]:
        """For each cap: what these need, how many more periods that takes, and how many files are too large for it."""
        total, each = self.need(items), [self.need([item]) for item in items]
        return [_against(cap, total, each, used) for cap in caps_of(self._settings.caps)]

    def _time(self, size_bytes: int) -> tuple[float | None, float | None, RateSource]:
        upload = self._settings.upload
        timetable, hours = upload.bandwidth or UNLIMITED, upload.hours or ALWAYS
        planned_s = would_take_s(size_bytes, timetable, hours, self._now, self._zone)
        if not timetable.is_unlimited and math.isfinite(planned_s):
            return planned_s, size_bytes / planned_s if planned_s else None, "settings"
        if self._usual_rate is None:
            return None, None, "unknown"
        return planned_s + size_bytes / self._usual_rate, self._usual_rate, "last uploads"

    def _cost(self, items: Sequence[Item]) -> Cost:
        prices = self._settings.prices
        minutes = sum(item.duration_s for item in items) / 60
        lines = [
            _line("indexing", minutes, "minutes", prices.indexing_per_minute),
            _line("storage, first month", minutes, "minutes", prices.storage_per_minute_month),
        ]
        if self._text_calls:
            lines += [
                _line("texts, video read", minutes * self._text_calls, "minutes", prices.analysis_per_minute),
                _line(
                    "texts, written",
                    len(items) * TOKENS_PER_FILE / 1000,
                    "thousand tokens",
                    prices.output_per_1k_tokens,
                ),
            ]
        known = [line.amount for line in lines if line.amount is not None]
        return Cost(prices.currency, round(sum(known), 4) if known else None, prices.as_of, tuple(lines))

    def _calls_for_texts(self, reader: CatalogReader) -> int:
        """Paid questions per file: one for all texts, or one for each where the platform still has that."""
        texts = [kind for kind in self._settings.analysis.kinds if kind != "transcription"]
        source = self._settings.analysis.source
        is_each = source == "predefined" or (source == "auto" and has_summarize(reader))
        return len(texts) if is_each else min(1, len(texts))


def _line(what: str, quantity: float, unit: str, price: float) -> CostLine:
    amount = round(quantity * price, 4) if price else None
    return CostLine(what, round(quantity, 3), unit, price or None, amount)


def _against(cap: Cap, total: Amounts, each: Sequence[Amounts], used: Used) -> dict[str, Any]:
    need, left = cap.of(total), max(0, cap.limit - cap.used(used))
    return {
        "needs": cap.in_settings(need),
        "more_periods": 0 if need <= left else math.ceil((need - left) / cap.limit) if cap.limit else None,
        "too_large_files": sum(cap.of(one) > cap.limit for one in each),
    }
