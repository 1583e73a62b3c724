"""Where settings and data belong: on Linux found out without platformdirs, and as it says."""

from __future__ import annotations

import sys
from pathlib import Path

import platformdirs
import pytest

from tlsync.config.places import data_folder, settings_folder


@pytest.mark.parametrize("home", ["/home/me", "relative", None])
@pytest.mark.parametrize("named", ["/elsewhere", "relative/folder", "", None])
def test_the_places_are_those_of_platformdirs(
    named: str | None, home: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in {"XDG_CONFIG_HOME": named, "XDG_DATA_HOME": named, "HOME": home}.items():
        monkeypatch.delenv(variable, raising=False)
        if value is not None:
            monkeypatch.setenv(variable, value)
    assert settings_folder() == Path(platformdirs.user_config_dir("tlsync", appauthor=False))
    assert data_folder() == Path(platformdirs.user_data_dir("tlsync", appauthor=False))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other rules")
def test_the_usual_places_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert settings_folder() == Path("/home/me/.config/tlsync")
    assert data_folder() == Path("/home/me/.local/share/tlsync")
