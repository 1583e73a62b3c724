"""Caps with real processes: a kill in the middle of an upload, and the days after it."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing

from tests.conftest import MakeClip
from tests.desk import CHUNK_BYTES, Desk, make_large, wait_until

CHUNKS = 24


def sent_bytes(desk: Desk) -> int:
    with closing(sqlite3.connect(f"file:{desk.state_dir}/spending.db?mode=ro", uri=True)) as ledger:
        found = ledger.execute("SELECT sum(size_bytes) FROM spending").fetchone()[0]
    return int(found or 0)


def test_a_kill_in_an_upload_costs_only_what_it_sent_twice(
    desk: Desk, make_clip: MakeClip, processes: list[subprocess.Popen[str]]
) -> None:
    clip = make_large(make_clip(desk.footage / "clip.mp4"), CHUNKS * CHUNK_BYTES)
    size_bytes = clip.stat().st_size
    cap_bytes = size_bytes + 8 * CHUNK_BYTES  # what four workers had in flight may go out again
    desk.configure(f'[upload]\nbandwidth = "1 MB/s"\n[caps]\nbytes_per_day = "{cap_bytes}"\n')
    processes.append(desk.start("sync"))
    wait_until(lambda: len(desk.puts()) >= 6, "a few chunks")
    processes[0].kill()
    processes[0].wait(10)
    acknowledged = len(desk.recorded_chunks()) * CHUNK_BYTES
    before = sent_bytes(desk)
    assert acknowledged <= before < size_bytes
    code, _, err = desk.run("sync", "--json")
    assert code == 0, err
    assert size_bytes <= sent_bytes(desk) <= cap_bytes
    usage = desk.json("usage")
    assert usage["days"][0]["bytes"] == sent_bytes(desk)
    assert usage["days"][0]["by_kind"]["indexing"]["count"] == 1
