"""A desk for tests of caps: a ledger on a clock that obeys, and files without bytes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from tests.conftest import FakeClock
from tlsync.config import CapSettings, PriceSettings
from tlsync.engine.caps import Caps
from tlsync.models import ContentId, FileId, MediaInfo, RootId, StatSignature
from tlsync.states import FileState
from tlsync.store.catalog import FileRow
from tlsync.store.contents import Content
from tlsync.store.spending import Spending

PRICES = PriceSettings(
    indexing_per_minute=0.5,
    storage_per_minute_month=0.5,
    analysis_per_minute=1.0,
    output_per_1k_tokens=0.0,
    search_per_query=0.25,
)
"""A minute costs 1.00 to index and 1.00 to describe."""


@dataclass
class CapsDesk:
    """One machine. `restart` begins a new process on the same ledger."""

    folder: Path
    limits: dict[str, Any]
    clock: FakeClock = field(default_factory=FakeClock)
    zone: tzinfo = UTC
    gone: set[ContentId] = field(default_factory=set)
    """Contents that are no longer under way."""

    def __post_init__(self) -> None:
        self.spending = Spending(self.folder, self.clock, self.zone)
        self.restart()

    @property
    def caps_settings(self) -> CapSettings:
        return CapSettings(**self.limits)

    def restart(self) -> None:
        self.caps = Caps(self.caps_settings, PRICES, self.spending, lambda content: content not in self.gone)

    def until(self, moment: datetime) -> None:
        """Wait until then, or put the clock back."""
        self.clock.advance((moment - self.clock.now()).total_seconds())

    @property
    def minutes(self) -> float:
        """Indexed today."""
        return self.spending.used("USD").day.duration_ms / 60_000

    @property
    def bytes(self) -> int:
        """Sent today."""
        return self.spending.used("USD").day.size_bytes

    @property
    def money(self) -> float:
        return self.spending.used("USD").day.money_micros / 1e6


def content(number: int, *, minutes: float = 1.0, size_bytes: int = 100) -> Content:
    media = MediaInfo(kind="video", duration_s=minutes * 60, container="mp4")
    return Content(ContentId(number), size_bytes, f"f{number}", f"s{number}", media)


def file(number: int, state: FileState = FileState.IDENTIFIED) -> FileRow:
    """The file of content `number`."""
    return FileRow(
        id=FileId(number),
        root_id=RootId(1),
        path=Path(f"/footage/{number}.mp4"),
        state=state,
        reason="",
        signature=StatSignature(100, 1, 1, number),
        content_id=ContentId(number),
        error_code=None,
        hint="",
        attempts=0,
        retry_at=None,
        came_from=None,
        sidecar=None,
        sidecar_look=None,
        root=Path("/footage"),
    )
