"""tlsync's way with some files, measured from inside its process; what the benchmarks of uploads run as a child.

    python -m tests.bench.one_upload STATE_DIR FOOTAGE [--verify-chunks] [--until uploaded|90%|done]

The key and the platform come from the environment. It prints JSON: wall and CPU seconds from the opening of the first
session to the last asset (`done`: of the whole pass), and the instant at which the pass began, on the monotonic clock.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import threading
import time
from pathlib import Path

from tlsync.api import TwelveLabs
from tlsync.clock import SystemClock
from tlsync.config import LimitSettings, PlatformSettings, RootSettings, Settings, SyncSettings, UploadSettings
from tlsync.engine.engine import Engine
from tlsync.engine.progress import Silent
from tlsync.media.probe import Prober
from tlsync.states import FileState
from tlsync.store.store import Store


class Watch(Silent):
    """Takes the times of the uploads alone, and stops tlsync when it has come so far."""

    def __init__(self, stop: threading.Event, until: str, files: int) -> None:
        self._stop = stop
        self._until = until
        self._files = files
        self._begun: tuple[float, float] | None = None
        self.told: dict[str, float] = {}

    def sent(self, path: Path, done_bytes: int, total_bytes: int) -> None:
        if self._until == "90%" and done_bytes >= 0.9 * total_bytes:
            self._stop.set()

    def moved(self, path: Path, state: str, reason: str) -> None:
        now = (time.monotonic(), time.process_time())
        if state == FileState.UPLOADING and self._begun is None:
            self._begun = now
        elif state == FileState.UPLOADED:
            self._files -= 1
            if self._begun is not None:
                self.told = {"wall_s": now[0] - self._begun[0], "cpu_s": now[1] - self._begun[1]}
            if self._files == 0 and self._until == "uploaded":
                self._stop.set()


def upload(state_dir: Path, footage: Path, *, verify_chunks: bool, until: str) -> dict[str, float]:
    settings = Settings(
        state_dir=state_dir,
        platform=PlatformSettings(base_url=os.environ["TWELVELABS_BASE_URL"]),
        roots=(RootSettings(path=footage, index="clips"),),
        sync=SyncSettings(settle_s=0.05, poll_s=0.05),
        upload=UploadSettings(verify_chunks=verify_chunks),
        limits=LimitSettings(max_size_bytes=10 * 2**30),
    )
    stop, clock = threading.Event(), SystemClock()
    watch = Watch(stop, until, sum(1 for path in footage.rglob("*.mp4")))
    with (
        Store(settings.state_dir, clock) as store,
        TwelveLabs(os.environ["TWELVE_LABS_API_KEY"], settings.platform.base_url, stop=stop) as client,
        Prober() as prober,
    ):
        engine = Engine(settings, store, client, prober, clock=clock, stop=stop, progress=watch, is_single_pass=True)
        begun_s, begun_cpu_s = time.monotonic(), time.process_time()
        summary = engine.run_once()
        whole = {"wall_s": time.monotonic() - begun_s, "cpu_s": time.process_time() - begun_cpu_s}
    told = whole if until == "done" else watch.told
    return told | {"begun_s": begun_s, "enriched": summary.enriched, "bytes_sent": summary.bytes_sent}


if __name__ == "__main__":
    gc.freeze()  # as the commands do
    gc.set_threshold(10_000, 20, 20)
    parser = argparse.ArgumentParser()
    parser.add_argument("state_dir", type=Path)
    parser.add_argument("footage", type=Path)
    parser.add_argument("--verify-chunks", action="store_true")
    parser.add_argument("--until", choices=("uploaded", "90%", "done"), default="uploaded")
    options = parser.parse_args()
    print(
        json.dumps(upload(options.state_dir, options.footage, verify_chunks=options.verify_chunks, until=options.until))
    )
