"""Where the settings file is, and reading it: environment variables win over the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tlsync.config.parsing import parse_settings
from tlsync.config.places import settings_folder
from tlsync.config.settings import Settings
from tlsync.config.values import check_base_url
from tlsync.errors import ConfigError


def config_path(path: Path | None, *, profile: str | None, env: Mapping[str, str]) -> Path:
    """Where the settings are: the argument, TLSYNC_CONFIG, or the system's place for user settings."""
    if path is not None:
        return path
    if env.get("TLSYNC_CONFIG"):
        return Path(env["TLSYNC_CONFIG"]).expanduser()
    name = f"config.{profile}.toml" if profile else "config.toml"
    return settings_folder() / name


def login_file(settings_file: Path) -> Path:
    """Where the keys of `tlsync auth login` are noted: `config.keys.json` beside `config.toml`."""
    return settings_file.absolute().with_suffix(".keys.json")


def load_settings(
    path: Path | None,
    *,
    profile: str | None,
    env: Mapping[str, str],
    may_be_missing: bool = False,
    is_to_be_made: bool = False,
) -> Settings:
    """Read the settings; environment variables win over the file.

    Args:
        may_be_missing: Take the defaults where no file was named and none is in the system's place.
        is_to_be_made: Take the defaults where there is no file, named or not.

    Raises:
        ConfigError: There is no file, or it has mistakes; all of them are named, with their lines.
    """
    if profile is not None and (not profile or not all(c.isalnum() or c in "-_" for c in profile)):
        raise ConfigError(f"{profile!r} is no name for a profile", hint="use letters, digits, - and _")
    where = config_path(path, profile=profile, env=env)
    try:
        text = where.read_text("utf-8")
    except FileNotFoundError:
        is_named = path is not None or profile is not None or bool(env.get("TLSYNC_CONFIG"))
        if not is_to_be_made and (is_named or not may_be_missing):
            raise ConfigError(
                f"{where}: there is no settings file",
                hint="tlsync init makes one; or copy config.example.toml there and set the path of its [[root]], "
                "or name another file with --config",
            ) from None
        text = ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: can't be read: {error}") from error
    settings = parse_settings(text, str(where))
    settings = settings._replace(platform=settings.platform._replace(login_file=login_file(where), profile=profile))
    if profile is not None:
        # Each profile has a catalog of its own, also where the file does not name a state folder.
        settings = settings._replace(state_dir=settings.state_dir / profile)
    if state_dir := env.get("TLSYNC_STATE_DIR"):
        settings = settings._replace(state_dir=Path(state_dir).expanduser().absolute())
    if base_url := env.get("TWELVELABS_BASE_URL"):
        try:
            settings = settings._replace(platform=settings.platform._replace(base_url=check_base_url(base_url)))
        except ValueError as error:
            raise ConfigError(f"TWELVELABS_BASE_URL: {error}") from error
    return settings
