"""The daemon with a catalog that can't be believed, and with requests to let go of files."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.desk import Desk, wait_until

MakeClip = Callable[..., Path]


def test_run_sets_a_damaged_catalog_aside_and_sends_nothing_again(
    desk: Desk,
    make_clip: MakeClip,
    processes: list[subprocess.Popen[str]],
) -> None:
    clip = make_clip(desk.footage / "clip.mp4")
    assert desk.json("sync")["enriched"] == 1
    puts, sidecar = desk.server.ledger.put_bytes(), Path(f"{clip}.tlsync.json").read_bytes()
    catalog = desk.state_dir / "catalog.db"
    before = catalog.stat()
    data = bytearray(catalog.read_bytes())
    data[len(data) // 3] ^= 1
    catalog.write_bytes(data)
    os.utime(catalog, ns=(before.st_atime_ns, before.st_mtime_ns))
    processes.append(desk.start("run"))
    wait_until(lambda: list(desk.state_dir.glob("catalog.damaged-*/catalog.db")), "the damaged catalog to be set aside")
    wait_until(lambda: desk.json("status")["counts"]["enriched"] == 1, "the clip to be linked")
    wait_until(lambda: desk.json("status")["daemon"]["running"], "the daemon's sign of life")
    new = make_clip(desk.footage / "new.mp4", duration_s=6.0)
    wait_until(lambda: Path(f"{new}.tlsync.json").exists(), "a new clip to be taken")
    assert desk.server.ledger.put_bytes() == puts + new.stat().st_size
    assert desk.server.ledger.count("indexes.indexed_assets.create") == 2
    assert Path(f"{clip}.tlsync.json").read_bytes() == sidecar
    processes[0].terminate()
    assert processes[0].wait(10) == 0


def test_a_running_daemon_lets_go_of_files(
    desk: Desk,
    make_clip: MakeClip,
    processes: list[subprocess.Popen[str]],
) -> None:
    clip = make_clip(desk.footage / "clip.mp4")
    processes.append(desk.start("run"))
    wait_until(lambda: Path(f"{clip}.tlsync.json").exists(), "the sidecar")
    away = clip.rename(desk.folder / "away.mp4")
    assert desk.json("forget", str(clip), "--sidecars", "--yes")["asked_daemon"] is True
    wait_until(lambda: not desk.json("ls")["files"], "the file to be forgotten")
    wait_until(lambda: not Path(f"{clip}.tlsync.json").exists(), "the sidecar to go")
    sessions = desk.server.ledger.count("multipart_upload.create")
    away.rename(clip)
    wait_until(lambda: Path(f"{clip}.tlsync.json").exists(), "the clip to be linked again")
    assert desk.server.ledger.count("multipart_upload.create") == sessions
