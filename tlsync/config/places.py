"""Where settings and data of a user belong on this system."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def settings_folder() -> Path:
    """For config.toml: `~/.config/tlsync` on Linux."""
    if folder := _xdg("XDG_CONFIG_HOME", ".config"):
        return folder
    import platformdirs

    return Path(platformdirs.user_config_dir("tlsync", appauthor=False))


def data_folder() -> Path:
    """For the catalog, the default of `state_dir`: `~/.local/share/tlsync` on Linux."""
    if folder := _xdg("XDG_DATA_HOME", ".local/share"):
        return folder
    import platformdirs

    return Path(platformdirs.user_data_dir("tlsync", appauthor=False))


def _xdg(variable: str, below_home: str) -> Path | None:
    """What platformdirs says on Linux, without loading it for each command; None where it must be asked."""
    home, named = Path(os.environ.get("HOME", "")), Path(os.environ.get(variable, ""))
    if sys.platform != "linux" or not home.is_absolute():
        return None
    return (named if named.is_absolute() else home / below_home) / "tlsync"
