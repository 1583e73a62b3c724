"""config.toml → one frozen `Settings`. Read once, never written."""

from tlsync.config.loading import config_path, load_settings, login_file
from tlsync.config.parsing import parse_settings
from tlsync.config.settings import (
    DEFAULT_INCLUDE,
    AnalysisSettings,
    CapSettings,
    DaemonSettings,
    HookSettings,
    IndexSettings,
    LimitSettings,
    LogSettings,
    NoticeSettings,
    PlatformSettings,
    PowerSettings,
    PriceSettings,
    RootSettings,
    Settings,
    SidecarSettings,
    SyncSettings,
    UploadSettings,
    WebhookSettings,
)
from tlsync.config.values import check_base_url

__all__ = [
    "DEFAULT_INCLUDE",
    "AnalysisSettings",
    "CapSettings",
    "DaemonSettings",
    "HookSettings",
    "IndexSettings",
    "LimitSettings",
    "LogSettings",
    "NoticeSettings",
    "PlatformSettings",
    "PowerSettings",
    "PriceSettings",
    "RootSettings",
    "Settings",
    "SidecarSettings",
    "SyncSettings",
    "UploadSettings",
    "WebhookSettings",
    "check_base_url",
    "config_path",
    "load_settings",
    "login_file",
    "parse_settings",
]
