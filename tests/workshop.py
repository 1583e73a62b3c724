"""A workshop for stories: a watched folder, a sandbox on a socket, and tlsync as a new process would find them."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tlsync.api import RetryPolicy, TwelveLabs
from tlsync.clock import Clock, SystemClock
from tlsync.config import PlatformSettings, RootSettings, Settings, SyncSettings
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Progress, Silent
from tlsync.engine.tally import Summary
from tlsync.media.probe import Prober
from tlsync.sandbox.server import SandboxServer
from tlsync.store.reader import CatalogReader, FileView
from tlsync.store.store import Store

QUICK_RETRIES = RetryPolicy(attempts=3, base_s=0.001, cap_s=0.01, total_s=5.0, max_wait_s=2.0, open_base_s=0.01)


class HastyClock:
    """Runs so many times faster than the clock on the wall, so that back-off takes moments."""

    def __init__(self, factor: float) -> None:
        self._factor = factor
        self._start = datetime.now(UTC)
        self._start_s = time.monotonic()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.monotonic_s() - self._start_s)

    def monotonic_s(self) -> float:
        return self._start_s + (time.monotonic() - self._start_s) * self._factor

    def wait(self, stop: threading.Event, seconds: float) -> bool:
        return stop.wait(max(0.0, seconds / self._factor))


@dataclass
class Workshop:
    """Each `sync` opens everything anew, as if tlsync had been started again."""

    server: SandboxServer
    footage: Path
    state_dir: Path
    prober: Prober
    changes: dict[str, Any] = field(default_factory=dict)
    """Settings that differ from the defaults below."""
    api_key: str | None = None
    clock: Clock = field(default_factory=SystemClock)

    @property
    def settings(self) -> Settings:
        settings = Settings(
            state_dir=self.state_dir,
            platform=PlatformSettings(base_url=self.server.base_url),
            roots=(RootSettings(path=self.footage, index="clips"),),
            sync=SyncSettings(settle_s=0.05, poll_s=0.05),
        )
        return settings._replace(**self.changes)

    def sync(
        self,
        paths: Sequence[Path] = (),
        *,
        stop: threading.Event | None = None,
        progress: Progress | None = None,
        before: Callable[[Engine], None] | None = None,
    ) -> Summary:
        stop = stop or threading.Event()
        settings = self.settings
        with (
            Store(settings.state_dir, self.clock) as store,
            TwelveLabs(
                api_key=self.api_key or self.server.api_key,
                base_url=settings.platform.base_url,
                stop=stop,
                retries=QUICK_RETRIES,
            ) as client,
        ):
            engine = Engine(
                settings,
                store,
                client,
                self.prober,
                clock=self.clock,
                stop=stop,
                progress=progress or Silent(),
                is_single_pass=True,
            )
            if before is not None:
                before(engine)
            return engine.run_once(paths)

    def files(self) -> dict[str, FileView]:
        """What the catalog says, by path below the footage folder."""
        with CatalogReader(self.state_dir) as reader:
            return {str(view.path.relative_to(self.footage)): view for view in reader.files()}

    def states(self) -> dict[str, str]:
        return {name: view.state.value for name, view in self.files().items()}

    def history(self, name: str) -> list[str]:
        with CatalogReader(self.state_dir) as reader:
            return [step["to"] for step in reader.history(self.files()[name].id)]

    def sidecar(self, name: str) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.footage / f"{name}.tlsync.json").read_text("utf-8"))
        return loaded

    def remote_contents(self) -> dict[str, list[str]]:
        """SHA-256 of everything that became whole on the platform, with its asset ids."""
        return self.server.ledger.assets_by_sha256()

    def counts(self) -> dict[str, int]:
        """Calls so far, by the reference's names."""
        return self.server.ledger.counts()

    def assert_clean(self) -> None:
        """What must hold after every story: nothing twice, nothing torn, nothing repeated."""
        for sha256, assets in self.remote_contents().items():
            assert len(assets) == 1, f"content {sha256[:8]} was uploaded {len(assets)} times"
        for asset, indexed in self.server.ledger.indexed_by_asset().items():
            assert len(indexed) == 1, f"asset {asset} was indexed {len(indexed)} times"
        local = {sha256_of(path) for path in self.footage.rglob("*") if path.is_file()}
        for view in self.files().values():
            if view.state.value == "enriched":
                assert view.sha256 in local
                assert view.sha256 in self.remote_contents()
        assert not list(self.footage.rglob("*.tlsync-tmp"))


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
