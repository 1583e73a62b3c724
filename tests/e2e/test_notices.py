"""A daemon with a hook and a webhook is killed in the middle: nothing is left out, and little comes twice."""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import MakeClip
from tests.desk import CANARY_KEY, Desk, wait_until
from tests.notices.receiver import Receiver

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell script")


@pytest.fixture
def left_behind(tmp_path: Path) -> Iterator[Path]:
    """Where a hook notes the child that outlives a daemon that was killed; it does not outlive the test."""
    yield tmp_path / "child"
    if (tmp_path / "child").exists():
        end(tmp_path / "child")


def end(noted: Path) -> None:
    with suppress(ProcessLookupError, ValueError):
        os.kill(int(noted.read_text()), signal.SIGKILL)
    noted.unlink()


def test_hook_and_webhook_outlive_a_kill(
    desk: Desk, make_clip: MakeClip, processes: list[subprocess.Popen[str]], left_behind: Path, tmp_path: Path
) -> None:
    given, hook, secret = tmp_path / "given", tmp_path / "hook", tmp_path / "secret"
    # It hangs at the second clip until it was killed once.
    hook.write_text(
        f'#!/bin/sh\nread -r line; env >> {tmp_path}/env; echo "$line" >> {given}\n[ -e {tmp_path}/killed ] && exit\n'
        f'case "$line" in *two.mp4*) sleep 1000 & echo $! > {left_behind}; wait;; esac\n'
    )
    hook.chmod(0o755)

    def told() -> list[str]:
        lines = given.read_text().splitlines() if given.exists() else []
        return [Path(json.loads(line)["path"]).name for line in lines]

    with Receiver(503) as receiver:
        secret.touch(mode=0o600)
        secret.write_text("whsec_" + base64.b64encode(receiver.key).decode())
        desk.configure(
            f'[[hook]]\ncommand = ["{hook}"]\ntimeout = "5 min"\n'
            f'[webhook]\nurl = "{receiver.url}?token={CANARY_KEY}"\non = "enriched"\nsecret_file = "{secret}"\n'
        )
        (desk.folder / "config.toml").chmod(0o600)
        daemon = desk.start("run")
        processes.append(daemon)
        make_clip(desk.footage / "one.mp4", pattern=1)
        wait_until(lambda: "one.mp4" in told(), "the first clip")
        make_clip(desk.footage / "two.mp4", pattern=2)
        wait_until(lambda: "two.mp4" in told(), "the second clip")
        wait_until(lambda: left_behind.exists() and left_behind.read_text(), "the child of the hook")
        daemon.send_signal(signal.SIGKILL)
        daemon.wait(30)
        end(left_behind)
        (tmp_path / "killed").touch()

        daemon = desk.start("run")
        processes.append(daemon)
        make_clip(desk.footage / "three.mp4", pattern=3)
        wait_until(lambda: "three.mp4" in told() and "three.mp4" in receiver.names("enriched"), "the third clip")
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(60) == 0

        assert list(dict.fromkeys(told())) == ["one.mp4", "two.mp4", "three.mp4"]
        assert told().count("two.mp4") == 2
        assert set(receiver.names("enriched")) == {"one.mp4", "two.mp4", "three.mp4"}
        assert receiver.are_genuine
    assert CANARY_KEY not in (tmp_path / "env").read_text()
    assert not any(CANARY_KEY in file.read_text() for file in desk.output.iterdir())
