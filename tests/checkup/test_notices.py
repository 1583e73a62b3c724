"""Hooks, webhook and notices, as doctor sees them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tlsync.checkup.notices import check_notices
from tlsync.clock import SystemClock
from tlsync.config import HookSettings, NoticeSettings, Settings, WebhookSettings
from tlsync.notices import desktop
from tlsync.store.store import Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="modes are those of POSIX")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "own"
    made.mkdir(mode=0o700)
    (made / "config.toml").touch(mode=0o600)
    return made


def found(folder: Path, **settings: object) -> list[tuple[str, str]]:
    made = Settings(state_dir=folder / "state", **settings)  # type: ignore[arg-type]
    return [(finding.state, finding.message) for finding in check_notices(made, folder / "config.toml")]


def hook(folder: Path, mode: int) -> HookSettings:
    (folder / "hook").touch()
    (folder / "hook").chmod(mode)
    return HookSettings((str(folder / "hook"),))


def test_a_program_that_can_be_run_is_fine(folder: Path) -> None:
    assert found(folder, hooks=(hook(folder, 0o755),)) == [("ok", "on enriched")]


def test_programs_that_can_not_be_run_are_failures(folder: Path) -> None:
    hooks = (HookSettings((str(folder / "none"),)), hook(folder, 0o644))
    assert found(folder, hooks=hooks) == [
        ("failure", "there is no such program"),
        ("failure", "it is not executable"),
    ]


def test_a_program_that_others_can_write_is_warned_of(folder: Path) -> None:
    ((state, message),) = found(folder, hooks=(hook(folder, 0o757),))
    assert state == "warning"
    assert "others can write" in message


def test_settings_that_others_can_write_run_no_hook(folder: Path) -> None:
    (folder / "config.toml").chmod(0o666)
    (state, message), _ = found(folder, hooks=(hook(folder, 0o755),))
    assert state == "failure"
    assert message.startswith("are not run: others can write")


def test_the_secret_of_the_webhook_is_looked_at(folder: Path) -> None:
    secret = folder / "secret"
    webhook = WebhookSettings("https://example.com", secret_file=secret)
    assert found(folder, webhook=webhook)[0][0] == "failure"
    secret.write_text("whsec_" + "A" * 32)
    secret.chmod(0o644)
    assert "others can read" in found(folder, webhook=webhook)[0][1]
    secret.chmod(0o600)
    assert found(folder, webhook=webhook) == [("ok", f"{secret}: 1 secret(s), private")]


def test_the_program_of_the_desktop_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notices = NoticeSettings(desktop=True)
    monkeypatch.setattr(desktop, "program", lambda: "/usr/bin/notify-send")
    assert found(folder, notices=notices) == [("ok", "shown by /usr/bin/notify-send")]
    monkeypatch.setattr(desktop, "program", lambda: None)
    assert found(folder, notices=notices)[0][0] == "warning"


def test_what_went_wrong_last_is_told(folder: Path) -> None:
    with Store(folder / "state", SystemClock()) as store:
        store.cursors.begin(["hook:1"])
        store.cursors.keep("hook:1", 0, "hook /x failed with exit code 1")
    assert found(folder, hooks=(hook(folder, 0o755),))[-1] == ("warning", "hook /x failed with exit code 1")
