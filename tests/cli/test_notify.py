"""`notify test`, and how settings for hooks and the webhook are read."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync
from tests.notices.receiver import Receiver

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        yield made


def extend(text: str) -> None:
    file = Path(os.environ["TLSYNC_CONFIG"])
    file.write_text(file.read_text() + text)
    file.chmod(0o600)


def program(folder: Path, script: str) -> Path:
    path = folder / "hook"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def secret(folder: Path, key: bytes) -> Path:
    path = folder / "secret"
    path.touch(mode=0o600)
    path.write_text("whsec_" + base64.b64encode(key).decode())
    return path


def test_nothing_set_up_is_said(tlsync: Tlsync) -> None:
    outcome = tlsync("notify", "test")
    assert outcome.code == 2
    assert "neither a hook nor a webhook" in outcome.err


def test_each_way_is_tried_and_told(tlsync: Tlsync, tmp_path: Path, receiver: Receiver) -> None:
    hook = program(tmp_path, f"cat > {tmp_path}/given; echo $TLSYNC_EVENT; exit 4")
    extend(f'[[hook]]\ncommand = ["{hook}"]\non = "failed"\n')
    extend(f'[webhook]\nurl = "{receiver.url}?token=canary"\nsecret_file = "{secret(tmp_path, receiver.key)}"\n')
    outcome = tlsync("-vv", "notify", "test", "--json")
    assert outcome.code == 1
    tried = {result["way"]: result for result in outcome.json["results"]}
    assert tried["hook"] | {"way": "hook"} == {
        "way": "hook",
        "name": str(hook),
        "is_fine": False,
        "message": "failed with exit code 4",
        "output": "test",
    }
    assert tried["webhook"]["is_fine"]
    assert [told["is_test"] for told in receiver.events] == [True]
    assert receiver.are_genuine
    assert json.loads((tmp_path / "given").read_text())["event"] == "test"
    assert "canary" not in outcome.out + outcome.err


def test_one_way_can_be_tried_alone(tlsync: Tlsync, tmp_path: Path, receiver: Receiver) -> None:
    extend(f'[[hook]]\ncommand = ["{program(tmp_path, "exit 1")}"]\n')
    extend(f'[webhook]\nurl = "{receiver.url}"\nsecret_file = "{secret(tmp_path, receiver.key)}"\n')
    outcome = tlsync("notify", "test", "--webhook")
    assert outcome.code == 0
    assert outcome.out == f"ok       webhook POST {receiver.origin}: was posted, and taken\n"


def test_hooks_are_run_at_the_end_of_a_pass(tlsync: Tlsync, tmp_path: Path) -> None:
    """A person who runs `sync` by a timer expects them too."""
    footage = tmp_path / "footage"
    hook = program(tmp_path, f"cat >> {tmp_path}/given")
    extend(f'[[hook]]\ncommand = ["{hook}"]\non = ["ineligible", "idle"]\nroot = "{footage}"\n')
    (footage / "text.mp4").write_text("no media")
    assert tlsync("sync").code == 0
    told = [json.loads(line) for line in (tmp_path / "given").read_text().splitlines()]
    assert [event["event"] for event in told] == ["ineligible", "idle"]
    assert told[0]["path"] == str(footage / "text.mp4")
    assert told[1]["counts"] == {"discovered": 1, "ineligible": 1}


def test_a_hook_that_fails_stands_in_status_until_it_does_not(tlsync: Tlsync, tmp_path: Path) -> None:
    footage = tmp_path / "footage"
    hook = program(tmp_path, "exit 4")
    extend(f'[[hook]]\ncommand = ["{hook}"]\non = "ineligible"\n')
    (footage / "a.mp4").write_text("no media")
    tlsync("sync")
    told = [error["message"] for error in tlsync("status", "--json").json["errors"]]
    assert told == [f"hook {hook} failed with exit code 4 for a.mp4"]
    program(tmp_path, "exit 0")
    (footage / "b.mp4").write_text("no media either")
    tlsync("sync")
    assert tlsync("status", "--json").json["errors"] == []
