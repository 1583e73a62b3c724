"""Status reports as `tlsync status --json` prints them, for tests of how they are shown."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tlsync.states import FileState

NOW = datetime(2026, 11, 23, 14, 2, 11, tzinfo=UTC)


def report(*, running: bool = True, counts: dict[str, int] | None = None, **changes: Any) -> dict[str, Any]:
    """A quiet tlsync with one folder, and what differs."""
    return {
        "v": 1,
        "daemon": {"running": running, "pid": 4711 if running else None, "paused_until": None},
        "pause": None,
        "other_process": None,
        "counts": {state.value: (counts or {}).get(state.value, 0) for state in FileState},
        "left": {"files": 0, "bytes": 0},
        "today": {"uploaded": 0, "bytes": 0, "enriched": 0, "failed": 0},
        "roots": [root("/footage")],
        "transfers": [],
        "bytes_per_s": 0,
        "errors": [],
    } | changes


def root(path: str, **changes: Any) -> dict[str, Any]:
    return {
        "path": path, "online": True, "condition": "online", "last_scan_at": "2026-11-23T13:59:11.000Z",
        "watching": "events", "note": "", "index": "clips", "trouble": "",
    } | changes  # fmt: skip


def transfer(path: str, done: int, total: int, rate: int = 0) -> dict[str, Any]:
    return {"path": path, "bytes_done": done, "bytes_total": total, "bytes_per_s": rate}


def failure(path: str | None, message: str, hint: str = "", **changes: Any) -> dict[str, Any]:
    return {"path": path, "code": "remote_failed", "message": message, "hint": hint} | changes


def busy() -> dict[str, Any]:
    """Everything at once."""
    return report(
        counts={"settling": 3, "identified": 7, "uploading": 4, "indexing": 2, "enriched": 84, "failed": 1},
        pause={"until": "2026-11-23T16:00:00.000Z", "reason": "on a call"},
        left={"files": 14, "bytes": 3_600_000_000},
        today={"uploaded": 12, "bytes": 8_100_000_000, "enriched": 11, "failed": 1},
        bytes_per_s=12_900_000,
        roots=[
            root("/footage"),
            root("/Volumes/Archive", online=False, condition="offline", trouble="the folder does not exist"),
        ],
        transfers=[
            transfer("/footage/A001_C003.mov", 250_000_000, 1_000_000_000, 10_000_000),
            transfer("/footage/A001_C004.mov", 0, 2_000_000_000),
            transfer("/footage/day/日本語の長い名前のクリップ_テイク3.mov", 250_000_000, 800_000_000, 2_900_000),
            transfer("/footage/odd\x1b[2J.mov", 1, 300_000_000),
        ],
        errors=[
            failure(None, "no network", "check the connection"),
            failure(
                "/footage/B003.mov", "the platform could not use it", "tlsync retry", at="2026-11-23T13:00:00.000Z"
            ),
        ],
    )
