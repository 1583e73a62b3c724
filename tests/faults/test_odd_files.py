"""F45: what has the name of a clip and is none."""

from __future__ import annotations

import os
import socket
import stat
import time
from pathlib import Path

from tests.conftest import MakeClip
from tests.faults.conftest import Row
from tests.workshop import Workshop


def test_f45_what_is_no_file_never_blocks(row: Row, workshop: Workshop, make_clip: MakeClip, tmp_path: Path) -> None:
    """A pipe, a socket, a device, links, a folder, an empty file: passed over, or refused with a reason."""
    footage = workshop.footage
    clip = make_clip(footage / "clip.mp4")
    started_s = time.monotonic()
    workshop.sync()
    plain_s = time.monotonic() - started_s
    os.mkfifo(footage / "pipe.mp4")
    listening = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    os.chdir(footage)  # a socket's path is short
    try:
        listening.bind("socket.mp4")
    finally:
        os.chdir(here)
    kinds = ["pipe", "socket", "loop", "dangling", "link", "folder", "empty"]
    try:
        if os.geteuid() == 0:
            try:
                os.mknod(footage / "device.mp4", stat.S_IFCHR | 0o600, os.makedev(1, 5))
                kinds.append("device")
            except OSError:
                pass  # not in this container
        (footage / "loop.mp4").symlink_to("loop.mp4")
        (footage / "dangling.mp4").symlink_to("nowhere.mp4")
        (footage / "link.mp4").symlink_to(clip)
        (footage / "around").symlink_to(footage)
        (footage / "folder.mp4").mkdir()
        make_clip(footage / "folder.mp4" / "inside.mp4", pattern=2)
        (footage / "empty.mp4").touch()
        started_s = time.monotonic()
        summary = workshop.sync()
        took_s = time.monotonic() - started_s
    finally:
        listening.close()
    assert workshop.states() == {"clip.mp4": "enriched", "folder.mp4/inside.mp4": "enriched", "empty.mp4": "ineligible"}
    assert workshop.files()["empty.mp4"].reason == "empty"
    assert (summary.files, summary.pending, summary.failed) == (3, 0, 0)
    row.say(f"{len(kinds)} kinds: 0 blocked; a pass took {took_s:.1f} s, {plain_s:.1f} s without them")


def test_f45_a_clip_that_becomes_a_pipe_never_blocks(row: Row, workshop: Workshop, make_clip: MakeClip) -> None:
    """Exchanged after it was known: the next pass does not wait for somebody to write into it."""
    clip = make_clip(workshop.footage / "clip.mp4")
    workshop.sync()
    clip.unlink()
    os.mkfifo(clip)
    for _ in range(2):
        workshop.sync()
    assert workshop.states() == {"clip.mp4": "missing"}
    row.say("a clip that became a pipe: missing, 0 blocked")
