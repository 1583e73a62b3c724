"""config.toml → one frozen `Settings`. Read once, never written. Defaults are here and in config.example.toml."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import platformdirs

from tlsync.config_reading import Problems, Table
from tlsync.errors import ConfigError
from tlsync.models import ENRICHMENT_KINDS, EnrichmentKind
from tlsync.toml_lines import find_lines
from tlsync.units import parse_duration, parse_rate, parse_size

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
    """Where the platform is, and where the key is when it is not in the environment."""

    base_url: str = "https://api.twelvelabs.io/v1.3"
    api_key_file: Path | None = None


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


def default_state_dir() -> Path:
    """The system's place for user data."""
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


def config_path(path: Path | None, *, profile: str | None, env: Mapping[str, str]) -> Path:
    """Where the settings are: the argument, TLSYNC_CONFIG, or the system's place for user settings."""
    if path is not None:
        return path
    if env.get("TLSYNC_CONFIG"):
        return Path(env["TLSYNC_CONFIG"]).expanduser()
    name = f"config.{profile}.toml" if profile else "config.toml"
    return Path(platformdirs.user_config_dir("tlsync", appauthor=False)) / name


def load_settings(path: Path | None, *, profile: str | None, env: Mapping[str, str]) -> Settings:
    """Read the settings; environment variables win over the file.

    Raises:
        ConfigError: There is no file, or it has mistakes; all of them are named, with their lines.
    """
    if profile is not None and (not profile or not all(c.isalnum() or c in "-_" for c in profile)):
        raise ConfigError(f"--profile {profile!r}: use letters, digits, - and _")
    where = config_path(path, profile=profile, env=env)
    try:
        text = where.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(
            f"{where}: there is no settings file", hint="copy config.example.toml there and set [[root]] path"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: can't be read: {error}") from error
    settings = parse_settings(text, str(where), env=env)
    if profile is not None:
        # Each profile has a catalog of its own, also where the file does not name a state folder.
        settings = _with_state_dir(settings, settings.state_dir / profile)
    if env.get("TLSYNC_STATE_DIR"):
        settings = _with_state_dir(settings, Path(env["TLSYNC_STATE_DIR"]).expanduser().absolute())
    return settings


def parse_settings(text: str, where: str, *, env: Mapping[str, str]) -> Settings:
    """Settings from the text of a file; `where` names it in errors.

    Raises:
        ConfigError: As `load_settings`.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}") from error
    problems = Problems(where, find_lines(text))
    top = Table(data, "", None, problems)
    defaults = Settings()

    platform = top.table("platform")
    base_url = env.get("TWELVELABS_BASE_URL") or platform.text("base_url", defaults.platform.base_url)
    key_file = platform.text("api_key_file", "")
    index = top.table("index")
    sync = top.table("sync")
    upload = top.table("upload")
    analysis = top.table("analysis")
    sidecar = top.table("sidecar")
    limits = top.table("limits")
    settings = Settings(
        state_dir=_path(top.text("state_dir", "")) or defaults.state_dir,
        platform=PlatformSettings(base_url=base_url.rstrip("/"), api_key_file=_path(key_file)),
        index=IndexSettings(
            models=index.texts("models", defaults.index.models, least=1),
            model_options=index.texts("model_options", defaults.index.model_options, among=("visual", "audio"), least=1),
            addons=index.texts("addons", defaults.index.addons, among=("thumbnail",)),
        ),
        roots=tuple(_root(table, problems) for table in top.tables("root")),
        sync=SyncSettings(
            settle_s=sync.parsed("settle", parse_duration, defaults.sync.settle_s),
            rescan_s=sync.parsed("rescan", parse_duration, defaults.sync.rescan_s, least=1),
            poll_s=sync.parsed("poll", parse_duration, defaults.sync.poll_s, least=0.05),
        ),
        upload=UploadSettings(
            workers=upload.whole("workers", defaults.upload.workers, least=1, most=32),
            bandwidth_bytes_per_s=upload.parsed("bandwidth", parse_rate, None),
            verify_chunks=upload.flag("verify_chunks", defaults.upload.verify_chunks),
        ),
        analysis=AnalysisSettings(
            source=analysis.choice("source", defaults.analysis.source, ("auto", "predefined", "analyze")),
            kinds=analysis.texts("kinds", defaults.analysis.kinds, among=ENRICHMENT_KINDS),  # type: ignore[arg-type]
        ),
        sidecar=SidecarSettings(
            location=sidecar.choice("location", defaults.sidecar.location, ("beside", "hidden", "central")),
            captions=sidecar.texts("captions", (), among=("srt", "vtt")),
        ),
        limits=LimitSettings(
            max_size_bytes=limits.parsed("max_size", parse_size, None),
            min_duration_s=limits.parsed("min_duration", parse_duration, None),
            max_duration_s=limits.parsed("max_duration", parse_duration, None),
            min_side_px=limits.whole("min_side_px", None, least=1, most=100_000),
        ),
    )
    for table in (top, platform, index, sync, upload, analysis, sidecar, limits):
        table.refuse_unknown()
    _check_roots(settings.roots, problems)
    problems.raise_if_any()
    return settings


def _root(table: Table, problems: Problems) -> RootSettings:
    text = table.text("path", "")
    if not text:
        problems.add(table.place("path"), "a root needs a path")
    root = RootSettings(
        path=_path(text) or Path("/"),
        index=table.text("index", "tlsync"),
        include=table.texts("include", DEFAULT_INCLUDE, least=1),
        exclude=table.texts("exclude", ()),
        watch=table.choice("watch", "auto", ("auto", "events", "polling")),
    )
    if not root.index:
        problems.add(table.place("index"), "an index needs a name")
    table.refuse_unknown()
    return root


def _check_roots(roots: tuple[RootSettings, ...], problems: Problems) -> None:
    """A file may be below one root only: otherwise it would be uploaded for both."""
    for number, root in enumerate(roots):
        for other in roots[:number]:
            if root.path == other.path:
                problems.add(("root", number, "path"), f"{root.path} is named twice")
            elif root.path in other.path.parents or other.path in root.path.parents:
                problems.add(
                    ("root", number, "path"), f"{root.path} and {other.path}: one root must not lie in another"
                )


def _path(text: str) -> Path | None:
    """An absolute path without `..`; links stay as they are. None for an empty text."""
    return Path(os.path.abspath(Path(text).expanduser())) if text else None  # noqa: PTH100


def _with_state_dir(settings: Settings, state_dir: Path) -> Settings:
    from dataclasses import replace

    return replace(settings, state_dir=state_dir)
