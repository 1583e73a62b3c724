"""config.toml → one frozen `Settings`. Read once, never written."""

from tlsync.config.loading import config_path, load_settings, login_file
from tlsync.config.parsing import parse_settings
from tlsync.config.settings import (
    DEFAULT_INCLUDE,
    AnalysisSettings,
    IndexSettings,
    LimitSettings,
    PlatformSettings,
    RootSettings,
    Settings,
    SidecarSettings,
    SyncSettings,
    UploadSettings,
    default_state_dir,
)
from tlsync.config.values import check_base_url

__all__ = [
    "DEFAULT_INCLUDE",
    "AnalysisSettings",
    "IndexSettings",
    "LimitSettings",
    "PlatformSettings",
    "RootSettings",
    "Settings",
    "SidecarSettings",
    "SyncSettings",
    "UploadSettings",
    "check_base_url",
    "config_path",
    "default_state_dir",
    "load_settings",
    "login_file",
    "parse_settings",
]
