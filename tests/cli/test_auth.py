"""`tlsync auth`: kept, shown by its ending only, removed; and a service that waits for the keyring."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import keyrings
from tests.cli.conftest import Tlsync
from tests.cli.terminal import Terminal
from tlsync.cli.wiring import awaited_key, key_store_of
from tlsync.config import PlatformSettings
from tlsync.errors import Interrupted, Unauthorized
from tlsync.sandbox.server import SandboxServer
from tlsync.secret import Secret

KEY = "tlk_canary_0123456789"


@pytest.fixture(autouse=True)
def no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyrings.uninstall(monkeypatch)


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(api_key=KEY) as server:
        yield server


@pytest.fixture
def newcomer(tlsync: Tlsync, server: SandboxServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Tlsync:
    """Nothing is set but the place of the platform."""
    for name in ("TWELVE_LABS_API_KEY", "TLSYNC_CONFIG"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("TWELVELABS_BASE_URL", server.base_url)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    return tlsync


def pipe(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def key_file(tmp_path: Path) -> Path:
    return tmp_path / "settings" / "tlsync" / "config.keys.json"


def test_login_keeps_a_key_that_the_platform_takes(
    newcomer: Tlsync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pipe(monkeypatch, f"{KEY}\n")
    done = newcomer("auth", "login", "--stdin")
    assert done.code == 0, done.err
    assert str(key_file(tmp_path)) in done.out
    assert "which only you can read" in done.out
    assert key_file(tmp_path).stat().st_mode & 0o777 == 0o600
    shown = newcomer("auth", "status")
    assert shown.code == 0
    assert "takes it" in shown.out
    assert "…6789" in shown.out
    as_json = newcomer("auth", "status", "--json").json
    assert (as_json["source"], as_json["is_taken"], as_json["ending"]) == ("login_file", True, "…6789")
    assert newcomer("api", "indexes.list").code == 0, "other commands use it"
    for text in (done.out + done.err, shown.out + shown.err, json.dumps(as_json)):
        assert KEY not in text


def test_login_says_that_the_keyring_has_it(
    newcomer: Tlsync, server: SandboxServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = keyrings.install(monkeypatch)
    pipe(monkeypatch, KEY)
    assert "the keyring (Fake Keyring)" in newcomer("auth", "login", "--stdin").out
    assert fake.kept == {("tlsync", server.base_url): KEY}
    assert KEY not in key_file(tmp_path).read_text()
    assert newcomer("auth", "status", "--json").json["source"] == "keyring"
    assert "removed from the keyring" in newcomer("auth", "logout").out
    assert fake.kept == {}


def test_a_key_that_is_refused_is_not_kept(newcomer: Tlsync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pipe(monkeypatch, "tlk_wrong_0123456789")
    done = newcomer("auth", "login", "--stdin")
    assert done.code == 6
    assert "tlk_wrong" not in done.out + done.err
    assert not key_file(tmp_path).exists()


def test_a_key_that_can_not_be_checked_is_kept_only_if_that_is_meant(
    newcomer: Tlsync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TWELVELABS_BASE_URL", "http://127.0.0.1:9/v1.3")
    pipe(monkeypatch, KEY)
    assert newcomer("auth", "login", "--stdin").code == 5
    assert not key_file(tmp_path).exists()
    pipe(monkeypatch, KEY)
    done = newcomer("auth", "login", "--stdin", "--yes")
    assert done.code == 0
    assert "could not be checked" in done.err
    assert newcomer("auth", "status").code == 5


@pytest.mark.parametrize("typed", ["", "two words", "x" * 5000])
def test_what_is_no_key_is_refused_and_not_shown(newcomer: Tlsync, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    pipe(monkeypatch, typed)
    done = newcomer("auth", "login", "--stdin")
    assert done.code == 2
    assert "words" not in done.err


def test_without_a_terminal_login_says_how(newcomer: Tlsync, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, KEY)
    done = newcomer("auth", "login")
    assert done.code == 2
    assert "--stdin" in done.err


def test_no_key_at_all_is_exit_code_6(newcomer: Tlsync) -> None:
    done = newcomer("auth", "status")
    assert done.code == 6
    assert "tlsync auth login" in done.err
    assert newcomer("auth", "status", "--json").json["source"] is None


def test_a_refused_key_is_exit_code_6(newcomer: Tlsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWELVE_LABS_API_KEY", "tlk_wrong_0123456789")
    done = newcomer("auth", "status")
    assert done.code == 6
    assert "the environment variable TWELVE_LABS_API_KEY" in done.out
    assert newcomer("auth", "status", "--json").json["is_taken"] is False


def test_of_a_short_key_nothing_is_shown(newcomer: Tlsync, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWELVE_LABS_API_KEY", "tlk_short")
    assert "hort" not in newcomer("auth", "status").out


def test_logout_removes_what_login_kept_and_nothing_else(
    newcomer: Tlsync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pipe(monkeypatch, KEY)
    newcomer("auth", "login", "--stdin")
    monkeypatch.setenv("TWELVE_LABS_API_KEY", KEY)
    done = newcomer("auth", "logout")
    assert done.code == 0
    assert str(key_file(tmp_path)) in done.out
    assert "TWELVE_LABS_API_KEY, which wins" in done.err
    assert not key_file(tmp_path).exists()
    assert "No key was kept" in newcomer("auth", "logout").out


def test_a_profile_has_a_key_of_its_own(newcomer: Tlsync, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pipe(monkeypatch, KEY)
    assert newcomer("--profile", "second", "auth", "login", "--stdin").code == 0
    assert newcomer("auth", "status").code == 6
    assert newcomer("--profile", "second", "auth", "status").code == 0
    assert (tmp_path / "settings" / "tlsync" / "config.second.keys.json").exists()


def test_a_locked_keyring_is_worth_another_try(newcomer: Tlsync, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = keyrings.install(monkeypatch)
    pipe(monkeypatch, KEY)
    newcomer("auth", "login", "--stdin")
    fake.trouble = RuntimeError("locked")
    done = newcomer("api", "indexes.list")
    assert done.code == 5
    assert "unlock the keyring" in done.err


def test_typing_is_not_shown_and_a_wrong_key_is_asked_for_again(server: SandboxServer, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TWELVELABS_BASE_URL": server.base_url}
    env["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    terminal = Terminal("auth", "login", env=env)
    try:
        terminal.answer("v1.3: ", "tlk_wrong_0123456789")
        terminal.answer("v1.3: ", KEY)
        assert terminal.end() == 0, terminal.seen
    finally:
        terminal.close()
    assert "refuses this key" in terminal.seen
    assert "tlk_" not in terminal.seen
    assert "The key is in" in terminal.seen


# A service that starts before the keyring is unlocked


class Unlocking(threading.Event):
    """Unlocks the keyring at the second wait, or stops."""

    def __init__(self, fake: keyrings.FakeKeyring, *, stops: bool = False) -> None:
        super().__init__()
        self._fake = fake
        self._stops = stops
        self.waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += 1
        if self.waits == 2:
            if self._stops:
                return True
            self._fake.trouble = None
        return False


def locked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[keyrings.FakeKeyring, PlatformSettings]:
    fake = keyrings.install(monkeypatch)
    platform = PlatformSettings("https://api.example.com/v1.3", login_file=tmp_path / "config.keys.json")

    store = key_store_of(platform)
    assert store is not None
    store.keep(Secret(KEY))
    fake.trouble = RuntimeError("locked")
    return fake, platform


def test_a_service_waits_for_the_keyring_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fake, platform = locked(monkeypatch, tmp_path)
    stop = Unlocking(fake)
    assert awaited_key(platform, stop).secret == Secret(KEY)
    assert stop.waits == 2
    assert sum("waiting for the key" in record.getMessage() for record in caplog.records) == 1


def test_a_service_that_waits_can_be_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake, platform = locked(monkeypatch, tmp_path)
    with pytest.raises(Interrupted):
        awaited_key(platform, Unlocking(fake, stops=True))


def test_a_service_without_any_key_does_not_wait(tmp_path: Path) -> None:
    with pytest.raises(Unauthorized):
        awaited_key(PlatformSettings(login_file=tmp_path / "config.keys.json"), threading.Event())
