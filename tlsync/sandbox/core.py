"""What every part of the sandbox shares: time, ids, the database, the folders, the media reader, the faults."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from tlsync.clock import Clock, to_text
from tlsync.sandbox.database import Database
from tlsync.sandbox.facts import MediaReader
from tlsync.sandbox.faults import Faults
from tlsync.sandbox.settings import SandboxSettings
from tlsync.sandbox.timeline import Timeline, plan


class Core:
    """Handed to each part of the world.

    Attributes:
        stop: Set when the sandbox closes; every wait ends then.
        random: Where ids and signatures come from. A seeded one makes a whole run repeatable.
    """

    def __init__(
        self,
        folder: Path,
        *,
        settings: SandboxSettings,
        clock: Clock,
        media: MediaReader,
        source: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.timings = settings.timings
        self.clock = clock
        self.media = media
        self.random = source or random.SystemRandom()
        self.stop = threading.Event()
        self.faults = Faults()
        self.folder = folder
        self.assets_folder = self._subfolder("assets")
        self.chunks_folder = self._subfolder("chunks")
        self.scratch_folder = self._subfolder("scratch")
        for leftover in self.scratch_folder.iterdir():
            leftover.unlink()
        self.db = Database(folder / "sandbox.db")
        self._link_key = self._lasting("link_key", f"{self.random.getrandbits(256):064x}")

    def now_ms(self) -> int:
        """Wall-clock milliseconds: stored instants must mean the same after a restart."""
        return round(self.clock.now().timestamp() * 1000)

    def new_id(self) -> str:
        """24 hexadecimal digits that begin with the time, as the platform's do."""
        return f"{self.now_ms() // 1000:08x}{self.random.getrandbits(64):016x}"

    def new_generation_id(self) -> str:
        digits = f"{self.random.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    def new_signature(self) -> str:
        return f"{self.random.getrandbits(256):064x}"

    def scratch_file(self) -> Path:
        """A name for bytes on their way in; removed at the next start if nobody moved it."""
        return self.scratch_folder / f"{self.random.getrandbits(96):024x}"

    @property
    def link_key(self) -> bytes:
        return self._link_key.encode()

    def timeline(self, kind: str, steps: Sequence[tuple[str, float]], end: str) -> tuple[Timeline, str | None]:
        """The states ahead of a new thing, and the code of its failure if a fault wants it to fail."""
        steered = self.faults.outcome(kind)
        failure = steered.code if steered is not None and steered.action == "fail" else None
        is_stalled = steered is not None and steered.action == "stall"
        return plan(self.now_ms(), steps, "failed" if failure else end, is_stalled=is_stalled), failure

    def close(self) -> None:
        self.stop.set()
        self.db.close()

    def _subfolder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _lasting(self, name: str, value: str) -> str:
        """A value that is made once and then kept with the data."""
        self.db.execute("INSERT OR IGNORE INTO notes VALUES (?, ?)", (name, value))
        row = self.db.row("SELECT value FROM notes WHERE name = ?", (name,))
        return str(row["value"]) if row is not None else value


def instant(at_ms: int | None) -> str | None:
    """Milliseconds as the platform writes a time: RFC 3339, UTC, `Z`."""
    return None if at_ms is None else to_text(datetime.fromtimestamp(at_ms / 1000, UTC))
