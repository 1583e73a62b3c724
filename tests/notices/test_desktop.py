"""Notices reach the desktop's program as values, and never as code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tlsync.config import NoticeSettings
from tlsync.notices import desktop
from tlsync.notices.desktop import Desktop, command, show
from tlsync.notices.digest import Notice
from tlsync.notices.events import Event, of_daemon

AT = datetime(2026, 1, 2, tzinfo=UTC)
HOSTILE = Notice("tlsync: 1 failed", 'a"\\n\' $(touch x) <b>&amp; " & do shell script "x.mov')
DONE = Event("1", "enriched", AT, path=Path("/footage/a.mov"))


def give(monkeypatch: pytest.MonkeyPatch, path: str | None) -> None:
    monkeypatch.setattr(desktop, "program", lambda: path)


def test_notify_send_gets_text_without_tags_and_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "/usr/bin/notify-send")
    found = command(HOSTILE, "linux")
    assert found is not None
    *options, end, title, body = found[0]
    assert end == "--"
    assert title == HOSTILE.title
    assert body == 'a"\\\\n\' $(touch x) &lt;b&gt;&amp;amp; " &amp; do shell script "x.mov'
    assert "--urgency=normal" in options


def test_gdbus_gets_quoted_values(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "/usr/bin/gdbus")
    found = command(Notice("['x']", '"quoted"', is_urgent=True), "linux")
    assert found is not None
    assert found[0][-5:] == ["\"['x']\"", '"\\"quoted\\""', "@as []", "{'urgency': <byte 0x02>}", "int32 -1"]


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_scripts_are_the_same_whatever_the_text(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    """AppleScript takes it as arguments, PowerShell from its environment."""
    give(monkeypatch, "/program")
    one, other = command(HOSTILE, platform), command(Notice("t", "b"), platform)
    assert one is not None
    assert other is not None
    values = (HOSTILE.title, HOSTILE.body)
    if platform == "darwin":
        assert one[0][-2:] == list(values)
        assert one[0][:-2] == other[0][:-2]
    else:
        assert one[0] == other[0]
        assert tuple(one[1].values()) == values


def test_the_program_gets_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "notify-send"
    program.write_text(f'#!/bin/sh\nenv > {tmp_path}/env\nprintf "%s\\n" "$@" > {tmp_path}/arguments\n')
    program.chmod(0o755)
    give(monkeypatch, str(program))
    monkeypatch.setenv("TWELVE_LABS_API_KEY", "canary-key-0123456789")
    assert show(HOSTILE) == ""
    assert "canary" not in (tmp_path / "env").read_text()
    assert (tmp_path / "arguments").read_text().splitlines()[3] == HOSTILE.title


def test_a_program_that_fails_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "notify-send"
    program.write_text("#!/bin/sh\necho no display >&2\nexit 3\n")
    program.chmod(0o755)
    give(monkeypatch, str(program))
    assert show(HOSTILE) == f"{program} failed with exit code 3: no display"


def test_a_program_that_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, None)
    assert show(HOSTILE).startswith("no program shows notices here")


class Screen:
    """Takes what is shown."""

    def __init__(self, trouble: str = "") -> None:
        self.titles: list[str] = []
        self.trouble = trouble

    def __call__(self, notice: Notice) -> str:
        self.titles.append(notice.title)
        return self.trouble


def nobody(trouble: str) -> None:
    """Nobody wants to know."""


def make(clock: FakeClock, show: Callable[[Notice], str]) -> Desktop:
    return Desktop(NoticeSettings(desktop=True, every_s=900.0), clock, show)


def test_events_of_a_while_are_one_notice(fake_clock: FakeClock) -> None:
    screen = Screen()
    sender = make(fake_clock, screen)
    for _ in range(3):
        sender.deliver([DONE], nobody)
        sender.tick(is_end=False)
        fake_clock.advance(10.0)
    assert screen.titles == []
    assert sender.is_holding
    fake_clock.advance(60.0)
    sender.tick(is_end=False)
    assert screen.titles == ["tlsync: 3 clips ready"]
    assert not sender.is_holding


def test_the_end_of_a_pass_waits_no_longer(fake_clock: FakeClock) -> None:
    screen = Screen()
    sender = make(fake_clock, screen)
    sender.deliver([DONE], nobody)
    sender.tick(is_end=True)
    sender.tick(is_end=True)
    assert screen.titles == ["tlsync: 1 clip ready"]


def test_a_missing_program_is_said_once(fake_clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    troubles: list[str] = []
    sender = make(fake_clock, Screen("no program"))
    for _ in range(2):
        sender.deliver([of_daemon("trouble", AT, reason="the key")], troubles.append)
    assert troubles == ["notices: no program", "notices: no program"]
    assert caplog.text.count("no program") == 1
