"""The sandbox as a process of its own, whose chunk URLs lead to a sink: all its checks, and none of the bytes.

    python -m tests.bench.sandbox_beside_sink SINK_URL CLIP     prints base URL and key

What is behind each asset is CLIP, whatever was sent.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from unittest import mock

from tlsync.sandbox.core import Core
from tlsync.sandbox.server import SandboxServer
from tlsync.sandbox.storage import Storage

ETAG = "sink"


class SandboxBesideSink:
    """Such a process."""

    base_url: str
    api_key: str

    def __init__(self, sink_url: str, clip: Path) -> None:
        self._command = [sys.executable, "-m", __name__, sink_url, str(clip)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.base_url, self.api_key = self._process.stdout.readline().split()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # the end of its input is the end of it

    def counts(self) -> dict[str, int]:
        """Calls so far, by the reference's names."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("counts\n")
        self._process.stdin.flush()
        counts: dict[str, int] = json.loads(self._process.stdout.readline())
        return counts

    @property
    def environment(self) -> dict[str, str]:
        """What leads tlsync and the official SDK there."""
        return os.environ | {"TWELVE_LABS_API_KEY": self.api_key, "TWELVELABS_BASE_URL": self.base_url}


class _SinkStorage(Storage):
    """Every chunk for which a URL was made counts as stored."""

    sink_url = ""
    clip = Path()

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._database = core.db
        self._new_file = core.scratch_file

    def make_urls(self, origin: str, upload_id: str, chunks: Iterable[int]) -> list[tuple[int, str, int]]:
        made = super().make_urls(self.sink_url, upload_id, chunks)
        with self._database.transaction() as db:
            for chunk, _, _ in made:
                db.execute("INSERT OR IGNORE INTO parts VALUES (?, ?, ?, 0, '', NULL)", (upload_id, chunk, ETAG))
        return made

    def join(self, files: Sequence[str]) -> Path:
        whole = self._new_file()
        shutil.copyfile(self.clip, whole)
        return whole

    def discard(self, files: Iterable[str]) -> None:
        pass


def serve(sink_url: str, clip: str) -> None:
    _SinkStorage.sink_url, _SinkStorage.clip = sink_url, Path(clip)
    with mock.patch("tlsync.sandbox.world.Storage", _SinkStorage), SandboxServer(platform="2026-07") as server:
        print(server.base_url, server.api_key, flush=True)
        for _ in sys.stdin:
            print(json.dumps(server.ledger.counts()), flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
