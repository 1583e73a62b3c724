"""Progress: lines where nobody looks, bars where somebody does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlsync.cli.bars import Bars
from tlsync.cli.progress import shown_progress
from tlsync.errors import Unreachable

CLIP = Path("/footage/a\x1b[2J.mp4")


def test_lines_come_every_quarter_and_for_what_people_wait_for(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(is_quiet=False) as progress:
        progress.scanned(400)
        for done in range(101):
            progress.sent(CLIP, done, 100)
        progress.moved(CLIP, "indexing", "")
        progress.moved(CLIP, "enriched", "")
        progress.trouble(Unreachable("no network"), 5)
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["sending"] * 3 + ["enriched:", "waiting"]
    assert "\x1b" not in "".join(lines)


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(is_quiet=True) as progress:
        progress.sent(CLIP, 50, 100)
        progress.moved(CLIP, "failed", "reason")
    assert capsys.readouterr() == ("", "")


def test_bars_take_every_call_and_leave_only_what_stays(capsys: pytest.CaptureFixture[str]) -> None:
    with Bars() as progress:
        for files in (200, 400, 412):
            progress.scanned(files)
        progress.hashed(CLIP, 10, 100)
        progress.hashed(CLIP, 100, 100)
        progress.sent(CLIP, 10, 100)
        progress.moved(CLIP, "enriched", "")
        progress.sent(CLIP, 100, 100)
        progress.sent(CLIP, 100, 100)
        progress.trouble(Unreachable("no network"), 5)
    text = capsys.readouterr().err
    assert "enriched: a\\x1b[2J.mp4" in text
    assert "waiting 5 s: no network" in text
    assert "412" not in text
