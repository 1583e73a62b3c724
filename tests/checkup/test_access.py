"""Settings, key and platform: what is told, and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.conftest import FakeClock
from tests.workshop import Workshop
from tlsync.api import IndexModel, TwelveLabs
from tlsync.api_key import FoundKey
from tlsync.checkup import access
from tlsync.checkup.account import Account, RemoteIndex, ask_account
from tlsync.checkup.findings import Finding
from tlsync.clock import SystemClock
from tlsync.config import PlatformSettings, RootSettings, Settings
from tlsync.errors import (
    ApiError,
    ConfigError,
    NotYet,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
    Unreachable,
    Untrusted,
)
from tlsync.secret import Secret

SETTINGS = Settings(Path("state"), roots=(RootSettings(Path("/footage"), "clips"),))
KEY = FoundKey(Secret("tlk_canary"), "environment", "TWELVE_LABS_API_KEY")


def states(found: list[Finding]) -> dict[str, str]:
    return {one.check: one.state for one in found}


def find_key() -> FoundKey:
    return KEY


Looked = Callable[[Account | ApiError], list[Finding]]


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch, fake_clock: FakeClock) -> Looked:
    """The findings for what the platform says."""

    def look(says: Account | ApiError) -> list[Finding]:
        def answer(*_: object) -> Account:
            if isinstance(says, ApiError):
                raise says
            return says

        monkeypatch.setattr(access, "ask_account", answer)
        return list(access.check_platform(SETTINGS, find_key, fake_clock))

    return look


def test_one_call_tells_it_all(workshop: Workshop) -> None:
    """On the real wire: key, platform, clock and the index of the settings."""

    with TwelveLabs(workshop.server.api_key, workshop.server.base_url) as client:
        client.indexes.create(
            index_name="clips", models=[IndexModel(model_name="marengo3.0", model_options=("visual",))]
        )
    before = sum(workshop.counts().values())
    settings = SETTINGS._replace(platform=PlatformSettings(workshop.server.base_url))
    key = replace(KEY, secret=Secret(workshop.server.api_key))
    found = list(access.check_platform(settings, lambda: key, SystemClock()))
    assert states(found) == dict.fromkeys(("key", "platform", "clock", "index"), "ok")
    assert found[-1].message == "clips: 0 videos, marengo3.0"
    assert sum(workshop.counts().values()) == before + 1


def test_a_wrong_key_is_told_by_the_real_wire(workshop: Workshop) -> None:
    with pytest.raises(Unauthorized):
        ask_account(Secret("tlk_wrong"), workshop.server.base_url, SystemClock())


@pytest.mark.parametrize(
    ("error", "key", "platform"),
    [
        (Unauthorized("401", status=401), "failure", "ok"),
        (RateLimited("429", retry_after_s=3600), "ok", "warning"),
        (QuotaExceeded("402", status=402, hint="look at the plan"), "ok", "failure"),
        (Unreachable("no network", hint="connect"), "ok", "failure"),
        (Untrusted("certificate", hint="look at the clock"), "ok", "failure"),
    ],
)
def test_what_the_platform_says_is_told(looked: Looked, error: ApiError, key: str, platform: str) -> None:
    found = looked(error)
    assert states(found) == {"key": key, "platform": platform}
    assert all(one.mend for one in found if one.state != "ok")
    assert "tlk_canary" not in str(found)


@pytest.mark.parametrize(
    ("ahead_s", "state", "way"),
    [(0.9, "ok", ""), (-29, "ok", ""), (3600, "warning", "behind"), (-3600, "warning", "ahead of")],
)
def test_a_clock_that_is_off_is_told(looked: Looked, ahead_s: float, state: str, way: str) -> None:
    found = next(one for one in looked(Account((), ahead_s, 0)) if one.check == "clock")
    assert found.state == state
    assert way in found.message


def test_an_index_that_expires_soon_is_told(looked: Looked, fake_clock: FakeClock) -> None:
    indexes = tuple(
        RemoteIndex(name, ("marengo3.0",), 3, fake_clock.now() + timedelta(days=days))
        for name, days in (("clips", 5), ("others", 1))
    )
    (found,) = [one for one in looked(Account(indexes, 0.0, 2)) if one.check == "index"]
    assert found.state == "warning"
    assert "clips expires in 5 days" in found.message


def test_an_index_that_lasts_is_fine(looked: Looked, fake_clock: FakeClock) -> None:
    index = RemoteIndex("clips", (), 3, fake_clock.now() + timedelta(days=80))
    assert states(looked(Account((index,), 0.0, 1)))["index"] == "ok"


def test_without_a_key_the_platform_is_not_asked(fake_clock: FakeClock) -> None:
    def locked() -> FoundKey:
        raise NotYet("the keyring is locked", hint="unlock it")

    (found,) = access.check_platform(SETTINGS, locked, fake_clock)
    assert (found.check, found.state, found.mend) == ("key", "failure", "unlock it")


# Settings


def test_each_mistake_of_the_settings_is_a_line(tmp_path: Path) -> None:
    mistake = ConfigError("config.toml:1: a\nconfig.toml:2: b", hint="look")
    (tmp_path / "config.toml").touch()
    found = list(access.check_settings(tmp_path / "config.toml", SETTINGS, mistake))
    assert [one.message for one in found] == ["config.toml:1: a", "config.toml:2: b"]
    assert {one.state for one in found} == {"failure"}


def test_settings_that_others_can_write_are_told(tmp_path: Path) -> None:
    """Who changes the base URL gets the key."""
    file = tmp_path / "config.toml"
    file.touch(0o666)
    file.chmod(0o666)
    found = list(access.check_settings(file, SETTINGS, None))
    assert [one.state for one in found] == ["warning", "ok"]
    assert found[0].mend == f"chmod go-w {file}"


def test_settings_without_a_folder_are_a_failure(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch(0o600)
    (found,) = access.check_settings(tmp_path / "config.toml", SETTINGS._replace(roots=()), None)
    assert found.state == "failure"
