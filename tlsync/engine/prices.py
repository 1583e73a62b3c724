"""What work on the platform costs by the price table of the settings, in millionths of its currency. Pure."""

from __future__ import annotations

import math

from tlsync.config import PriceSettings

MICROS = 1_000_000

_TOKENS_AT_ONCE = 4_096
_TOKENS_IN_BACKGROUND = 16_384
"""Most tokens of an answer that tlsync asks for: the platform's default, and for media too long for that."""
_AT_ONCE_MAX_MS = 3_600_000
_LETTERS_PER_TOKEN = 4
"""A guess, for answers that come without a count; English texts are near it."""


def indexing_micros(prices: PriceSettings, duration_ms: int) -> int:
    """Indexing a video, with the first month of its storage."""
    return _micros((prices.indexing_per_minute + prices.storage_per_minute_month) * _minutes(duration_ms))


def text_micros(prices: PriceSettings, duration_ms: int, tokens: int | None = None) -> int:
    """One question about a video; `tokens` None: the longest answer that may come."""
    if tokens is None:
        tokens = most_tokens(duration_ms)
    return _micros(prices.analysis_per_minute * _minutes(duration_ms) + prices.output_per_1k_tokens * tokens / 1000)


def search_micros(prices: PriceSettings) -> int:
    return _micros(prices.search_per_query)


def most_tokens(duration_ms: int) -> int:
    """How long an answer about a video may be."""
    return _TOKENS_AT_ONCE if duration_ms <= _AT_ONCE_MAX_MS else _TOKENS_IN_BACKGROUND


def tokens_of(text: str) -> int:
    """About how many tokens a text is."""
    return math.ceil(len(text) / _LETTERS_PER_TOKEN)


def to_ms(duration_s: float | None) -> int:
    return math.ceil((duration_s or 0.0) * 1000)


def _minutes(duration_ms: int) -> float:
    return duration_ms / 60_000


def _micros(money: float) -> int:
    """Up to the next whole one: a cap must not be missed by rounding. What floats add below that is none."""
    return math.ceil(round(money * MICROS, 3))
