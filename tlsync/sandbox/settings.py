"""What can be chosen about a sandbox: times, sizes, limits, and which age of the platform it plays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Platform = Literal["2025-11", "2026-07"]
"""The reference, or the platform as it was after the changes that the contract lists as later."""

DEFAULT_API_KEY = "tlsync-sandbox-key"
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Timings:
    """How long things take, in seconds on the injected clock. The lives are those of the reference."""

    asset_processing_s: float = 0.1
    validating_s: float = 0.02
    pending_s: float = 0.05
    queued_s: float = 0.05
    indexing_s: float = 0.2
    entity_s: float = 0.1
    embedding_s: float = 0.1
    analysis_s: float = 0.1
    url_life_s: float = 3600
    session_life_s: float = 24 * 3600
    link_life_s: float = 3600
    page_token_life_s: float = 3600
    asset_life_s: float = 72 * 3600
    """Assets that belong to no entity; the reference only."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many calls of one method in a window; more are answered with 429."""

    calls: int
    window_s: float = 60.0


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """Everything but the time and the place.

    `first_urls` is how many chunk URLs the answer to a new session holds.
    `rate_limits` are by method name, for example `{"search.create": RateLimit(50, 86400)}`; none by default.
    """

    api_key: str = DEFAULT_API_KEY
    platform: Platform = "2025-11"
    timings: Timings = field(default_factory=Timings)
    chunk_size_bytes: int = 5 * MIB
    first_urls: int = 10
    rate_limits: Mapping[str, RateLimit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.platform not in get_args(Platform):
            raise ValueError(f"platform must be {' or '.join(get_args(Platform))}, not {self.platform!r}")
        if self.chunk_size_bytes < 1 or self.first_urls < 0:
            raise ValueError("chunk_size_bytes must be at least 1 and first_urls at least 0")

    @property
    def is_later(self) -> bool:
        """Plays the platform after the reference."""
        return self.platform != "2025-11"

    @property
    def upload_limit_bytes(self) -> int:
        """Largest multipart upload (contract, 4.1)."""
        return 10 * 1024 * MIB if self.is_later else 4 * 1024 * MIB

    @property
    def image_limit_bytes(self) -> int:
        """Largest image (contract, 4.1)."""
        return 32 * MIB if self.is_later else 5 * MIB
