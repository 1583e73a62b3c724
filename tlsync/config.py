"""config.toml → one frozen `Settings`. Read once, never written. Defaults are here and in config.example.toml."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import platformdirs

from tlsync.config_reading import Problems, Table
from tlsync.errors import ConfigError
from tlsync.models import ENRICHMENT_KINDS, EnrichmentKind
from tlsync.patience import answers_within
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

_PATIENCE_S = 0.2

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
    settings = replace(settings, platform=replace(settings.platform, login_file=login_file(where), profile=profile))
    if profile is not None:
        # Each profile has a catalog of its own, also where the file does not name a state folder.
        settings = replace(settings, state_dir=settings.state_dir / profile)
    if state_dir := env.get("TLSYNC_STATE_DIR"):
        settings = replace(settings, state_dir=Path(state_dir).expanduser().absolute())
    if base_url := env.get("TWELVELABS_BASE_URL"):
        try:
            settings = replace(settings, platform=replace(settings.platform, base_url=check_base_url(base_url)))
        except ValueError as error:
            raise ConfigError(f"TWELVELABS_BASE_URL: {error}") from error
    return settings


def parse_settings(text: str, where: str) -> Settings:
    """Settings from the text of a file; `where` names it in errors.

    Raises:
        ConfigError: As `load_settings`.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}", hint="texts stand in quotes; see toml.io") from error
    problems = Problems(where, find_lines(text))
    top = Table(data, "", None, problems)
    defaults = Settings()

    platform = top.table("platform")
    index = top.table("index")
    sync = top.table("sync")
    upload = top.table("upload")
    analysis = top.table("analysis")
    sidecar = top.table("sidecar")
    limits = top.table("limits")
    settings = Settings(
        state_dir=top.parsed("state_dir", _path, None) or defaults.state_dir,
        platform=PlatformSettings(
            base_url=platform.parsed("base_url", check_base_url, defaults.platform.base_url),
            api_key_file=platform.parsed("api_key_file", _path, None),
        ),
        index=IndexSettings(
            models=index.texts("models", defaults.index.models, least=1),
            model_options=index.texts(
                "model_options", defaults.index.model_options, among=("visual", "audio"), least=1
            ),
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
            max_size_bytes=limits.parsed("max_size", parse_size, None, least=1),
            min_duration_s=limits.parsed("min_duration", parse_duration, None),
            max_duration_s=limits.parsed("max_duration", parse_duration, None),
            min_side_px=limits.whole("min_side_px", None, least=1, most=100_000),
            max_width_px=limits.whole("max_width_px", None, least=1, most=100_000),
            max_height_px=limits.whole("max_height_px", None, least=1, most=100_000),
            max_aspect=limits.number("max_aspect", None, least=1.0),
        ),
    )
    for table in (top, platform, index, sync, upload, analysis, sidecar, limits):
        table.refuse_unknown()
    _check_roots(settings.roots, problems)
    problems.raise_if_any()
    return settings


def _root(table: Table, problems: Problems) -> RootSettings:
    # A root without a usable path is noted as a mistake; the empty path only stands in until that is told.
    root = RootSettings(
        path=table.parsed("path", _path, None) or Path(),
        index=table.text("index", "tlsync"),
        include=table.texts("include", DEFAULT_INCLUDE, least=1),
        exclude=table.texts("exclude", ()),
        watch=table.choice("watch", "auto", ("auto", "events", "polling")),
    )
    if not table.has_text("path"):
        problems.add(table.place("path"), "a root needs a path")
    if not root.index.strip():
        problems.add(table.place("index"), "an index needs a name")
    table.refuse_unknown()
    return root


def _check_roots(roots: tuple[RootSettings, ...], problems: Problems) -> None:
    """A file may be below one root only: otherwise it would be uploaded for both. Links lead where they lead."""
    # A volume that hangs must not hold up every command: its links are believed to lead where they are.
    answers = answers_within(_PATIENCE_S, os.path.realpath, [root.path for root in roots] if len(roots) > 1 else [])
    real = [Path(answers.get(root.path, root.path)) for root in roots]
    for number, root in enumerate(roots):
        for earlier, other in enumerate(roots[:number]):
            if Path() in (root.path, other.path):
                continue
            if real[number] == real[earlier]:
                also = "" if root.path == other.path else f", as {other.path}"
                problems.add(("root", number, "path"), f"{root.path} is named twice{also}")
            elif real[number] in real[earlier].parents or real[earlier] in real[number].parents:
                problems.add(
                    ("root", number, "path"), f"{root.path} and {other.path}: one root must not lie in another"
                )


def _path(text: str) -> Path | None:
    """An absolute path without `..`; links stay as they are. None for an empty text.

    Raises:
        ValueError: It depends on where tlsync is started.
    """
    if not text:
        return None
    try:
        path = Path(text).expanduser()
    except RuntimeError as error:
        raise ValueError(f"{text!r}: there is no such user") from error
    if not path.is_absolute():
        raise ValueError(f"{text!r} must be a whole path, beginning with / or ~")
    return Path(os.path.normpath(path))


def check_base_url(text: str) -> str:
    """A base URL without its last slash. The key is sent there, so it must be encrypted, or this machine.

    Raises:
        ValueError: It is neither, or no URL that paths can be added to.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError(f"{text!r} is not a URL: {error}") from error
    if parts.scheme not in ("https", "http") or not host:
        raise ValueError(f"{text!r} is not a URL that begins with https://")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("must be a plain URL, without user, query or fragment")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(f"{text!r} would send the key unencrypted; use https (http is for this machine only)")
    return text.rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
