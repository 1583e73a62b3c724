"""The mirrored folder kept true by a process of its own."""

from __future__ import annotations

import signal
import subprocess

from tests.desk import Desk, wait_until
from tests.mirror.shelves import Entry, fill


def test_a_watched_mirror_follows_the_catalog_until_it_is_stopped(
    desk: Desk, processes: list[subprocess.Popen[str]]
) -> None:
    fill(desk.state_dir, desk.footage, [Entry("lake.mp4", kind="audio")])
    here = desk.folder / "index" / "clips" / "by-folder" / "footage"
    processes.append(desk.start("mirror", "--watch", str(desk.folder / "index")))
    wait_until((here / "lake.mp4" / "info.json").exists, "the first clip")
    fill(desk.state_dir, desk.footage, [Entry("sea.mp4", kind="audio")])
    wait_until((here / "sea.mp4" / "info.json").exists, "the second clip")
    processes[0].send_signal(signal.SIGINT)
    assert processes[0].wait(20) == 0
    assert desk.run("mirror", str(desk.folder / "index"))[0] == 0
