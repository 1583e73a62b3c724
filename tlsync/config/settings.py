"""All settings as frozen dataclasses. Their defaults are here and in config.example.toml."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tlsync.models import ENRICHMENT_KINDS, EnrichmentKind

DEFAULT_INCLUDE = tuple(
    f"*.{ending}"
    for ending in (
        *("mp4", "mov", "m4v", "mkv", "webm", "avi", "mxf", "mts", "m2ts", "ts", "mpg", "mpeg", "wmv", "flv", "3gp"),
        *("wav", "mp3", "flac"),
    )
)
"""The usual video and audio types (reference, "Media by model": what FFmpeg reads; WAV, MP3, FLAC)."""

Watch = Literal["auto", "events", "polling"]
Source = Literal["auto", "predefined", "analyze"]
Location = Literal["beside", "hidden", "central"]


@dataclass(frozen=True, slots=True)
class PlatformSettings:
    """Where the platform is, and where the key is when it is not in the environment.

    `login_file` lies beside the settings and is where `tlsync auth login` notes keys, `profile` whose they are;
    neither is a setting.
    """

    base_url: str = "https://api.twelvelabs.io/v1.3"
    api_key_file: Path | None = None
    login_file: Path | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Used when an index has to be created; none of it can be changed afterwards."""

    models: tuple[str, ...] = ("marengo3.0", "pegasus1.2")
    model_options: tuple[str, ...] = ("visual", "audio")
    addons: tuple[str, ...] = ("thumbnail",)


@dataclass(frozen=True, slots=True)
class RootSettings:
    """One watched folder."""

    path: Path
    index: str = "tlsync"
    include: tuple[str, ...] = DEFAULT_INCLUDE
    exclude: tuple[str, ...] = ()
    watch: Watch = "auto"


@dataclass(frozen=True, slots=True)
class SyncSettings:
    """When a file counts as quiet, how often all is looked at, and the first interval of polls."""

    settle_s: float = 10.0
    rescan_s: float = 900.0
    poll_s: float = 5.0


@dataclass(frozen=True, slots=True)
class UploadSettings:
    """`workers` chunks are in flight over all files; `bandwidth_bytes_per_s` None is unlimited."""

    workers: int = 4
    bandwidth_bytes_per_s: int | None = None
    verify_chunks: bool = True


@dataclass(frozen=True, slots=True)
class AnalysisSettings:
    """Which texts are wanted, and by which way."""

    source: Source = "auto"
    kinds: tuple[EnrichmentKind, ...] = ENRICHMENT_KINDS


@dataclass(frozen=True, slots=True)
class SidecarSettings:
    """Where sidecars are written, and whether captions are written too."""

    location: Location = "beside"
    captions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """Changes to the limits of the index's models; None keeps the limit that the models are known to have."""

    max_size_bytes: int | None = None
    min_duration_s: float | None = None
    max_duration_s: float | None = None
    min_side_px: int | None = None
    max_width_px: int | None = None
    max_height_px: int | None = None
    max_aspect: float | None = None


def default_state_dir() -> Path:
    """The system's place for user data."""
    import platformdirs

    return Path(platformdirs.user_data_dir("tlsync", appauthor=False))


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, with their defaults."""

    state_dir: Path = field(default_factory=default_state_dir)
    platform: PlatformSettings = PlatformSettings()
    index: IndexSettings = IndexSettings()
    roots: tuple[RootSettings, ...] = ()
    sync: SyncSettings = SyncSettings()
    upload: UploadSettings = UploadSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    sidecar: SidecarSettings = SidecarSettings()
    limits: LimitSettings = LimitSettings()
