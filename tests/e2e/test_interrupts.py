"""Ctrl-C in the middle of a command that waits for the platform: it ends soon, and leaves nothing half-made."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.desk import CANARY_KEY, Desk, wait_until
from tlsync.api import TwelveLabs
from tlsync.sandbox.pictures import bars_png

MakeClip = Callable[..., Path]


def test_an_interrupted_entity_is_taken_away_again(desk: Desk, processes: list[subprocess.Popen[str]]) -> None:
    picture = desk.folder / "kim.png"
    picture.write_bytes(bars_png(b"\x01\xc8\x5a", 200, 150))
    desk.server.faults.stall("entity")
    processes.append(desk.start("entity", "add", "Kim", str(picture)))
    wait_until(lambda: desk.server.ledger.count("entity_collections.entities.retrieve") >= 2, "polls")
    processes[0].send_signal(signal.SIGINT)
    assert processes[0].wait(10) == 130
    with TwelveLabs(api_key=CANARY_KEY, base_url=desk.server.base_url) as client:
        assert list(client.assets.list()) == []
        assert list(client.entity_collections.list()) == []


def test_an_interrupted_question_ends_at_once(
    desk: Desk, processes: list[subprocess.Popen[str]], make_clip: MakeClip
) -> None:
    clip = make_clip(desk.footage / "clip.mp4")
    desk.json("sync")
    desk.server.faults.delay("analyze", 60)
    processes.append(desk.start("analyze", str(clip), "Who?"))
    rules = desk.server.faults.to_json
    wait_until(lambda: rules()[0]["hits"], "the question")
    processes[0].send_signal(signal.SIGINT)
    assert processes[0].wait(10) == 130
