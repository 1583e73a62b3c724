"""Completion scripts that the shells accept, and help for what was mistyped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Tlsync

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_reads(tlsync: Tlsync, shell: str, tmp_path: Path) -> None:
    script = tlsync("completion", shell).out
    assert "_TLSYNC_COMPLETE" in script
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not on this machine")
    (tmp_path / "script").write_text(script)
    subprocess.run([shell, "-n", str(tmp_path / "script")], check=True, timeout=30)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tlsync pa", "plain,pause"),
        ("tlsync --pr", "plain,--profile"),
        ("tlsync pause --f", "plain,--for"),
        ("tlsync completion z", "plain,zsh"),
    ],
)
def test_what_the_script_asks_for_is_answered(words: str, expected: str) -> None:
    environment = {
        **os.environ,
        "_TLSYNC_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(
        [sys.executable, "-c", "from tlsync.cli.main import main; main()"],
        env=environment,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert expected in done.stdout.split()


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["snyc"], "'sync'"),
        (["pasue"], "'pause'"),
        (["sync", "--jsn"], "'--json'"),
        (["service", "instal"], "'install'"),
        (["--profil", "x"], "--profile"),
    ],
)
def test_what_was_probably_meant_is_named(tlsync: Tlsync, arguments: list[str], meant: str) -> None:
    outcome = tlsync(*arguments)
    assert outcome.code == 2
    assert "Did you mean" in outcome.err and meant in outcome.err
